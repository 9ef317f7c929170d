//! Tests of marks.ts.
import { expect, test } from 'vitest';
import type { FeederMarksQuery } from '../../shared/gql/graphql';
import { marksOf, wantedKw } from './marks';

test('what is wanted is the load and what was held back', () => {
  expect(wantedKw({ loadKw: 10, curtailedKw: 3 })).toBe(13);
  expect(wantedKw({ loadKw: 10, curtailedKw: null })).toBeNull();
});

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
const event = { limitKw: 50, cancelled: false, cancelledAt: null };
const program = { name: 'Peak', active: true };
const alarm = { code: 'CTL-001', deviceId: null, message: 'over' };
const data: FeederMarksQuery = {
  events: [
    { ...event, id: '1', start: iso(50), end: iso(150) },
    { ...event, id: '2', start: iso(120), end: iso(500), cancelled: true, cancelledAt: iso(130) },
    { ...event, id: '3', start: iso(120), end: iso(500), cancelled: true, cancelledAt: iso(110) },
    { ...event, id: '4', start: iso(300), end: iso(500) },
  ],
  drPrograms: [
    { ...program, id: 'p', feederIds: [], start: iso(110), end: iso(160) },
    { ...program, id: 'q', feederIds: ['b'], start: iso(110), end: iso(160) },
    { ...program, id: 'r', feederIds: ['a'], start: iso(110), end: iso(160), active: false },
  ],
  alarmHistory: { edges: [{ node: { ...alarm, from: iso(140), to: null } }] },
};

test('marks are what touches the window, cut to it', () => {
  const marks = marksOf(data, 'a', 100_000, 200_000).map(({ label, from, to }) => [label, from, to]);
  expect(marks).toEqual([
    ['Event', 100, 150],
    ['Program', 110, 160],
    ['Event', 120, 130],
    ['Alarm', 140, 200],
  ]);
  expect(marksOf(undefined, 'a', 0, 1)).toEqual([]);
});
