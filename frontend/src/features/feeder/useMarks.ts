//! What is marked over a range: events, programs and alarms.
import { useBulkQuery } from '../../shared/lib/live';
import { toRfc3339 } from '../../shared/lib/time';
import type { Range } from '../../shared/ui/ranges';
import { FeederMarks } from './queries';

const MARKS_EVERY_MS = 20_000;

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
