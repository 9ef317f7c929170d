//! Load, limit, allocation and want over time, with what happened marked; and what that says in words.
import { useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { describeHistory, summarise } from '../../shared/feeders/model';
import type { HistoryPoint } from '../../shared/feeders/model';
import { useHistory } from '../../shared/feeders/useHistory';
import { saveCsv } from '../../shared/lib/csv';
import { kw } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { gapMs, toColumns, windowStart, withTail } from '../../shared/lib/series';
import { fullTime, shortTime, toRfc3339, zonedTime } from '../../shared/lib/time';
import { replayHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import type { ChartSeries } from '../../shared/ui/chartOptions';
import { Panel } from '../../shared/ui/Panel';
import { RANGES } from '../../shared/ui/ranges';
import type { Range } from '../../shared/ui/ranges';
import { SaveTools } from '../../shared/ui/SaveTools';
import type { Picture } from '../../shared/ui/SaveTools';
import { Segmented } from '../../shared/ui/Segmented';
import { Empty, Loading } from '../../shared/ui/States';
import { TimeChart } from '../../shared/ui/TimeChart';
import { marksOf, wantedKw } from './marks';
import type { Mark } from './marks';
import { useMarks } from './useMarks';
import styles from './FeederChart.module.css';

const HEIGHT = 300;
interface Line {
  series: ChartSeries;
  pick: (point: HistoryPoint) => number | null;
}

const LOAD: Line = {
  series: { label: 'Load', color: '--series-load', kind: 'area', fill: '--series-fill', format: (value) => kw(value) },
  pick: (point) => point.loadKw,
};
const LIMIT: Line = {
  series: { label: 'Limit', color: '--series-limit', kind: 'dashed', format: (value) => kw(value) },
  pick: (point) => point.limitKw,
};
const ALLOCATED: Line = {
  series: { label: 'Allocated', color: '--series-setpoint', kind: 'step', format: (value) => kw(value) },
  pick: (point) => point.allocatedKw,
};
const RESERVED: Line = {
  series: { label: 'Reserved', color: '--series-reserve', kind: 'line', format: (value) => kw(value) },
  pick: (point) => point.reservedKw,
};
const WANTED: Line = {
  series: { label: 'Without control', color: '--ink-3', kind: 'line', format: (value) => kw(value) },
  pick: wantedKw,
};
const OVER = [0, 1] as const;
const NO_POINTS: readonly HistoryPoint[] = [];
/** Above this a list of marks is longer than anyone reads. */
const LISTED_MAX = 8;

interface Props {
  id: string;
  range: Range;
  onRange: (value: string) => void;
  tail: readonly HistoryPoint[] | undefined;
}

export function FeederChart({ id, range, onRange, tail = NO_POINTS }: Props) {
  const { stored, failed } = useHistory(id, range);
  const happened = useMarks(id, range).data;
  const now = useNow(5000);
  const from = now - range.ms;
  const [wants, setWants] = useState(false);
  const lines = useMemo(() => [LOAD, LIMIT, ALLOCATED, RESERVED, ...(wants ? [WANTED] : [])], [wants]);
  const series = useMemo(() => lines.map((line) => line.series), [lines]);
  const points = useMemo(() => withTail(stored ?? NO_POINTS, tail, from), [stored, tail, from]);
  const gap = useMemo(() => gapMs(stored ?? NO_POINTS, range.ms), [stored, range.ms]);
  const data = useMemo(() => toColumns(points, lines.map((line) => line.pick), gap), [points, lines, gap]);
  const start = windowStart(points, now, range.ms);
  const marks = useMemo(() => marksOf(happened, id, start, now), [happened, id, start, now]);
  const [, go] = useLocation();
  const picture = useRef<Picture>(null);
  const head = useMemo(() => ({ title: `Load against limit of ${id}`, unit: 'kW' }), [id]);
  const sentence = describeHistory(summarise(points, gap), range, now);

  return (
    <Panel
      title="Load against limit"
      aside={
        <div className={styles.tools}>
          <label className="check" title="What the load would be if every device had what it wants">
            <input type="checkbox" checked={wants} onChange={(event) => setWants(event.target.checked)} /> Without control
          </label>
          <Segmented label="Time shown" options={RANGES} value={range.value} onChange={onRange} />
          <SaveTools what="this chart" file={`${id}-load`} disabled={points.length === 0} onCsv={() => save(id, points)} picture={() => picture.current} />
        </div>
      }
    >
      {stored === undefined && !failed ? <Loading what="the history" height={HEIGHT + 40} /> : null}
      {(stored !== undefined || failed) && points.length === 0 ? <Empty title={`Nothing was decided in the ${range.words}`} /> : null}
      {points.length > 0 && (stored !== undefined || failed) ? (
        <>
          <TimeChart
            series={series}
            data={data}
            from={start / 1000}
            to={now / 1000}
            height={HEIGHT}
            over={OVER}
            marks={marks}
            summary={`Load, limit, allocation and reserve of ${id}, ${range.words}. ${sentence}`}
            testId={testIds.feederChart}
            onPick={(seconds) => go(replayHref(id, seconds * 1000))}
            picture={picture}
            head={head}
          />
          <p className={styles.sentence}>
            {failed ? 'The stored history could not be loaded; shown is what arrived since. ' : ''}
            {sentence} Click a moment, or choose it with the arrow keys and Enter, to replay it.
          </p>
          <MarkList marks={marks} now={now} />
        </>
      ) : null}
    </Panel>
  );
}

function MarkList({ marks, now }: { marks: readonly Mark[]; now: number }) {
  if (marks.length === 0) return null;
  const shown = marks.slice(-LISTED_MAX).reverse();
  const left = marks.length - shown.length;
  return (
    <ul className={styles.marks} aria-label="What happened in this time">
      {shown.map((mark) => (
        <li key={`${mark.text}/${mark.from}`}>
          <span className={styles.mark} style={{ background: `var(${mark.color})` }} />
          <time dateTime={toRfc3339(mark.from * 1000)} title={fullTime(mark.from * 1000)}>
            {shortTime(mark.from * 1000, now)}
          </time>{' '}
          to{' '}
          <time dateTime={toRfc3339(mark.to * 1000)} title={fullTime(mark.to * 1000)}>
            {mark.to * 1000 >= now ? 'now' : zonedTime(mark.to * 1000, now)}
          </time>
          <span className={styles.text}>{mark.text}</span>
        </li>
      ))}
      {left > 0 ? <li className="muted">and {left} before</li> : null}
    </ul>
  );
}

function save(id: string, points: readonly HistoryPoint[]): void {
  const rows = points.map((point) => [toRfc3339(point.at), point.loadKw, point.limitKw, wantedKw(point), point.allocatedKw, point.reservedKw]);
  saveCsv(`${id}-load.csv`, ['time', 'loadKw', 'limitKw', 'withoutControlKw', 'allocatedKw', 'reservedKw'], rows);
}
