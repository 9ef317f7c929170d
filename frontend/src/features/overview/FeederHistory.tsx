//! A feeder's load and limit over the chosen range, and what that history says in a sentence.
import { useMemo } from 'react';
import { useNow } from '../../shared/lib/hooks';
import { kw, percent } from '../../shared/lib/format';
import { gapMs, toColumns, windowStart, withTail } from '../../shared/lib/series';
import { zonedTime } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import type { ChartSeries } from '../../shared/ui/chartOptions';
import type { Range } from '../../shared/ui/ranges';
import { Loading } from '../../shared/ui/States';
import { TimeChart } from '../../shared/ui/TimeChart';
import { summarise } from './model';
import type { HistoryPoint } from './model';
import styles from './FeederHistory.module.css';

const HEIGHT = 190;
const SERIES: readonly ChartSeries[] = [
  { label: 'Load', color: '--series-load', kind: 'area', fill: '--series-fill', format: (value) => kw(value) },
  { label: 'Limit', color: '--series-limit', kind: 'dashed', format: (value) => kw(value) },
];
const OVER = [0, 1] as const;
const NO_POINTS: readonly HistoryPoint[] = [];

interface Props {
  id: string;
  range: Range;
  stored: readonly HistoryPoint[] | undefined;
  tail: readonly HistoryPoint[] | undefined;
  failed: boolean;
}

export function FeederHistory({ id, range, stored, tail = NO_POINTS, failed }: Props) {
  const now = useNow(5000);
  const from = now - range.ms;
  const points = useMemo(() => withTail(stored ?? NO_POINTS, tail, from), [stored, tail, from]);
  const gap = useMemo(() => gapMs(stored ?? NO_POINTS, range.ms), [stored, range.ms]);
  const data = useMemo(() => toColumns(points, [(point) => point.loadKw, (point) => point.limitKw], gap), [points, gap]);

  if (stored === undefined && !failed) return <Loading what={`the history of ${id}`} height={HEIGHT + 56} />;
  const sentence = describe(points, range, now);
  return (
    <div className={styles.history}>
      <TimeChart
        series={SERIES}
        data={data}
        from={windowStart(points, now, range.ms) / 1000}
        to={now / 1000}
        height={HEIGHT}
        over={OVER}
        syncKey="feeders"
        summary={`Load and limit of ${id}, ${range.words}. ${sentence}`}
        testId={testIds.feederChart}
      />
      <p className={styles.sentence}>
        {failed ? 'The stored history could not be loaded; shown is what arrived since. ' : ''}
        {sentence}
      </p>
    </div>
  );
}

function describe(points: readonly HistoryPoint[], range: Range, now: number): string {
  const summary = summarise(points);
  if (!summary) return `No history in the ${range.words}.`;
  const { insideShare, closest } = summary;
  const share = percent(insideShare, insideShare > 0.99 && insideShare < 1 ? 1 : 0);
  const when = zonedTime(closest.at, now);
  const extreme = closest.roomKw >= 0 ? `Closest ${kw(closest.roomKw)} at ${when}.` : `Worst ${kw(-closest.roomKw)} over at ${when}.`;
  return `Inside ${share} of the ${range.words}. ${extreme}`;
}
