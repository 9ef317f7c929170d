//! A line chart over time on uPlot: legend with the values under the cursor, theme colours, keyboard cursor.
//! Knows nothing of feeders or devices.
import { useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, Ref } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../lib/theme';
import { clock, fullTime, zoneName } from '../lib/time';
import { chartOptions } from './chartOptions';
import type { ChartMark, ChartSeries } from './chartOptions';
import { drawPicture } from './chartPicture';
import type { PictureHead } from './chartPicture';
import type { Picture } from './SaveTools';
import styles from './TimeChart.module.css';

export interface ChartData {
  /** Seconds since the epoch, ascending. */
  times: number[];
  /** One row per series, as long as `times`; null is a gap. */
  rows: (number | null)[][];
}

interface Props {
  series: readonly ChartSeries[];
  data: ChartData;
  /** The window shown, in seconds. */
  from: number;
  to: number;
  height: number;
  /** What the chart says, in words, for those who do not see it. */
  summary: string;
  testId: string;
  /** Series numbers: fills red where the first is above the second. */
  over?: readonly [number, number];
  /** Fixed ends of the value axis; the data decides otherwise. */
  fixed?: readonly [number, number];
  /** Charts with the same key share their cursor. */
  syncKey?: string;
  /** Spans to be seen behind the lines. */
  marks?: readonly ChartMark[];
  /** A moment to mark, in seconds. */
  moment?: number | null;
  /** A click, or Enter at the cursor, picks a moment (seconds). */
  onPick?: (at: number) => void;
  /** Draws the chart as a picture under this head. */
  picture?: Ref<Picture>;
  head?: PictureHead;
}

const NO_MARKS: readonly ChartMark[] = [];

export function TimeChart(props: Props) {
  const { series, data, from, to, height, summary, testId, over, fixed, syncKey, marks = NO_MARKS, moment = null, onPick, picture, head } = props;
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [index, setIndex] = useState<number | null>(null);
  const aligned = useMemo<uPlot.AlignedData>(() => [data.times, ...data.rows], [data]);
  const latest = useRef({ aligned, from, to, marks, moment });
  useEffect(() => {
    latest.current = { aligned, from, to, marks, moment };
  });

  // A plot lives as long as its looks; data and window are set on the living plot below.
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const options = chartOptions({
      element,
      series,
      height,
      window: () => [latest.current.from, latest.current.to],
      moment: () => latest.current.moment,
      onCursor: setIndex,
      marks: () => latest.current.marks,
      ...(over ? { over } : {}),
      ...(fixed ? { fixed } : {}),
      ...(syncKey ? { syncKey } : {}),
    });
    const made = new uPlot(options, latest.current.aligned, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [series, height, theme, over, fixed, syncKey]);

  useEffect(() => {
    plot.current?.setData(aligned);
  }, [aligned, from, to, marks, moment]);

  useImperativeHandle(
    picture,
    () => () => (plot.current && head ? drawPicture(plot.current, { ...head, series, marks, from, to }) : null),
    [head, series, marks, from, to],
  );

  const pick = (point: number | null | undefined) => {
    const time = point === null || point === undefined ? undefined : data.times[point];
    if (time !== undefined) onPick?.(time);
  };
  /** Where the click is, not where the cursor was last seen. */
  const pickAt = ({ clientX }: MouseEvent) => {
    const made = plot.current;
    pick(made?.posToIdx(clientX - made.over.getBoundingClientRect().left));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && onPick) {
      pick(index);
      return;
    }
    const next = nextIndex(event.key, index, data.times.length);
    const made = plot.current;
    if (next === undefined || !made) return;
    event.preventDefault();
    const time = next === null ? undefined : data.times[next];
    made.setCursor(time === undefined ? { left: -10, top: -10 } : { left: made.valToPos(time, 'x'), top: 10 });
  };

  return (
    <figure className={styles.chart} data-testid={testId}>
      <Legend series={series} data={data} index={index ?? indexAt(data.times, moment)} marks={marks} />
      <div
        ref={host}
        className={styles.plot}
        data-pick={onPick ? true : undefined}
        style={{ height }}
        role="img"
        aria-label={summary}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onClick={pickAt}
      />
    </figure>
  );
}

/** The last point that is not after the moment. */
function indexAt(times: readonly number[], moment: number | null): number | null {
  if (moment === null) return null;
  const found = times.findLastIndex((time) => time <= moment);
  return found < 0 ? null : found;
}

/** undefined: not for us; null: no cursor. */
function nextIndex(key: string, index: number | null, length: number): number | null | undefined {
  if (length === 0) return undefined;
  const at = index ?? length;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, at - 1);
    case 'ArrowRight':
      return Math.min(length - 1, at + 1);
    case 'Home':
      return 0;
    case 'End':
      return length - 1;
    case 'Escape':
      return null;
    default:
      return undefined;
  }
}

interface LegendProps {
  series: readonly ChartSeries[];
  data: ChartData;
  index: number | null;
  marks: readonly ChartMark[];
}

function Legend({ series, data, index, marks }: LegendProps) {
  const sorts = [...new Map(marks.map((mark) => [mark.label, mark.color]))];
  const at = index ?? data.times.length - 1;
  const time = data.times[at];
  return (
    <figcaption className={styles.legend}>
      {series.map((each, row) => (
        <span key={each.label} className={styles.key}>
          <span className={styles.swatch} data-kind={each.kind} style={{ color: `var(${each.color})` }} />
          <span className={styles.name}>{each.label}</span>
          <span className={styles.value}>{each.format(data.rows[row]?.[at] ?? null)}</span>
        </span>
      ))}
      {sorts.map(([label, color]) => (
        <span key={label} className={styles.key}>
          <span className={styles.swatch} data-kind="mark" style={{ color: `var(${color})` }} />
          <span className={styles.name}>{label}</span>
        </span>
      ))}
      {time === undefined ? null : (
        <time className={styles.at} dateTime={new Date(time * 1000).toISOString()} title={fullTime(time * 1000)}>
          {clock(time * 1000, true)} {zoneName(time * 1000)}
        </time>
      )}
    </figcaption>
  );
}
