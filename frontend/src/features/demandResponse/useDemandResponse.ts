//! Events, programs and the feeders that they act on, kept current.
import { useMemo } from 'react';
import type { DrEvent } from '../../shared/events/eventModel';
import { useFeeders } from '../../shared/feeders/useFeeders';
import { readFragment } from '../../shared/gql';
import { useLiveQuery } from '../../shared/lib/live';
import { DrQuery, ProgramFields } from './queries';

/** Impact moves with every decision, and other operators write too. */
const ASK_EVERY_MS = 5000;
const NONE: readonly DrEvent[] = [];

export function useDemandResponse() {
  const { data, error, loading, refresh } = useLiveQuery({ query: DrQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const { feeders } = useFeeders();
  const programs = useMemo(() => readFragment(ProgramFields, data?.drPrograms ?? []), [data]);
  return { events: data?.events ?? NONE, programs, feeders, known: data !== undefined, error, loading, refresh };
}
