//! Tests of inView.ts.
import { expect, test } from 'vitest';
import { rowsInView } from './inView';

const place = { count: 10_000, rowPx: 44, windowPx: 880 };

const shown = (passed: number, part = {}) => rowsInView({ ...place, passed, ...part }).bySlot.toSorted((a, b) => a - b);

test('as many rows as fit the window are there, one after the other, wherever it is scrolled to', () => {
  for (const passed of [-5, 0, 3, 5000, 9990, 20_000]) {
    const rows = shown(passed);
    expect(rows).toHaveLength(20 + 1 + 16);
    expect(rows.at(-1)).toBe((rows[0] ?? 0) + rows.length - 1);
    expect(rows[0]).toBeGreaterThanOrEqual(0);
    expect(rows.at(-1)).toBeLessThan(place.count);
  }
});

test('what is seen has rows to spare on both sides', () => {
  const rows = shown(5000);
  expect(rows[0]).toBeLessThan(5000);
  expect(rows.at(-1)).toBeGreaterThan(5020);
});

test('a row keeps its slot while others come and go', () => {
  const before = rowsInView({ ...place, passed: 5000 }).bySlot;
  const after = rowsInView({ ...place, passed: 5003 }).bySlot;
  expect(before.filter((row, slot) => after[slot] !== row)).toHaveLength(3);
});

test('the slots are named in the order of their rows', () => {
  const { bySlot, slotsInOrder } = rowsInView({ ...place, passed: 5000 });
  const rows = slotsInOrder.map((slot) => bySlot[slot] ?? 0);
  expect(rows).toEqual(rows.toSorted((a, b) => a - b));
});

test('a short list is shown whole', () => {
  expect(shown(0, { count: 3 })).toEqual([0, 1, 2]);
  expect(shown(0, { count: 0 })).toEqual([]);
});
