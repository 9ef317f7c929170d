//! Tests of csv.ts.
import { expect, test } from 'vitest';
import { toCsv } from './csv';

test('cells are quoted where they must be, and nothing becomes a formula', () => {
  const text = toCsv(['device', 'kWh', 'cause'], [
    ['ev-1', 1.25, 'a, "b"'],
    ['=SUM(A1)', -3, null],
    ['two\nlines', Number.NaN, undefined],
  ]);
  expect(text).toBe('device,kWh,cause\r\nev-1,1.25,"a, ""b"""\r\n\'=SUM(A1),-3,\r\n"two\nlines",,\r\n');
});
