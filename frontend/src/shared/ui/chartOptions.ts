//! uPlot's options for a time chart in the colours of the present theme.
import uPlot from 'uplot';
import { clock, day } from '../lib/time';

export interface ChartSeries {
  label: string;
  /** A colour token, such as `--series-load`. */
  color: string;
  /** `area` is a filled line, `step` holds each value until the next, `dashed` is a broken step line. */
  kind: 'area' | 'line' | 'step' | 'dashed';
  fill?: string;
  format: (value: number | null) => string;
}

interface Wanted {
  element: HTMLElement;
  series: readonly ChartSeries[];
  height: number;
  window: () => [number, number];
  /** A moment to mark, in seconds. */
  mark: () => number | null;
  onCursor: (index: number | null) => void;
  over?: readonly [number, number];
  fixed?: readonly [number, number];
  syncKey?: string;
}

const HEADROOM = 0.08;
const DAY_S = 86_400;
const stepped = uPlot.paths.stepped?.({ align: 1 });

export function chartOptions(wanted: Wanted): uPlot.Options {
  const { element, series, height, window, mark, onCursor, over, fixed, syncKey } = wanted;
  const computed = getComputedStyle(element);
  const token = (name: string) => computed.getPropertyValue(name).trim();
  const font = `12px ${token('--font')}`;
  const axis = {
    stroke: token('--ink-3'),
    font,
    grid: { stroke: token('--grid'), width: 1 },
    ticks: { show: false },
  };

  return {
    width: Math.max(element.clientWidth, 1),
    height,
    padding: [6, 20, 0, 0],
    legend: { show: false },
    cursor: {
      drag: { x: false, y: false },
      y: false,
      points: { size: 7 },
      ...(syncKey ? { sync: { key: syncKey } } : {}),
    },
    scales: {
      x: { time: true, range: () => window() },
      y: { range: (_plot, low, high) => (fixed ? [...fixed] as [number, number] : valueRange(low, high)) },
    },
    axes: [
      { ...axis, size: 26, space: 64, values: (_plot, splits) => timeLabels(splits, window()) },
      { ...axis, size: 46, space: 32, values: (_plot, splits) => splits.map(axisNumber) },
    ],
    series: [{}, ...series.map((each) => lineOf(each, token))],
    bands: over ? [{ series: [over[1] + 1, over[0] + 1], fill: token('--series-over'), dir: 1 }] : [],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: [(plot) => drawMark(plot, mark(), token('--accent'))],
    },
  };
}

/** An upright line at the marked moment, if it lies in the window. */
function drawMark(plot: uPlot, at: number | null, color: string): void {
  const { min, max } = plot.scales.x ?? {};
  if (at === null || min === undefined || max === undefined || at < min || at > max) return;
  const x = Math.round(plot.valToPos(at, 'x', true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function lineOf(each: ChartSeries, token: (name: string) => string): uPlot.Series {
  const isStep = each.kind === 'step' || each.kind === 'dashed';
  return {
    label: each.label,
    stroke: token(each.color),
    width: each.kind === 'dashed' ? 1.5 : 1.75,
    points: { show: false },
    ...(each.fill ? { fill: token(each.fill) } : {}),
    ...(each.kind === 'dashed' ? { dash: [5, 4] } : {}),
    ...(isStep && stepped ? { paths: stepped } : {}),
  };
}

/** Zero is always shown; a little air above and below the extremes. */
export function valueRange(low: number | null, high: number | null): [number, number] {
  const bottom = Math.min(0, low ?? 0);
  const top = Math.max(0, high ?? 1);
  const air = Math.max((top - bottom) * HEADROOM, 0.1);
  return [bottom < 0 ? bottom - air : 0, top > 0 ? top + air : air];
}

function timeLabels(splits: number[], [from, to]: [number, number]): string[] {
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    return to - from > DAY_S / 4 && midnight ? day(at * 1000) : clock(at * 1000, to - from < 300);
  });
}

function axisNumber(value: number): string {
  return String(Number(value.toFixed(2))).replace('-', '−');
}
