//! The decisions and loads of several feeders over a window, a few at a time; the chosen one first.
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Client, CombinedError } from '@urql/core';
import { FeederHistory } from '../../shared/feeders/queries';
import { DecisionFactsFields } from '../../shared/decisions/queries';
import { readFragment } from '../../shared/gql';
import { useBulkClient, useRefresh } from '../../shared/lib/live';
import { parseTime, toRfc3339 } from '../../shared/lib/time';
import { stepOf, windowTo } from './model';
import type { Step, Trail } from './model';
import { ReplayStepsQuery } from './queries';

/** The API runs four questions of a user at once: one is left for the page. */
const AT_ONCE = 3;
/** A decision every second makes three pages of a window. */
const PAGES_MAX = 4;
const POINTS_MAX = 600;
const ASK_EVERY_MS = 15_000;
const NONE: ReadonlyMap<string, Trail> = new Map();

async function loadSteps(client: Client, feederId: string, from: string, to: string): Promise<Step[]> {
  const steps: Step[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const variables: { feederId: string; from: string; to: string; after: string | null } = { feederId, from, to, after };
    const { data, error } = await client.query(ReplayStepsQuery, variables, { requestPolicy: 'network-only' }).toPromise();
    if (!data) throw error ?? new Error('no answer');
    steps.push(...data.decisions.edges.map(({ node }) => stepOf(readFragment(DecisionFactsFields, node))));
    if (!data.decisions.pageInfo.hasNextPage) break;
    after = data.decisions.pageInfo.endCursor;
  }
  return steps.sort((a, b) => a.at - b.at);
}

async function loadTrail(client: Client, id: string, begin: number): Promise<Trail> {
  const [from, to] = [toRfc3339(begin), toRfc3339(windowTo(begin, Date.now()))];
  const steps = await loadSteps(client, id, from, to);
  const variables = { id, from, to, maxPoints: POINTS_MAX };
  const { data, error } = await client.query(FeederHistory, variables, { requestPolicy: 'network-only' }).toPromise();
  if (!data) throw error ?? new Error('no answer');
  const loads = (data.feeder?.history ?? []).map(({ at, loadKw, limitKw }) => ({ at: parseTime(at) ?? 0, loadKw, limitKw }));
  return { from: begin, steps, loads };
}

interface Held {
  wanted: string;
  trails: ReadonlyMap<string, Trail>;
}

/** `ids`: each once, the most wanted first; `from`: where the window begins. */
export function useTrails(ids: readonly string[], from: number) {
  const client = useBulkClient();
  const wanted = ids.join('\n');
  const key = `${from}\n${wanted}`;
  const [held, setHeld] = useState<Held>({ wanted, trails: NONE });
  const [failed, setFailed] = useState<{ key: string; error: CombinedError } | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let dropped = false;
    const queue = wanted === '' ? [] : wanted.split('\n');
    const work = async () => {
      for (;;) {
        const id = queue.shift();
        if (id === undefined) return;
        const found = await loadTrail(client, id, from);
        if (dropped) return;
        // Those of the window before stay until they are replaced: play goes on across its end.
        setHeld((before) => ({ wanted, trails: new Map(before.wanted === wanted ? before.trails : NONE).set(id, found) }));
      }
    };
    Promise.all(Array.from({ length: AT_ONCE }, work)).then(
      () => {
        if (!dropped) setFailed(null);
      },
      (reason: unknown) => {
        if (!dropped) setFailed({ key, error: reason as CombinedError });
      },
    );
    return () => {
      dropped = true;
    };
  }, [client, key, wanted, from, turn]);

  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  // What is past does not change: only a window that reaches the present is asked for again.
  const reaches = useRef(false);
  useEffect(() => {
    reaches.current = windowTo(from, Date.now()) >= Date.now() - ASK_EVERY_MS;
  });
  useRefresh(() => {
    if (reaches.current) refresh();
  }, ASK_EVERY_MS);

  const trails = held.wanted === wanted ? held.trails : NONE;
  return { trails, error: failed?.key === key ? failed.error : undefined, refresh };
}
