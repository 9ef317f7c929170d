//! The stored history of all feeders over a range, asked for in one request.
import { useMemo } from 'react';
import { useBulkQuery } from '../../shared/lib/live';
import { parseTime, toRfc3339 } from '../../shared/lib/time';
import type { Range } from '../../shared/ui/ranges';
import { withoutSeams } from './model';
import type { HistoryPoint } from './model';
import { FeederHistories } from './queries';

export function useHistories(range: Range) {
  const { data, error } = useBulkQuery({
    query: FeederHistories,
    variables: () => {
      const now = Date.now();
      return { from: toRfc3339(now - range.ms), to: toRfc3339(now), maxPoints: range.maxPoints };
    },
    key: range.value,
    everyMs: range.refreshMs,
  });
  const byFeeder = useMemo(() => {
    const histories = new Map<string, HistoryPoint[]>();
    for (const feeder of data?.feeders ?? []) {
      const points = feeder.history.map(({ at, loadKw, limitKw }) => ({ at: parseTime(at) ?? 0, loadKw, limitKw }));
      histories.set(feeder.id, range.isAveraged ? withoutSeams(points) : points);
    }
    return histories;
  }, [data, range.isAveraged]);
  return { byFeeder, error };
}
