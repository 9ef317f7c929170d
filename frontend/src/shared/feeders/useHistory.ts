//! The stored history of a feeder over a range.
import { useMemo } from 'react';
import { useBulkQuery } from '../lib/live';
import { parseTime, toRfc3339 } from '../lib/time';
import type { Range } from '../ui/ranges';
import { withoutSeams } from './model';
import type { HistoryPoint } from './model';
import { FeederHistory } from './queries';

export function useHistory(id: string, range: Range) {
  const { data, error, refresh } = useBulkQuery({
    query: FeederHistory,
    variables: () => {
      const now = Date.now();
      return { id, from: toRfc3339(now - range.ms), to: toRfc3339(now), maxPoints: range.maxPoints };
    },
    key: `${id}/${range.value}`,
    everyMs: range.refreshMs,
  });
  const stored = useMemo<HistoryPoint[] | undefined>(() => {
    const points = data?.feeder?.history.map(({ at, ...rest }) => ({ ...rest, at: parseTime(at) ?? 0 }));
    return points && range.isAveraged ? withoutSeams(points) : points;
  }, [data, range.isAveraged]);
  return { stored, failed: error !== undefined, refresh };
}
