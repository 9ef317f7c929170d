//! Tests of overview/model.ts and meter.ts.
import { describe, expect, test } from 'vitest';
import { meterGeometry } from './meter';
import { deviceMix, isStale, roomKw, standing, summarise, trackingSummary, verdict, withoutSeams } from './model';

const feeder = (id: string, loadKw: number, effectiveLimitKw: number, exportLimitKw: number | null = null) => ({
  id,
  loadKw,
  effectiveLimitKw,
  exportLimitKw,
});
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
    expect(standing(feeder('f', load, limit, exportLimit))).toBe(expected);
  });

  test('the room is to the nearer limit', () => {
    expect(roomKw(feeder('f', -40, 100, 50))).toBe(10);
    expect(roomKw(feeder('f', 70, 100, 50))).toBe(30);
  });

  test('a feeder without a recent decision is stale', () => {
    expect(isStale(null, 0)).toBe(true);
    expect(isStale(1000, 20_000)).toBe(false);
    expect(isStale(1000, 21_001)).toBe(true);
  });
});

describe('the verdict', () => {
  test('all inside names the tightest', () => {
    const { standing: state, title, detail } = verdict([feeder('a', 50, 100), feeder('b', 90, 100)]);
    expect(state).toBe('inside');
    expect(title).toBe('Both feeders are inside their limits');
    expect(plain(detail)).toBe('Tightest: b with 10.0 kW left (10 % of its limit). Total load 140.0 kW.');
  });

  test('one over is said first, with how much', () => {
    const { standing: state, title, detail } = verdict([feeder('a', 104.2, 100), feeder('b', 10, 100)]);
    expect(state).toBe('over');
    expect(plain(title)).toBe('a is over its limit by 4.20 kW');
    expect(plain(detail)).toContain('1 other feeder inside');
  });

  test('several over give the worst', () => {
    expect(plain(verdict([feeder('a', 101, 100), feeder('b', 130, 100)]).title)).toBe(
      '2 feeders are over their limits by up to 30.0 kW',
    );
  });

  test('without feeders it says so', () => {
    expect(verdict([]).standing).toBe('none');
  });
});

test('a history is summed up by its share inside and its closest moment', () => {
  const at = (minute: number, loadKw: number) => ({ at: minute, loadKw, limitKw: 100 });
  expect(summarise([at(1, 80), at(2, 104), at(3, 90), at(4, 100)])).toEqual({
    insideShare: 0.75,
    closest: { at: 2, roomKw: -4 },
  });
  expect(summarise([])).toBeNull();
});

test('a minute in which the limit changed is no overload, a minute under one limit is', () => {
  const limits = (points: [load: number, limit: number][]) =>
    withoutSeams(points.map(([loadKw, limitKw], at) => ({ at, loadKw, limitKw }))).map(({ limitKw }) => limitKw);
  expect(limits([[90, 100], [70, 50], [49, 50], [70, 50], [90, 100]])).toEqual([100, 100, 50, 100, 100]);
  expect(limits([[90, 100], [70, 50], [70, 50], [70, 50], [90, 100]])).toEqual([100, 100, 50, 100, 100]);
});

test('the mix adds the feeders up', () => {
  const mix = deviceMix([
    { byType: [{ type: 'PV', count: 2, powerKw: -5 }] },
    { byType: [{ type: 'EV', count: 4, powerKw: 20 }, { type: 'PV', count: 1, powerKw: -1 }] },
  ]);
  expect(mix).toEqual([
    { type: 'EV', count: 4, powerKw: 20 },
    { type: 'PV', count: 3, powerKw: -6 },
  ]);
});

test('the mean tracking error weighs devices by their samples', () => {
  const row = (deviceId: string, samples: number, meanErrorKw: number) => ({
    deviceId,
    samples,
    meanErrorKw,
    meanAbsErrorKw: Math.abs(meanErrorKw),
  });
  const summary = trackingSummary([row('a', 30, 1), row('b', 10, -3), row('never', 0, 99)], 1);
  expect(summary).toMatchObject({ meanAbsKw: 1.5, meanKw: 0, worst: [{ deviceId: 'b' }] });
  expect(trackingSummary([], 5)).toBeNull();
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
