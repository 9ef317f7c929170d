//! A chart as a picture to keep: the plot as it is drawn, in the colours of the present theme, with what it needs to be
//! read elsewhere: its title, the time shown, what each line is, what each axis counts. Knows nothing of feeders.
import type uPlot from 'uplot';
import { zonedSpan, zoneName } from '../lib/time';
import type { ChartMark, ChartSeries } from './chartOptions';

export interface PictureHead {
  title: string;
  /** What the value axis counts: "kW". */
  unit: string;
}

interface Shown extends PictureHead {
  series: readonly ChartSeries[];
  marks: readonly ChartMark[];
  /** Seconds since the epoch. */
  from: number;
  to: number;
}

interface Key {
  text: string;
  color: string;
  kind: ChartSeries['kind'] | 'mark';
}

const PAD = 16;
const LINE = 20;
const TITLE_LINE = 26;
const SWATCH = 22;
const KEY_GAP = 18;
/** Seen from here every moment is on another day. */
const LONG_AGO = 0;

/** "26 Nov, 14:00 to 26 Nov, 15:00 CET": with the day, because a picture is looked at on another one. */
export function spanWords(from: number, to: number): string {
  return zonedSpan(from * 1000, to * 1000, LONG_AGO).join(' to ');
}

/** What the legend names: each line, and each sort of mark once. */
export function keysOf({ series, marks }: Pick<Shown, 'series' | 'marks'>): Key[] {
  const sorts = [...new Map(marks.map(({ label, color }) => [label, color]))];
  return [
    ...series.map(({ label, color, kind }) => ({ text: label, color, kind })),
    ...sorts.map(([text, color]) => ({ text, color, kind: 'mark' as const })),
  ];
}

/** Puts things of these widths into lines of this width, in order; one that is wider than a line has its own. */
export function flow(widths: readonly number[], width: number, gap: number): number[][] {
  const lines: number[][] = [];
  let left = 0;
  widths.forEach((each, index) => {
    const line = lines.at(-1);
    if (line && each <= left) {
      line.push(index);
      left -= each + gap;
    } else {
      lines.push([index]);
      left = width - each - gap;
    }
  });
  return lines;
}

export function drawPicture(plot: uPlot, shown: Shown): HTMLCanvasElement {
  const drawn = plot.ctx.canvas;
  const scale = window.devicePixelRatio || 1;
  const computed = getComputedStyle(plot.root);
  const token = (name: string) => computed.getPropertyValue(name).trim();
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error('the browser draws no pictures');

  const font = (weight: number, px: number) => `${weight} ${px}px ${token('--font')}`;
  ctx.font = font(400, 13);
  const keys = keysOf(shown);
  const width = drawn.width / scale;
  const widths = keys.map(({ text }) => SWATCH + ctx.measureText(text).width);
  const lines = flow(widths, width, KEY_GAP);
  const plotTop = PAD + TITLE_LINE + LINE * (2 + lines.length);
  canvas.width = Math.round((width + PAD * 2) * scale);
  canvas.height = Math.round((plotTop + LINE + PAD) * scale) + drawn.height;

  ctx.scale(scale, scale);
  ctx.fillStyle = token('--surface');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const write = (text: string, x: number, y: number, color: string, as = font(400, 13)) => {
    ctx.font = as;
    ctx.fillStyle = token(color);
    ctx.fillText(text, x, y, width);
  };
  write(shown.title, PAD, PAD + 18, '--ink', font(600, 17));
  write(spanWords(shown.from, shown.to), PAD, PAD + TITLE_LINE + 12, '--ink-2');
  lines.forEach((line, row) => {
    let x = PAD;
    for (const index of line) {
      const key = keys[index];
      if (!key) continue;
      const y = PAD + TITLE_LINE + LINE * (row + 1) + 12;
      drawSwatch(ctx, key, token(key.color), x, y - 4);
      write(key.text, x + SWATCH, y, '--ink-2');
      x += (widths[index] ?? 0) + KEY_GAP;
    }
  });
  write(shown.unit, PAD, plotTop - 6, '--ink-3', font(400, 12));
  ctx.drawImage(drawn, PAD, plotTop, width, drawn.height / scale);
  ctx.textAlign = 'center';
  write(`Time (${zoneName(shown.to * 1000)})`, PAD + width / 2, plotTop + drawn.height / scale + 14, '--ink-3', font(400, 12));
  return canvas;
}

function drawSwatch(ctx: CanvasRenderingContext2D, { kind }: Key, color: string, x: number, y: number): void {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.lineWidth = 2;
  if (kind === 'dashed') ctx.setLineDash([5, 3]);
  if (kind === 'mark') {
    ctx.fillRect(x, y - 2, SWATCH - 6, 4);
  } else {
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + SWATCH - 6, y);
    ctx.stroke();
  }
  if (kind === 'area') {
    ctx.globalAlpha = 0.18;
    ctx.fillRect(x, y, SWATCH - 6, 6);
  }
  ctx.restore();
}
