//! Tests of model.ts.
import { describe, expect, test } from 'vitest';
import { barGeometry, fileOf, matches, nextSort, paramsFrom, sorted, subtree, viewFrom } from './model';
import type { Row } from './model';
import { merge } from './useFleet';

const row = (id: string, part: Partial<Row> = {}): Row => ({
  id,
  type: 'EV',
  origin: 'SIMULATED',
  feederId: 'feeder-a',
  siteId: null,
  ratedKw: 7.4,
  priority: 5,
  optedOut: false,
  overridden: false,
  freshness: 'FRESH',
  lastSeen: null,
  powerKw: null,
  setpointKw: null,
  soc: null,
  trackingErrorKw: null,
  compliant: true,
  ...part,
});
const ids = (rows: readonly Row[]) => rows.map(({ id }) => id);
const view = (text: string) => viewFrom(new URLSearchParams(text));

describe('the view in the address', () => {
  test.each(['', 'origin=PHYSICAL', 'type=PV&feeder=feeder-b&state=STALE&q=lab', 'sort=-power', 'q=x&sort=soc', 'standing=NOT_FOLLOWING'])(
    '%s comes back as it was',
    (text) => {
      expect(paramsFrom(view(text)).toString()).toBe(text);
    },
  );

  test('what is not understood is ignored', () => {
    expect(paramsFrom(view('origin=MARTIAN&sort=-beauty&type=')).toString()).toBe('sort=-id');
    expect(paramsFrom(view('hide=soc,id,beauty,type')).get('hide')).toBe('type,soc');
  });
});

test.each<[string, boolean]>([
  ['', true],
  ['origin=PHYSICAL', true],
  ['origin=SIMULATED', false],
  ['type=BATTERY', true],
  ['type=EV', false],
  ['feeder=feeder-b', false],
  ['state=STALE', true],
  ['standing=NOT_FOLLOWING', false],
  ['standing=OPTED_OUT', true],
  ['standing=FOLLOWING', false],
  ['q=PI-7', true],
  ['q=roof', true],
  ['q=cellar', false],
  ['type=BATTERY&q=cellar', false],
])('the filter "%s" matches: %s', (text, expected) => {
  const device = row('pi-7', { origin: 'PHYSICAL', type: 'BATTERY', siteId: 'Roof', freshness: 'STALE', optedOut: true });
  expect(matches(device, view(text).filters)).toBe(expected);
});

test('the filter for a feeder takes in those below it', () => {
  const under = subtree([{ id: 'a1', parentId: 'a' }, { id: 'a11', parentId: 'a1' }, { id: 'b', parentId: null }], 'a');
  expect([...under]).toEqual(['a', 'a1', 'a11']);
  const { filters } = view('feeder=a');
  expect(matches(row('ev-1', { feederId: 'a11' }), filters, { under })).toBe(true);
  expect(matches(row('ev-1', { feederId: 'b' }), filters, { under })).toBe(false);
});

describe('sorting', () => {
  const rows = [row('ev-10', { soc: 0.2 }), row('ev-9', { soc: null }), row('ev-2', { soc: 0.9 })];

  test('counts in numbers within names', () => {
    expect(ids(sorted(rows, { key: 'id', down: false }))).toEqual(['ev-2', 'ev-9', 'ev-10']);
  });

  test('puts the unknown last in either direction', () => {
    expect(ids(sorted(rows, { key: 'soc', down: false }))).toEqual(['ev-10', 'ev-2', 'ev-9']);
    expect(ids(sorted(rows, { key: 'soc', down: true }))).toEqual(['ev-2', 'ev-10', 'ev-9']);
  });

  test('takes the size of an error, not its sign', () => {
    const errors = [row('a', { trackingErrorKw: -2 }), row('b', { trackingErrorKw: 1 }), row('c', { trackingErrorKw: 0 })];
    expect(ids(sorted(errors, { key: 'error', down: true }))).toEqual(['a', 'b', 'c']);
  });

  test('a first click on a figure starts with the largest, a second turns round', () => {
    const first = nextSort({ key: 'id', down: false }, 'power');
    expect(first).toEqual({ key: 'power', down: true });
    expect(nextSort(first, 'power')).toEqual({ key: 'power', down: false });
    expect(nextSort(first, 'feeder')).toEqual({ key: 'feeder', down: false });
  });
});

test('what is kept as a file has every figure in the order of its head', () => {
  const { head, cells } = fileOf([row('d', { powerKw: 2, optedOut: true })]);
  const first = Object.fromEntries(head.map((name, index) => [name, cells[0]?.[index]]));
  expect(cells[0]).toHaveLength(head.length);
  expect(first).toMatchObject({ device: 'd', powerKw: 2, optedOut: 'yes', overridden: 'no' });
});

test.each<[Partial<Row>, { zero: number; from: number; to: number; setpoint: number | null }]>([
  [{ type: 'EV', ratedKw: 10, powerKw: 5, setpointKw: 10 }, { zero: 0, from: 0, to: 0.5, setpoint: 1 }],
  [{ type: 'PV', ratedKw: 10, powerKw: -5, setpointKw: null }, { zero: 1, from: 0.5, to: 1, setpoint: null }],
  [{ type: 'BATTERY', ratedKw: 5, powerKw: -5, setpointKw: 0 }, { zero: 0.5, from: 0, to: 0.5, setpoint: 0.5 }],
  [{ type: 'EV', ratedKw: null, powerKw: null, setpointKw: null }, { zero: 0, from: 0, to: 0, setpoint: null }],
])('the bar of %o lies right', (part, expected) => {
  expect(barGeometry(row('d', part))).toEqual(expected);
});

test('updates replace rows, add new devices, and count them', () => {
  const fleet = { rows: new Map([['a', row('a')]]), total: 1 };
  const arrived = new Map([['a', row('a', { powerKw: 3 })], ['b', row('b')]]);
  const merged = merge(fleet, arrived, true);
  expect([...merged.rows.keys()]).toEqual(['a', 'b']);
  expect(merged.rows.get('a')?.powerKw).toBe(3);
  expect(merged.total).toBe(2);
  expect(fleet.rows.get('a')?.powerKw).toBeNull();
  expect([...merge(fleet, arrived, false).rows.keys()]).toEqual(['a']);
});
