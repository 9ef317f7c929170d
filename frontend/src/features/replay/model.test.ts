//! Tests of features/replay/model.ts.
import { describe, expect, test } from 'vitest';
import { covers, holeAt, momentFrom, movedWords, neighbour, stepAt, treeOf, waitMs, windowFrom, windowTo } from './model';
import type { Step } from './model';

const MINUTE = 60_000;
const SILENT_MS = 20_000;
const step = (at: number) => ({ id: String(at), at }) as Step;
const STEPS = [0, 5000, 10_000, 15_000, 100_000, 105_000].map(step);

describe('the window', () => {
  const at = Date.parse('2026-11-26T10:23:45Z');

  test('is the same for moments of ten minutes, and has five before each', () => {
    const from = windowFrom(at);
    expect(new Date(from).toISOString()).toBe('2026-11-26T10:10:00.000Z');
    expect(windowTo(from, Number.POSITIVE_INFINITY) - from).toBe(20 * MINUTE);
    expect(windowFrom(from + 5 * MINUTE)).toBe(from);
    expect(windowFrom(from + 15 * MINUTE - 1)).toBe(from);
  });

  test('does not reach into what is to come', () => {
    expect(windowTo(windowFrom(at), at)).toBe(at);
  });

  test('a trail of another one says nothing about a moment', () => {
    const trail = { from: windowFrom(at), steps: [] };
    expect(covers(trail, at)).toBe(true);
    expect(covers(trail, at - 15 * MINUTE)).toBe(false);
    expect(covers(trail, at + 15 * MINUTE)).toBe(false);
  });
});

test.each([
  ['at=2026-11-26T10:00:00Z', '2026-11-26T10:00:00.000Z'],
  ['at=2026-11-26T13:00:00Z', '2026-11-26T12:00:00.000Z'],
  ['at=yesterday', null],
  ['', null],
])('the address "%s" asks for %s', (search, moment) => {
  const at = momentFrom(new URLSearchParams(search), Date.parse('2026-11-26T12:00:00Z'));
  expect(at === null ? null : new Date(at).toISOString()).toBe(moment);
});

describe('decisions', () => {
  test.each([
    [-1, null, 0, null],
    [0, 0, 5000, null],
    [7000, 5000, 10_000, 5000],
    [105_000, 105_000, null, 100_000],
  ])('at %i the decision of %s holds, with %s after and %s before it', (at, held, next, previous) => {
    expect(stepAt(STEPS, at)?.at ?? null).toBe(held);
    expect(neighbour(STEPS, at, 1)).toBe(next);
    expect(neighbour(STEPS, at, -1)).toBe(previous);
  });

  test.each([
    [20_000, null],
    [50_000, { from: 15_000, to: 100_000 }],
    [-1, { from: null, to: 0 }],
    [200_000, { from: 105_000, to: null }],
  ])('the hole at %i is %j', (at, hole) => {
    expect(holeAt(STEPS, at, SILENT_MS)).toEqual(hole);
  });

  test('without any, every moment lies in a hole', () => {
    expect(holeAt([], 0, SILENT_MS)).toEqual({ from: null, to: null });
  });
});

test.each([
  [1, 3000],
  [10, 500],
])('play at %i times stays %i ms with a decision of five seconds', (speed, wait) => {
  expect(waitMs(0, 5000, speed)).toBe(wait);
});

describe('the tree of a decision', () => {
  const hung = (feederId: string, parentId: string | null) => ({ feederId, parentId });

  test('has each feeder after the one that it hung on then', () => {
    const nodes = [hung('b', 'top'), hung('c', 'b'), hung('d', 'top'), hung('top', null)];
    expect(treeOf(nodes).map(({ node, depth }) => `${node.feederId} ${depth}`)).toEqual(['top 0', 'b 1', 'c 2', 'd 1']);
  });

  test('tells which feeders hang elsewhere today', () => {
    const today = new Map([['top', null], ['b', 'top'], ['c', null], ['d', 'b']]);
    const words = [hung('top', null), hung('b', 'top'), hung('c', 'b'), hung('d', null), hung('gone', 'top')].map((node) => movedWords(node, today));
    expect(words).toEqual([null, null, 'Stood under b', 'Stood at the top', 'Is no more']);
  });
});
