//! Tests of shared/feeders/model.ts, meter.ts and useFeeders.ts.
import { describe, expect, test } from 'vitest';
import { meterGeometry } from './meter';
import { describeHistory, isStale, otherKw, roomKw, standing, stateOf, summarise, tightness, withoutSeams } from './model';
import type { FeederFacts } from './model';
import { applied } from './useFeeders';
import { UNTOLD } from '../lib/thresholds';

const NOW = Date.parse('2026-11-23T13:00:00Z');
const feeder = (loadKw: number, effectiveLimitKw: number, exportLimitKw: number | null = null) => ({ loadKw, effectiveLimitKw, exportLimitKw });
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('a feeder’s standing', () => {
  test.each([
    [50, 100, null, 'inside'],
    [100, 100, null, 'near'],
    [99.5, 100, null, 'near'],
    [100.1, 100, null, 'over'],
    [-40, 100, 50, 'inside'],
    [-50.1, 100, 50, 'over'],
    [0, 0, null, 'inside'],
  ] as const)('load %f under limit %f, export limit %s: %s', (load, limit, exportLimit, expected) => {
    expect(standing(feeder(load, limit, exportLimit), UNTOLD)).toBe(expected);
  });

  test('the room is to the nearer limit', () => {
    expect(roomKw(feeder(-40, 100, 50))).toBe(10);
    expect(roomKw(feeder(70, 100, 50))).toBe(30);
    expect(tightness(feeder(70, 100))).toBeCloseTo(0.3);
    expect(tightness(feeder(1, 0))).toBe(-1);
  });

  test('a feeder without a recent decision is stale', () => {
    expect(isStale(null, 0, UNTOLD)).toBe(true);
    expect(isStale(1000, 20_000, UNTOLD)).toBe(false);
    expect(isStale(1000, 21_001, UNTOLD)).toBe(true);
  });

  const facts = { ...feeder(50, 100), stopped: null, degraded: null, waterLevel: null, mode: 'AUTOMATIC', lastDecisionAt: new Date(NOW).toISOString() } as const;
  test.each([
    [{}, 'fine'],
    [{ loadKw: 99.5 }, 'near'],
    [{ loadKw: 99.5, waterLevel: 0.4 }, 'shedding'],
    [{ lastDecisionAt: null, waterLevel: 0.4 }, 'stale'],
    [{ degraded: 'a meter is silent', waterLevel: 0.4 }, 'degraded'],
    [{ mode: 'DISABLED', lastDecisionAt: null }, 'off'],
    [{ loadKw: 101, degraded: 'x' }, 'over'],
    [{ loadKw: 101, stopped: 'x' }, 'stopped'],
  ] as const)('with %o it is %s', (part, expected) => {
    expect(stateOf({ ...facts, ...part }, NOW, UNTOLD)).toBe(expected);
  });

  test('controlled and other load make up the load', () => {
    const parts = { loadKw: 90, controlledKw: 70, uncontrolledKw: 20 };
    expect(parts.controlledKw + (otherKw(parts) ?? Number.NaN)).toBe(parts.loadKw);
  });
});

describe('a history', () => {
  const at = (minute: number, loadKw: number) => ({ at: NOW + minute * 60_000, loadKw, limitKw: 100 });

  test('is summed up by its share inside, its closest moment and the time that it covers', () => {
    expect(summarise([at(1, 80), at(2, 104), at(3, 90), at(20, 100)], 120_000)).toEqual({
      insideShare: 0.75,
      closest: { at: NOW + 120_000, roomKw: -4 },
      coveredMs: 120_000,
    });
    expect(summarise([], 1)).toBeNull();
  });

  test('claims nothing about time without data', () => {
    const span = { words: 'last hour', ms: 3_600_000 };
    const short = summarise([at(-2, 80), at(-1, 90), at(0, 95)], 90_000);
    expect(plain(describeHistory(short, span, NOW))).toBe('Inside 100 % of the 2 min on record in the last hour. Closest 5.00 kW at 14:00 CET.');
    const long = summarise(Array.from({ length: 60 }, (_none, minute) => at(minute - 59, 80)), 90_000);
    expect(plain(describeHistory(long, span, NOW))).toContain('Inside 100 % of the last hour.');
    expect(describeHistory(null, span, NOW)).toBe('No history in the last hour.');
  });

  test('a minute in which the limit changed is no overload, a minute under one limit is', () => {
    const limits = (points: [load: number, limit: number][]) =>
      withoutSeams(points.map(([loadKw, limitKw], index) => ({ at: index, loadKw, limitKw, curtailedKw: 0, allocatedKw: 0, reservedKw: null }))).map(({ limitKw }) => limitKw);
    expect(limits([[90, 100], [70, 50], [49, 50], [70, 50], [90, 100]])).toEqual([100, 100, 50, 100, 100]);
    expect(limits([[90, 100], [70, 50], [70, 50], [70, 50], [90, 100]])).toEqual([100, 100, 50, 100, 100]);
  });
});

test('updates lie over the answer they came after, and go with the next one', () => {
  const facts = { id: 'a', loadKw: 1, effectiveLimitKw: 9, allocatedKw: 1, lastDecisionAt: new Date(NOW).toISOString() } as FeederFacts;
  const start = { base: undefined, arrived: new Map<string, FeederFacts>(), tails: new Map() };
  const first = applied(start, undefined, [facts]);
  expect([...first.arrived.keys()]).toEqual(['a']);
  expect(applied(first, undefined, [facts]).tails.get('a')).toHaveLength(1);
  expect(applied(first, { feeders: [] }, []).arrived.size).toBe(0);
});

describe('the meter', () => {
  const facts = { loadKw: 60, reservedKw: 10, effectiveLimitKw: 100, importLimitKw: 100 };

  test('load, reserve and limit lie in this order, with room beyond the limit', () => {
    const bar = meterGeometry(facts);
    expect(bar.loadFrom).toBe(0);
    expect(bar.loadTo).toBeLessThan(bar.reservedTo);
    expect(bar.reservedTo).toBeLessThan(bar.limit);
    expect(bar.limit).toBeLessThan(1);
  });

  test('an overload passes the limit', () => {
    const bar = meterGeometry({ ...facts, loadKw: 130 });
    expect(bar.loadTo).toBeGreaterThan(bar.limit);
    expect(bar.reservedTo).toBeLessThanOrEqual(1);
  });

  test('an exporting feeder goes to the left of zero', () => {
    const bar = meterGeometry({ ...facts, loadKw: -30 });
    expect(bar.loadFrom).toBeLessThan(bar.zero);
    expect(bar.loadTo).toBe(bar.zero);
  });
});

test.each([
  ['what is left of the load', { loadKw: 100, controlledKw: 60, uncontrolledKw: 42 }, 40],
  ['a little less than nothing by rounding', { loadKw: 60, controlledKw: 60.004, uncontrolledKw: 0 }, -0.004],
  ['solar that nobody commands', { loadKw: 50, controlledKw: 60, uncontrolledKw: -10 }, -10],
  ['not known while load and controlled are of different windows', { loadKw: 50, controlledKw: 60, uncontrolledKw: 5 }, null],
])('other load is %s', (_what, feeder, other) => {
  const found = otherKw(feeder);
  if (other === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(other, 6);
});
