//! The decisions about one feeder over a window.
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Client, CombinedError } from '@urql/core';
import { DecisionFactsFields } from '../../shared/decisions/queries';
import { readFragment } from '../../shared/gql';
import { useBulkClient, useRefresh } from '../../shared/lib/live';
import { toRfc3339 } from '../../shared/lib/time';
import { stepOf, windowTo } from './model';
import type { Step, Trail } from './model';
import { ReplayStepsQuery } from './queries';

/** A decision every second makes three pages of a window. */
const PAGES_MAX = 4;
const ASK_EVERY_MS = 15_000;

async function loadTrail(client: Client, feederId: string, begin: number): Promise<Trail> {
  const [from, to] = [toRfc3339(begin), toRfc3339(windowTo(begin, Date.now()))];
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
  return { from: begin, steps: steps.sort((a, b) => a.at - b.at) };
}

/** `from`: where the window begins. The window before stays until the next one is there: play goes on across its end. */
export function useTrail(feederId: string, from: number) {
  const client = useBulkClient();
  const key = `${from}\n${feederId}`;
  const [held, setHeld] = useState<{ feederId: string; trail: Trail } | null>(null);
  const [failed, setFailed] = useState<{ key: string; error: CombinedError } | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let dropped = false;
    loadTrail(client, feederId, from).then(
      (trail) => {
        if (dropped) return;
        setHeld({ feederId, trail });
        setFailed(null);
      },
      (reason: unknown) => {
        if (!dropped) setFailed({ key, error: reason as CombinedError });
      },
    );
    return () => {
      dropped = true;
    };
  }, [client, key, feederId, from, turn]);

  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  // What is past does not change: only a window that reaches the present is asked for again.
  const reaches = useRef(false);
  useEffect(() => {
    reaches.current = windowTo(from, Date.now()) >= Date.now() - ASK_EVERY_MS;
  });
  useRefresh(() => {
    if (reaches.current) refresh();
  }, ASK_EVERY_MS);

  const trail = held?.feederId === feederId ? held.trail : undefined;
  return { trail, error: failed?.key === key ? failed.error : undefined, refresh };
}
