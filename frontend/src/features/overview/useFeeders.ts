//! The feeders, live, and the points that arrived since the page was opened.
import { useCallback, useMemo, useState } from 'react';
import { readFragment } from '../../shared/gql';
import type { FeederCardFragment, FeederUpdatesSubscription } from '../../shared/gql/graphql';
import { useLiveQuery, useLiveUpdates } from '../../shared/lib/live';
import { parseTime } from '../../shared/lib/time';
import type { HistoryPoint } from './model';
import { FeederCardFields, FeedersQuery, FeederUpdates } from './queries';

/** Enough for the shortest range at one point a second. */
const TAIL_MAX = 900;
const ASK_EVERY_MS = 60_000;

export type Tails = ReadonlyMap<string, readonly HistoryPoint[]>;

function extend(tails: Tails, feeder: FeederCardFragment): Tails {
  const at = parseTime(feeder.lastDecisionAt);
  const tail = tails.get(feeder.id) ?? [];
  if (at === null || at <= (tail.at(-1)?.at ?? 0)) return tails;
  const point = { at, loadKw: feeder.loadKw, limitKw: feeder.effectiveLimitKw };
  return new Map(tails).set(feeder.id, [...tail, point].slice(-TAIL_MAX));
}

export function useFeeders() {
  const { data, error, loading, refresh } = useLiveQuery({ query: FeedersQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const [tails, setTails] = useState<Tails>(new Map());
  const onData = useCallback((update: FeederUpdatesSubscription) => {
    const feeder = readFragment(FeederCardFields, update.feederUpdated);
    setTails((before) => extend(before, feeder));
  }, []);
  useLiveUpdates({ query: FeederUpdates, variables: {} }, onData);

  const feeders = useMemo(() => {
    const list = readFragment(FeederCardFields, data?.feeders ?? []);
    return [...list].sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
  }, [data]);
  return { feeders, error, loading, refresh, tails };
}
