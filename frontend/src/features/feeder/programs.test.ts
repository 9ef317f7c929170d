//! Tests of features/feeder/programs.ts.
import { expect, test } from 'vitest';
import { acting } from './programs';
import type { Program } from './programs';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const FEEDERS = [
  { id: 'top', parentId: null },
  { id: 'a', parentId: 'top' },
  { id: 'b', parentId: 'top' },
];
const program = (id: string, feederIds: string[], hours: [number, number], active = true) =>
  ({ id, feederIds, active, start: new Date(NOW + hours[0] * 3_600_000).toISOString(), end: new Date(NOW + hours[1] * 3_600_000).toISOString() }) as Program;

test('programs of the feeder and of those above are told: on, to come, switched off', () => {
  const programs = [
    program('later', ['a'], [2, 3]),
    program('off', ['a'], [-1, 1], false),
    program('all', [], [-1, 1]),
    program('above', ['top', 'b'], [-2, 1]),
  ];
  expect(acting(programs, FEEDERS, 'a', NOW).map(({ program: { id }, phase, on }) => `${id} ${phase} ${on}`)).toEqual([
    'above active top',
    'all active top',
    'later upcoming a',
    'off off a',
  ]);
});

test.each([
  ['one that is over', program('p', ['a'], [-3, -1])],
  ['one of another feeder', program('p', ['b'], [-1, 1])],
])('%s is not told', (_what, each) => {
  expect(acting([each], FEEDERS, 'a', NOW)).toEqual([]);
});
