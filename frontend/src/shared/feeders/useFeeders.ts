//! The feeders, live, and the points that arrived since the page was opened. Updates are applied together, a few times a
//! second: with hundreds of feeders one after the other would keep the browser busy.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { readFragment } from '../gql';
import type { FeedersQuery as FeedersData, FeederUpdatesSubscription } from '../gql/graphql';
import { useBulkQuery, useBulkUpdates } from '../lib/live';
import { parseTime } from '../lib/time';
import type { FeederFacts } from './model';
import { FeederFactsFields, FeedersQuery, FeederUpdates } from './queries';

/** Enough for the shortest range at one point a second; with many feeders less, but more than until the next answer. */
const TAIL_MAX = 900;
const POINTS_MAX = 20_000;
const ASK_EVERY_MS = 60_000;
const APPLY_EVERY_MS = 400;

/** What a feeder's decision showed, as a point of its charts. */
export interface LivePoint {
  at: number;
  loadKw: number;
  limitKw: number;
  allocatedKw: number;
  curtailedKw: null;
  reservedKw: number;
}

export type Tails = ReadonlyMap<string, readonly LivePoint[]>;

interface Live {
  /** The answer that the updates came after; with a newer one they have done their work. */
  base: FeedersData | undefined;
  arrived: ReadonlyMap<string, FeederFacts>;
  tails: Tails;
}

function extend(tails: Map<string, readonly LivePoint[]>, feeder: FeederFacts, most: number): void {
  const at = parseTime(feeder.lastDecisionAt);
  const tail = tails.get(feeder.id) ?? [];
  if (at === null || at <= (tail.at(-1)?.at ?? 0)) return;
  const { loadKw, effectiveLimitKw: limitKw, allocatedKw, reservedKw } = feeder;
  tails.set(feeder.id, [...tail, { at, loadKw, limitKw, allocatedKw, reservedKw, curtailedKw: null }].slice(-most));
}

export function applied(before: Live, base: FeedersData | undefined, news: readonly FeederFacts[]): Live {
  const arrived = new Map(before.base === base ? before.arrived : []);
  const tails = new Map(before.tails);
  const most = Math.min(TAIL_MAX, Math.ceil(POINTS_MAX / Math.max(1, tails.size)));
  for (const feeder of news) {
    arrived.set(feeder.id, feeder);
    extend(tails, feeder, most);
  }
  return { base, arrived, tails };
}

const collator = new Intl.Collator('en', { numeric: true });
const none = () => ({});

export function useFeeders() {
  const { data, error, loading, refresh } = useBulkQuery({ query: FeedersQuery, variables: none, key: 'all', everyMs: ASK_EVERY_MS });
  const [live, setLive] = useState<Live>({ base: undefined, arrived: new Map(), tails: new Map() });
  const waiting = useRef<FeederFacts[]>([]);
  const latest = useRef(data);
  useEffect(() => {
    latest.current = data;
  });

  const onData = useCallback((update: FeederUpdatesSubscription) => {
    waiting.current.push(readFragment(FeederFactsFields, update.feederUpdated));
  }, []);
  useBulkUpdates({ query: FeederUpdates, variables: {} }, onData);

  // What a change answers is newer than what waits and than any answer on its way: refreshing drops that.
  const accept = useCallback(
    (feeder: FeederFacts) => {
      waiting.current = waiting.current.filter(({ id }) => id !== feeder.id);
      setLive((before) => applied(before, latest.current, [feeder]));
      refresh();
    },
    [refresh],
  );
  useEffect(() => {
    const timer = setInterval(() => {
      if (waiting.current.length === 0) return;
      const news = waiting.current;
      waiting.current = [];
      setLive((before) => applied(before, latest.current, news));
    }, APPLY_EVERY_MS);
    return () => clearInterval(timer);
  }, []);

  const feeders = useMemo(() => {
    const byId = new Map(readFragment(FeederFactsFields, data?.feeders ?? []).map((feeder) => [feeder.id, feeder]));
    if (live.base === data) for (const [id, feeder] of live.arrived) byId.set(id, feeder);
    return [...byId.values()].sort((a, b) => collator.compare(a.id, b.id));
  }, [data, live]);
  return { feeders, error, loading, refresh, accept, tails: live.tails };
}
