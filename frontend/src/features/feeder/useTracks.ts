//! What decisions allocated over a range, and what is marked in it. For longer ranges there are too many decisions to ask for.
import { useEffect, useMemo, useState } from 'react';
import type { Client } from '@urql/core';
import type { FeederTracksQueryVariables } from '../../shared/gql/graphql';
import { useBulkClient, useBulkQuery, useRefresh } from '../../shared/lib/live';
import { parseTime, toRfc3339 } from '../../shared/lib/time';
import type { Range } from '../../shared/ui/ranges';
import { FeederMarks, FeederTracks } from './queries';
import type { Track } from './tracks';

/** One decision every few seconds: an hour is two or three pages. */
const LONGEST_MS = 3_600_000;
const PAGES_MAX = 4;
const MARKS_EVERY_MS = 20_000;

async function load(client: Client, feederId: string, ms: number): Promise<Track[]> {
  const now = Date.now();
  const tracks: Track[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const variables: FeederTracksQueryVariables = { feederId, from: toRfc3339(now - ms), to: toRfc3339(now), after };
    const { data } = await client.query(FeederTracks, variables, { requestPolicy: 'network-only' }).toPromise();
    if (!data) break;
    for (const { node } of data.decisions.edges) tracks.push({ at: parseTime(node.at) ?? 0, allocatedKw: node.allocatedKw });
    if (!data.decisions.pageInfo.hasNextPage) break;
    after = data.decisions.pageInfo.endCursor ?? null;
  }
  return tracks.sort((a, b) => a.at - b.at);
}

export function hasTracks(range: Range): boolean {
  return range.ms <= LONGEST_MS;
}

export function useTracks(feederId: string, range: Range): readonly Track[] {
  const client = useBulkClient();
  const key = `${feederId}/${range.value}`;
  const [held, setHeld] = useState<{ key: string; tracks: readonly Track[] }>({ key, tracks: [] });
  const [turn, setTurn] = useState(0);
  const wanted = hasTracks(range);
  useEffect(() => {
    if (!wanted) return;
    let dropped = false;
    void load(client, feederId, range.ms).then((tracks) => {
      if (!dropped) setHeld({ key, tracks });
    });
    return () => {
      dropped = true;
    };
  }, [client, feederId, key, range.ms, turn, wanted]);
  useRefresh(() => setTurn((before) => before + 1), range.refreshMs);
  return useMemo(() => (held.key === key ? held.tracks : []), [held, key]);
}

export function useMarks(feederId: string, range: Range) {
  return useBulkQuery({
    query: FeederMarks,
    variables: () => {
      const now = Date.now();
      return { feederId, from: toRfc3339(now - range.ms), to: toRfc3339(now) };
    },
    key: `${feederId}/${range.value}`,
    everyMs: MARKS_EVERY_MS,
  });
}
