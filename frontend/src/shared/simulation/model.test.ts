//! Tests of simulation/model.ts.
import { expect, test } from 'vitest';
import { isShifted, simulationWords } from './model';

const NOW = Date.parse('2026-11-23T22:05:00Z');

test.each([
  ['AUTO', 0, 'The simulated sun follows the clock.', false],
  ['AUTO', 11, 'The simulated day runs 11 h ahead of the clock: it is 10:05 there.', true],
  ['AUTO', -1.5, 'The simulated day runs 1.5 h behind the clock: it is 21:35 there.', true],
  ['DAY', 11, 'The simulated sun shines at any hour.', true],
  ['NIGHT', 0, 'The simulated sun is down at any hour.', true],
] as const)('in mode %s, %d h ahead', (mode, hoursAhead, words, shifted) => {
  expect(simulationWords({ mode, hoursAhead }, NOW)).toBe(words);
  expect(isShifted({ mode, hoursAhead })).toBe(shifted);
});
