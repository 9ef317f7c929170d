//! What is marked in a feeder's chart, and what its load would be without control. Pure.
import type { ChartMark } from '../../shared/ui/chartOptions';
import type { FeederMarksQuery } from '../../shared/gql/graphql';
import { kw } from '../../shared/lib/format';
import { parseTime } from '../../shared/lib/time';
import type { HistoryPoint } from '../../shared/feeders/model';

/** What the load would be if everyone had what they wanted. */
export function wantedKw({ loadKw, curtailedKw }: Pick<HistoryPoint, 'loadKw' | 'curtailedKw'>): number | null {
  return curtailedKw === null ? null : loadKw + curtailedKw;
}

export interface Mark extends ChartMark {
  text: string;
}

/** Events, programs and alarms that touch the window, in the order of time. A cancelled event ends when it was cancelled. */
export function marksOf(data: FeederMarksQuery | undefined, feederId: string, from: number, to: number): Mark[] {
  if (!data) return [];
  const marks: Mark[] = [];
  const add = (start: number | null, end: number | null, mark: Pick<Mark, 'label' | 'color' | 'text'>) => {
    if (start === null || start > to || (end ?? to) < from || (end !== null && end <= start)) return;
    marks.push({ ...mark, from: Math.max(start, from) / 1000, to: Math.min(end ?? to, to) / 1000 });
  };
  for (const event of data.events) {
    const end = event.cancelled ? parseTime(event.cancelledAt ?? event.start) : parseTime(event.end);
    add(parseTime(event.start), end, { label: 'Event', color: '--accent', text: `Event: held at ${kw(event.limitKw)}` });
  }
  for (const program of data.drPrograms) {
    if (!program.active || (program.feederIds.length > 0 && !program.feederIds.includes(feederId))) continue;
    add(parseTime(program.start), parseTime(program.end), { label: 'Program', color: '--series-soc', text: `Program: ${program.name}` });
  }
  for (const { node } of data.alarmHistory.edges) {
    const subject = node.deviceId ? `${node.deviceId}: ` : '';
    add(parseTime(node.from), parseTime(node.to), { label: 'Alarm', color: '--bad-mark', text: `${node.code}: ${subject}${node.message}` });
  }
  return marks.sort((a, b) => a.from - b.from);
}
