//! Tests of model.ts.
import { expect, test } from 'vitest';
import { directionWords, extremes, sampleOf, standing } from './model';
import type { Facts } from './model';

const facts = (part: Partial<Facts>): Facts => ({
  id: 'd',
  type: 'BATTERY',
  origin: 'SIMULATED',
  feederId: 'f',
  siteId: null,
  ratedKw: 5,
  minPowerKw: null,
  priority: 1,
  targetSoc: null,
  optedOut: false,
  overridden: false,
  freshness: 'FRESH',
  lastSeen: null,
  powerKw: -2,
  setpointKw: -2,
  soc: 0.5,
  trackingErrorKw: 0,
  compliant: true,
  fallbackKw: null,
  override: null,
  notices: [],
  ...part,
});

test.each<[Partial<Facts>, string, string]>([
  [{}, 'ok', 'Follows its setpoints'],
  [{ compliant: false }, 'warn', 'Does not follow its setpoints'],
  [{ freshness: 'STALE', compliant: false }, 'warn', 'Heard late'],
  [{ freshness: 'OFFLINE' }, 'warn', 'Not heard'],
  [{ optedOut: true }, 'neutral', 'Opted out'],
  [{ overridden: true }, 'neutral', 'Overridden'],
  [{ setpointKw: null }, 'neutral', 'No setpoint'],
])('a device with %o stands %s: %s', (part, tone, title) => {
  expect(standing(facts(part))).toMatchObject({ tone, title });
});

test.each<[number, number, string]>([
  [2, 1.9, 'Told to take 2.00 kW; takes 1.90 kW.'],
  [-4.3, -3.5, 'Told to give 4.30 kW; gives 3.50 kW.'],
  [0, 0, 'Told to stay idle; is idle.'],
])('told %f kW and doing %f kW is "%s"', (setpointKw, powerKw, detail) => {
  expect(standing(facts({ setpointKw, powerKw })).detail.replaceAll('\u00a0', ' ')).toBe(detail);
});

test('the direction is said in words', () => {
  expect(directionWords(-1)).toBe('giving to the feeder');
  expect(directionWords(1)).toBe('taking from the feeder');
  expect(directionWords(null)).toBe('not heard yet');
});

test('an update without a power is no sample', () => {
  expect(sampleOf(facts({ powerKw: null }), 5)).toBeNull();
  expect(sampleOf(facts({}), 5)).toEqual({ at: 5, powerKw: -2, setpointKw: -2, soc: 0.5 });
});

test('the extremes of a series', () => {
  const sample = (powerKw: number) => ({ at: 0, powerKw, setpointKw: null, soc: null });
  expect(extremes([sample(1), sample(-3), sample(2)])).toEqual({ low: -3, high: 2 });
  expect(extremes([])).toBeNull();
});
