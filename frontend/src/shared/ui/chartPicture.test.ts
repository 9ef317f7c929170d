//! Tests of shared/ui/chartPicture.ts: what stands in a picture, and where its legend breaks.
import { expect, test } from 'vitest';
import { flow, keysOf, spanWords } from './chartPicture';

const at = (text: string) => Date.parse(text) / 1000;

test.each([
  ['2026-11-26T13:00:00Z', '2026-11-26T14:00:00Z', '26 Nov, 14:00 to 26 Nov, 15:00 CET'],
  ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '25 Oct, 02:30 CEST to 25 Oct, 02:30 CET'],
])('the time shown carries its day and its zone: %s', (from, to, said) => {
  expect(spanWords(at(from), at(to))).toBe(said);
});

test('the legend names each line, and each sort of mark once', () => {
  const series = [{ label: 'Load', color: '--a', kind: 'area' as const, format: String }];
  const mark = { from: 0, to: 1, label: 'Event', color: '--b' };
  expect(keysOf({ series, marks: [mark, { ...mark, from: 5 }] })).toEqual([
    { text: 'Load', color: '--a', kind: 'area' },
    { text: 'Event', color: '--b', kind: 'mark' },
  ]);
});

test.each([
  [[40, 40], 100, [[0, 1]]],
  [[40, 40, 40], 100, [[0, 1], [2]]],
  [[200, 40], 100, [[0], [1]]],
  [[], 100, []],
])('things %j in lines of %i', (widths, width, lines) => {
  expect(flow(widths, width, 10)).toEqual(lines);
});
