//! Tests of csv.ts.
import { expect, test } from 'vitest';
import { toCsv } from './csv';

test('quotes what needs it and keeps formulas from running', () => {
  const text = toCsv(['a', 'b'], [['1,5', 'say "yes"'], ['=cmd()', '-1.5'], ['two\nlines', '-x']]);
  expect(text).toBe(`a,b\r\n"1,5","say ""yes"""\r\n'=cmd(),-1.5\r\n"two\nlines",'-x\r\n`);
});
