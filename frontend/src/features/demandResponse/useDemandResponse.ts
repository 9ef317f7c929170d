//! Events, programs and the feeders that they act on, kept current.
import { useMemo } from 'react';
import { readFragment } from '../../shared/gql';
import type { DrEvent } from '../../shared/events/eventModel';
import { useLiveQuery } from '../../shared/lib/live';
import { DrFeederFields, DrFeedersQuery, DrQuery, ProgramFields } from './queries';

/** Impact moves with every decision, and other operators write too. */
const ASK_EVERY_MS = 5000;

const NONE: readonly DrEvent[] = [];

export function useDemandResponse() {
  const { data, error, loading, refresh } = useLiveQuery({ query: DrQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const tree = useLiveQuery({ query: DrFeedersQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const events = data?.events ?? NONE;
  const programs = useMemo(() => readFragment(ProgramFields, data?.drPrograms ?? []), [data]);
  const feeders = useMemo(() => {
    const list = readFragment(DrFeederFields, tree.data?.feeders ?? []);
    return [...list].sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
  }, [tree.data]);
  return { events, programs, feeders, known: data !== undefined, error: error ?? tree.error, loading, refresh };
}
