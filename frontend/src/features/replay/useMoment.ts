//! One decision in full: every feeder of its tree as it hung then, and the devices under the chosen one.
import { useState } from 'react';
import { DecisionDeviceFields, DecisionFactsFields } from '../../shared/decisions/queries';
import { readFragment } from '../../shared/gql';
import type { ReplayMomentQuery as Answer } from '../../shared/gql/graphql';
import { useBulkQuery } from '../../shared/lib/live';
import { stepOf } from './model';
import type { Step } from './model';
import { ReplayMomentQuery } from './queries';

export function useMoment(step: Step) {
  const { data, error, loading, refresh } = useBulkQuery({
    query: ReplayMomentQuery,
    variables: () => ({ id: step.id }),
    key: step.id,
    everyMs: null,
  });
  // While the next decision is on its way, the last one stays, with its time.
  const [last, setLast] = useState<Answer>();
  if (data && data !== last) setLast(data);
  const decision = (data ?? last)?.decision ?? null;
  return {
    /** The API answered, and does not know it. */
    isGone: data?.decision === null,
    at: decision?.at ?? null,
    feeders: decision?.tree.map((node) => stepOf(readFragment(DecisionFactsFields, node))) ?? [],
    devices: decision?.devices.edges.map(({ node }) => readFragment(DecisionDeviceFields, node)) ?? [],
    total: decision?.devices.totalCount ?? 0,
    error,
    loading: loading && !decision,
    refresh,
  };
}

export type Moment = ReturnType<typeof useMoment>;
