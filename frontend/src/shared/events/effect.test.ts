//! Tests of effect.ts.
import { expect, test } from 'vitest';
import { effectWords, givers, heldSpan } from './effect';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const iso = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();
const device = (deviceId: string, curtailedKwh: number) => ({ deviceId, wantedKwh: 4, servedKwh: 4 - curtailedKwh, curtailedKwh });

test.each([
  ['to come', { start: iso(5), end: iso(30) }, null],
  ['on', { start: iso(-10), end: iso(30) }, [-10, 0]],
  ['over', { start: iso(-60), end: iso(-30) }, [-60, -30]],
  ['cancelled', { start: iso(-60), end: iso(30), cancelled: true, cancelledAt: iso(-20) }, [-60, -20]],
  ['cancelled before it began', { start: iso(-5), end: iso(30), cancelled: true, cancelledAt: iso(-20) }, null],
] as const)('one that is %s has held %#', (_name, held, minutes) => {
  const span = heldSpan(held, NOW);
  expect(span && [(span.from - NOW) / 60_000, (span.to - NOW) / 60_000]).toEqual(minutes);
});

test('who gave is told with how much and how evenly', () => {
  const given = { feederId: 'a', jain: 0.9876, worstDecileShare: 0.5, perDevice: [device('b', 1), device('a', 2.5), device('c', 0.0001)] };
  const span = { from: NOW - 1_800_000, to: NOW };
  expect(givers(given).map(({ deviceId }) => deviceId)).toEqual(['a', 'b']);
  expect(effectWords(given, span).replaceAll('\u00a0', ' ')).toBe(
    '2 devices gave 3.50 kWh in 30 min. Fairness 0.988; the tenth with least got 50 % of what they wanted.',
  );
  expect(effectWords({ ...given, perDevice: [device('c', 0)] }, span)).toContain('No device had to give way');
  expect(effectWords({ ...given, perDevice: [] }, span)).toContain('Nothing was decided');
});
