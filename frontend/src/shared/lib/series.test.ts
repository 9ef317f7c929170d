//! Tests of series.ts.
import { expect, test } from 'vitest';
import { gapMs, toColumns, windowStart, withTail } from './series';

const points = (...seconds: number[]) => seconds.map((second) => ({ at: second * 1000, value: second }));

test('the tail follows the stored points without repeating them', () => {
  const joined = withTail(points(10, 20, 30), points(25, 30, 35, 40), 15_000);
  expect(joined.map((point) => point.at / 1000)).toEqual([20, 30, 35, 40]);
});

test('a hole in the stored points is a row of nulls', () => {
  const stored = points(0, 10, 20, 120, 130);
  expect(toColumns(stored, [(point) => point.value], gapMs(stored, 600_000))).toEqual({
    times: [0, 10, 20, 21, 120, 130],
    rows: [[0, 10, 20, null, 120, 130]],
  });
});

test('coarse stored points before a fine tail are no holes', () => {
  const stored = points(0, 60, 120, 180);
  const all = withTail(stored, points(182, 184, 186, 188, 190), 0);
  expect(toColumns(all, [(point) => point.value], gapMs(stored, 600_000)).rows[0]).not.toContain(null);
});

test('the first minute’s average and the tail that follows it are one line', () => {
  const stored = points(0);
  const all = withTail(stored, points(80, 85), 0);
  expect(toColumns(all, [(point) => point.value], gapMs(stored, 3_600_000)).rows[0]).toEqual([0, 80, 85]);
});

test.each([
  ['a full history fills the range', points(0, 3500), 0],
  ['a short history fills the chart', points(1800, 3500), 1_800_000],
  ['a very short one fills a sixth of the range', points(3500), 3_000_000],
  ['without points the whole range is shown', [], 0],
])('%s', (_name, samples, from) => {
  expect(windowStart(samples, 3_600_000, 3_600_000)).toBe(from);
});

test('no points make empty columns', () => {
  expect(toColumns([], [() => 1, () => 2], gapMs([], 600_000))).toEqual({ times: [], rows: [[], []] });
});
