//! Tests of chartOptions.ts.
import { expect, test } from 'vitest';
import { timeLabels, valueRange } from './chartOptions';

const at = (text: string) => Date.parse(text) / 1000;

test.each([
  ['minutes apart', ['2026-11-23T13:00:00Z', '2026-11-23T13:01:00Z'], ['14:00', '14:01']],
  ['half a minute apart', ['2026-11-23T13:00:00Z', '2026-11-23T13:00:30Z'], ['14:00:00', '14:00:30']],
])('ticks %s read differently', (_name, times, labels) => {
  expect(timeLabels(times.map(at), [at('2026-11-23T12:55:00Z'), at('2026-11-23T13:05:00Z')])).toEqual(labels);
});

test('midnight of a longer window is named by its day', () => {
  const day = [at('2026-11-22T23:00:00Z'), at('2026-11-23T05:00:00Z')];
  expect(timeLabels(day, [at('2026-11-22T20:00:00Z'), at('2026-11-23T08:00:00Z')])).toEqual(['23 Nov', '06:00']);
});

test('the value axis holds zero and both extremes', () => {
  for (const [low, high] of [[5, 10], [-3, 4], [-7, -2], [0, 0]] as const) {
    const [bottom, top] = valueRange(low, high);
    expect(bottom).toBeLessThanOrEqual(Math.min(0, low));
    expect(top).toBeGreaterThan(Math.max(0, high));
  }
});
