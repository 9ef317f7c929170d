//! A feeder's load and limit over the chosen range, and what that history says in a sentence.
import { useMemo } from 'react';
import { useNow } from '../lib/hooks';
import { kw } from '../lib/format';
import { gapMs, toColumns, windowStart, withTail } from '../lib/series';
import { testIds } from '../testIds';
import type { ChartSeries } from '../ui/chartOptions';
import type { Range } from '../ui/ranges';
import { Loading } from '../ui/States';
import { TimeChart } from '../ui/TimeChart';
import { describeHistory, summarise } from './model';
import type { HistoryPoint } from './model';
import { useHistory } from './useHistory';
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
  tail: readonly HistoryPoint[] | undefined;
}

export function FeederHistory({ id, range, tail = NO_POINTS }: Props) {
  const { stored, failed } = useHistory(id, range);
  const now = useNow(5000);
  const from = now - range.ms;
  const points = useMemo(() => withTail(stored ?? NO_POINTS, tail, from), [stored, tail, from]);
  const gap = useMemo(() => gapMs(stored ?? NO_POINTS, range.ms), [stored, range.ms]);
  const data = useMemo(() => toColumns(points, [(point) => point.loadKw, (point) => point.limitKw], gap), [points, gap]);

  if (stored === undefined && !failed) return <Loading what={`the history of ${id}`} height={HEIGHT + 56} />;
  const sentence = describeHistory(summarise(points, gap), range, now);
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
