//! The newest decision about a feeder, with its devices: asked for again as decisions are made, but not at every one.
import { useCallback, useMemo, useRef } from 'react';
import { curtailment } from '../../shared/decisions/curtailed';
import { DecisionDeviceFields } from '../../shared/decisions/queries';
import { readFragment } from '../../shared/gql';
import { useBulkQuery, useBulkUpdates } from '../../shared/lib/live';
import { DecisionMade, NewestDecision } from './queries';

const ASK_EVERY_MS = 15_000;
/** Hundreds of devices each time: more often nobody reads them. */
const NOT_BEFORE_MS = 4000;

export function useNewestDecision(feederId: string) {
  const { data, error, loading, refresh } = useBulkQuery({
    query: NewestDecision,
    variables: () => ({ feederId }),
    key: feederId,
    everyMs: ASK_EVERY_MS,
  });
  const askedAt = useRef(0);
  const onMade = useCallback(() => {
    if (Date.now() - askedAt.current < NOT_BEFORE_MS) return;
    askedAt.current = Date.now();
    refresh();
  }, [refresh]);
  useBulkUpdates({ query: DecisionMade, variables: { feederId } }, onMade);

  const decision = data?.decisions.edges[0]?.node ?? null;
  const devices = useMemo(() => decision?.devices.edges.map(({ node }) => readFragment(DecisionDeviceFields, node)) ?? [], [decision]);
  const given = useMemo(() => curtailment(devices), [devices]);
  return { decision, devices, given, total: decision?.devices.totalCount ?? 0, error, loading, refresh };
}
