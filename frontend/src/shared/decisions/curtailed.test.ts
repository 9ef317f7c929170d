//! Tests of curtailed.ts.
import { expect, test } from 'vitest';
import { curtailment, gaveKw } from './curtailed';
import type { DecisionRow } from './curtailed';

const row = (deviceId: string, wantedKw: number, setpointKw: number, reason: string): DecisionRow =>
  ({ deviceId, wantedKw, setpointKw, reason, weight: 1, bindingConstraint: '', sampleAgeMs: 0 });

test.each([
  ['a charger held below its want', 7, 3, 'FAIR_SHARE', 4],
  ['one that gets what it wants', 7, 7, 'SATISFIED', 0],
  ['a rounding', 7, 6.995, 'SATISFIED', 0],
  ['a panel that may give all', -5, -8, 'SATISFIED', 0],
  ['a panel held back', -5, -2, 'CURTAILED', 3],
  ['a battery told to give instead of to take', 2, -3, 'DISCHARGE', 5],
  ['one that nobody commands', 7, 0, 'OPTED_OUT', 0],
])('%s: wants %f, is told %f (%s), gives %f kW', (_name, wantedKw, setpointKw, reason, gave) => {
  expect(gaveKw({ wantedKw, setpointKw, reason })).toBeCloseTo(gave);
});

test('devices are put together by reason, the largest part first', () => {
  const { gaveKw: total, groups, others } = curtailment([
    row('ev-1', 7, 6, 'FAIR_SHARE'),
    row('ev-2', 7, 0, 'ROTATION'),
    row('ev-3', 7, 4, 'FAIR_SHARE'),
    row('ev-4', 2, 2, 'SATISFIED'),
    row('ev-5', 2, 2, 'SATISFIED'),
    row('ev-6', 0, 0, 'NEW_CODE'),
  ]);
  expect(total).toBe(11);
  expect(groups.map(({ code, gaveKw: kw, devices }) => [code, kw, devices.map(({ deviceId }) => deviceId)])).toEqual([
    ['ROTATION', 7, ['ev-2']],
    ['FAIR_SHARE', 4, ['ev-3', 'ev-1']],
  ]);
  expect(others).toEqual([
    { code: 'SATISFIED', title: 'Gets what it wants', count: 2 },
    { code: 'NEW_CODE', title: 'New code', count: 1 },
  ]);
});
