//! Tests of tree.ts.
import { describe, expect, test } from 'vitest';
import type { FeederFacts } from '../../shared/feeders/model';
import { countStates, linesOf, paramsFrom, rootsOf, viewFrom } from './tree';
import type { ListView } from './tree';
import { UNTOLD } from '../../shared/lib/thresholds';

const NOW = Date.parse('2026-11-23T13:00:00Z');
const feeder = (id: string, parentId: string | null, loadKw: number, part: Partial<FeederFacts> = {}) =>
  ({
    id,
    parentId,
    loadKw,
    effectiveLimitKw: 100,
    exportLimitKw: null,
    stopped: null,
    degraded: null,
    waterLevel: null,
    mode: 'AUTOMATIC',
    lastDecisionAt: new Date(NOW).toISOString(),
    ...part,
  }) as FeederFacts;

const FEEDERS = [feeder('a', null, 50), feeder('a1', 'a', 90), feeder('a2', 'a', 20), feeder('b', null, 30), feeder('lost', 'gone', 60)];
const view = (part: Partial<ListView> = {}): ListView => ({ search: '', order: 'tree', state: null, ...part });
const shown = (part: Partial<ListView>, closed: string[] = [], feeders = FEEDERS) =>
  linesOf(feeders, view(part), new Set(closed), { now: NOW, thresholds: UNTOLD }).map(({ feeder: { id }, depth }) => `${'>'.repeat(depth)}${id}`);

describe('the list of feeders', () => {
  test.each<[string, Partial<ListView>, string[], string[]]>([
    ['is a tree, and one whose parent is unknown is not lost', {}, [], ['a', '>a1', '>a2', 'b', 'lost']],
    ['hides what is collapsed', {}, ['a'], ['a', 'b', 'lost']],
    ['shows matches with what stands above them, collapsed or not', { search: 'A2' }, ['a'], ['a', '>a2']],
    ['shows a state with what stands above it', { state: 'near' }, [], []],
    ['has the tightest first', { order: 'tightest' }, ['a'], ['a1', 'lost', 'a', 'b', 'a2']],
  ])('%s', (_name, part, closed, expected) => {
    expect(shown(part, closed)).toEqual(expected);
  });

  test('counts the states, the gravest first', () => {
    const feeders = [...FEEDERS, feeder('c', null, 10, { stopped: 'failed' }), feeder('d', null, 101), feeder('e', null, 5, { waterLevel: 0.4 })];
    expect(countStates(feeders, NOW, UNTOLD)).toEqual([
      { state: 'stopped', count: 1 },
      { state: 'over', count: 1 },
      { state: 'shedding', count: 1 },
      { state: 'fine', count: 5 },
    ]);
    expect(shown({ state: 'stopped' }, [], feeders)).toEqual(['c']);
  });

  test('what is a root is decided by the feeders that are known', () => {
    expect(rootsOf(FEEDERS).map(({ id }) => id)).toEqual(['a', 'b', 'lost']);
  });
});

test.each(['', 'q=sub', 'q=x&order=tightest&state=shedding', 'range=6h'])('the address "%s" comes back as it was', (text) => {
  const params = new URLSearchParams(text);
  const sorted = (each: URLSearchParams) => [...each].map(([key, value]) => `${key}=${value}`).sort();
  expect(sorted(paramsFrom(viewFrom(params), params))).toEqual(sorted(params));
});
