//! Tests of overview/model.ts.
import { describe, expect, test } from 'vitest';
import { deviceMix, trackingSummary, verdict } from './model';
import { UNTOLD } from '../../shared/lib/thresholds';

const feeder = (id: string, loadKw: number, effectiveLimitKw: number, parentId: string | null = null, stopped: string | null = null) => ({
  id,
  parentId,
  loadKw,
  effectiveLimitKw,
  exportLimitKw: null,
  stopped,
});
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('the verdict', () => {
  test('all inside names the tightest', () => {
    const { standing, title, detail } = verdict([feeder('a', 50, 100), feeder('b', 90, 100)], UNTOLD);
    expect(standing).toBe('inside');
    expect(title).toBe('Both feeders are inside their limits');
    expect(plain(detail)).toBe('Tightest: b with 10.0 kW left (10 % of its limit). Total load 140.0 kW.');
  });

  test('what a feeder passes on is not counted twice', () => {
    expect(plain(verdict([feeder('top', 50, 100), feeder('below', 50, 90, 'top')], UNTOLD).detail)).toContain('Total load 50.0 kW.');
  });

  test('one over is said first, with how much', () => {
    const { standing, title, detail } = verdict([feeder('a', 104.2, 100), feeder('b', 10, 100, null, 'failed')], UNTOLD);
    expect(standing).toBe('over');
    expect(plain(title)).toBe('a is over its limit by 4.20 kW');
    expect(plain(detail)).toContain('1 other feeder inside');
  });

  test('several over give the worst', () => {
    expect(plain(verdict([feeder('a', 101, 100), feeder('b', 130, 100)], UNTOLD).title)).toBe(
      '2 feeders are over their limits by up to 30.0 kW',
    );
  });

  test('a feeder that nobody controls is said before all is well', () => {
    const { standing, title, detail } = verdict([feeder('a', 50, 100), feeder('b', 90, 100, null, 'failed')], UNTOLD);
    expect([standing, title]).toEqual(['stopped', 'Control of b has stopped']);
    expect(detail).toContain('Both feeders are inside their limits.');
  });

  test('without feeders it says so', () => {
    expect(verdict([], UNTOLD).standing).toBe('none');
  });
});

test('the mix adds up the feeders at the top', () => {
  const mix = deviceMix([
    { id: 'a', parentId: null, byType: [{ type: 'PV', count: 2, powerKw: -5 }] },
    { id: 'a1', parentId: 'a', byType: [{ type: 'PV', count: 2, powerKw: -5 }] },
    { id: 'b', parentId: null, byType: [{ type: 'EV', count: 4, powerKw: 20 }, { type: 'PV', count: 1, powerKw: -1 }] },
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
