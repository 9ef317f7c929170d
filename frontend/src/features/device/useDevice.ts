//! One device, live, with its stored telemetry and what arrived since.
import { useCallback, useMemo, useState } from 'react';
import { readFragment } from '../../shared/gql';
import type { DeviceUpdateSubscription } from '../../shared/gql/graphql';
import { useBulkQuery, useLiveQuery, useLiveUpdates } from '../../shared/lib/live';
import { parseTime, toRfc3339 } from '../../shared/lib/time';
import type { Range } from '../../shared/ui/ranges';
import { sampleOf } from './model';
import type { TelemetrySample } from './model';
import { DeviceFactsFields, DeviceQuery, DeviceTelemetry, DeviceUpdate } from './queries';

const TAIL_MAX = 900;
const ASK_EVERY_MS = 30_000;

export function useDevice(id: string) {
  const { data, error, loading, refresh } = useLiveQuery({ query: DeviceQuery, variables: { id }, everyMs: ASK_EVERY_MS });
  const [tail, setTail] = useState<readonly TelemetrySample[]>([]);
  const onData = useCallback((update: DeviceUpdateSubscription) => {
    const device = readFragment(DeviceFactsFields, update.deviceUpdated);
    const at = parseTime(device.lastSeen);
    const sample = at === null ? null : sampleOf(device, at);
    if (!sample) return;
    setTail((before) => (sample.at > (before.at(-1)?.at ?? 0) ? [...before, sample].slice(-TAIL_MAX) : before));
  }, []);
  useLiveUpdates({ query: DeviceUpdate, variables: { id } }, onData);
  const device = readFragment(DeviceFactsFields, data?.device) ?? null;
  return { device, missing: data !== undefined && device === null, error, loading, refresh, tail };
}

export function useTelemetry(id: string, range: Range) {
  const { data, error, refresh } = useBulkQuery({
    query: DeviceTelemetry,
    variables: () => {
      const now = Date.now();
      return { id, from: toRfc3339(now - range.ms), to: toRfc3339(now) };
    },
    key: `${id}/${range.value}`,
    everyMs: range.refreshMs,
  });
  const stored = useMemo<readonly TelemetrySample[] | undefined>(
    () =>
      data?.device?.telemetry.map(({ at, powerKw, setpointKw, soc }) => ({
        at: parseTime(at) ?? 0,
        powerKw,
        setpointKw: setpointKw ?? null,
        soc: soc ?? null,
      })),
    [data],
  );
  return { stored, error, refresh };
}
