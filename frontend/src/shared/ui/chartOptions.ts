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

/** A span of time to be seen in the chart, such as an event. Seconds since the epoch. */
export interface ChartMark {
  from: number;
  to: number;
  /** Which sort, as the legend names it. */
  label: string;
  /** A colour token. */
  color: string;
}

interface Wanted {
  element: HTMLElement;
  series: readonly ChartSeries[];
  height: number;
  window: () => [number, number];
  onCursor: (index: number | null) => void;
  over?: readonly [number, number];
  fixed?: readonly [number, number];
  syncKey?: string;
  marks?: () => readonly ChartMark[];
  /** A moment to mark, in seconds. */
  moment?: () => number | null;
}

const MARK_PX = 4;
const MARK_ALPHA = 0.07;
const HEADROOM = 0.08;
const DAY_S = 86_400;
const stepped = uPlot.paths.stepped?.({ align: 1 });

export function chartOptions(wanted: Wanted): uPlot.Options {
  const { element, series, height, window, onCursor, over, fixed, syncKey, marks, moment } = wanted;
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
      drawClear: [(plot) => drawMarks(plot, marks?.() ?? [], token)],
      draw: [(plot) => drawMoment(plot, moment?.() ?? null, token('--accent'))],
    },
  };
}

/** Each span as a bar along the top with a breath of its colour below; sorts stand in rows of their own. */
function drawMarks(plot: uPlot, marks: readonly ChartMark[], token: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const scale = window.devicePixelRatio || 1;
  const labels = [...new Set(marks.map((mark) => mark.label))];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, label, color } of marks) {
    const left = plot.valToPos(from, 'x', true);
    const width = Math.max(plot.valToPos(to, 'x', true) - left, 2 * scale);
    ctx.fillStyle = token(color);
    ctx.globalAlpha = MARK_ALPHA;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, bbox.top + labels.indexOf(label) * (MARK_PX + 2) * scale, width, MARK_PX * scale);
  }
  ctx.restore();
}

/** An upright line at the moment, if it lies in the window. */
function drawMoment(plot: uPlot, at: number | null, color: string): void {
  const { min, max } = plot.scales.x ?? {};
  if (at === null || typeof min !== 'number' || typeof max !== 'number' || at < min || at > max) return;
  const x = Math.round(plot.valToPos(at, 'x', true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 2 * (window.devicePixelRatio || 1);
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

/** No two ticks read alike: with less than a minute between them they show seconds. */
export function timeLabels(splits: readonly number[], [from, to]: readonly [number, number]): string[] {
  const seconds = splits.some((at) => at % 60 !== 0);
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    return to - from > DAY_S / 4 && midnight ? day(at * 1000) : clock(at * 1000, seconds);
  });
}

function axisNumber(value: number): string {
  return String(Number(value.toFixed(2))).replace('-', '−');
}
