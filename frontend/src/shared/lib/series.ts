//! Series for charts: gaps where samples are missing, and a live tail on a stored history. Pure.

export interface Sample {
  /** Milliseconds since the epoch. */
  at: number;
}

/** Samples count as missing when the distance is this many times the usual one of the stored points. */
const GAP_FACTOR = 4;
const SHORTEST_PART = 6;
/** A hole narrower than this part of the window is not shown: averages of a minute stand at its beginning. */
const HOLES_SEEN = 30;

/** The stored points and those that came since; ascending, without doubles, not older than `from`. */
export function withTail<Point extends Sample>(stored: readonly Point[], tail: readonly Point[], from: number): Point[] {
  const last = stored.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return [...stored, ...tail.filter((point) => point.at > last)].filter((point) => point.at >= from);
}

/** Where a chart begins: at the range asked for, or, while there is less to show, closer, but not below a sixth. */
export function windowStart(points: readonly Sample[], now: number, rangeMs: number): number {
  const first = points[0]?.at ?? now - rangeMs;
  return Math.max(now - rangeMs, Math.min(first, now - rangeMs / SHORTEST_PART));
}

/** Longer than this between two points is a hole. Stored points may be coarser than the live tail: only they count. */
export function gapMs(stored: readonly Sample[], windowMs: number): number {
  return Math.max(usualStep(stored) * GAP_FACTOR, windowMs / HOLES_SEEN);
}

function usualStep(points: readonly Sample[]): number {
  const steps = points.slice(1).map((point, index) => point.at - (points[index]?.at ?? point.at));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** Chart columns of the points, with a row of nulls in each hole, so that a line is not drawn across it. */
export function toColumns<Point extends Sample>(
  points: readonly Point[],
  pick: readonly ((point: Point) => number | null | undefined)[],
  gap: number,
): { times: number[]; rows: (number | null)[][] } {
  const times: number[] = [];
  const rows: (number | null)[][] = pick.map(() => []);
  let before: number | null = null;
  for (const point of points) {
    if (before !== null && point.at - before > gap) {
      times.push((before + 1000) / 1000);
      for (const row of rows) row.push(null);
    }
    before = point.at;
    times.push(point.at / 1000);
    pick.forEach((value, index) => rows[index]?.push(value(point) ?? null));
  }
  return { times, rows };
}
