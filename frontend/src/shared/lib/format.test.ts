//! Tests of format.ts.
import { describe, expect, test } from 'vitest';
import { direction, kw, percent, plural, powerFigure, signedKw, words } from './format';

const plain = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');

describe('power', () => {
  test.each([
    [0, '0.00 kW'],
    [3.14159, '3.14 kW'],
    [9.999, '10.00 kW'],
    [42.26, '42.3 kW'],
    [999.94, '999.9 kW'],
    [1234.4, '1 234 kW'],
    [12_345, '12.35 MW'],
    [-3.5, '−3.50 kW'],
    [-0.001, '0.00 kW'],
  ])('%f kW is written %s', (value, text) => {
    expect(plain(kw(value))).toBe(text);
  });

  test.each([null, undefined, Number.NaN, Number.POSITIVE_INFINITY])('%s is written as a dash', (value) => {
    expect(powerFigure(value)).toEqual({ value: '–', unit: '' });
  });

  test('a figure beside a larger one has the larger one’s precision and unit', () => {
    expect(plain(kw(3.14159, 240))).toBe('3.1 kW');
    expect(plain(kw(500, 20_000))).toBe('0.50 MW');
  });

  test.each([
    [0.4, '+0.40 kW'],
    [-0.4, '−0.40 kW'],
    [0.001, '0.00 kW'],
    [null, '–'],
  ])('the difference %s carries its sign: %s', (value, text) => {
    expect(plain(signedKw(value))).toBe(text);
  });

  test.each([
    [1, 'takes'],
    [-1, 'gives'],
    [0.001, 'idle'],
    [null, 'unknown'],
  ] as const)('%s kW %s', (value, word) => {
    expect(direction(value)).toBe(word);
  });
});

test('fractions become percentages', () => {
  expect(plain(percent(0.421))).toBe('42 %');
  expect(plain(percent(0.9951, 1))).toBe('99.5 %');
  expect(percent(null)).toBe('–');
});

test('one device, many devices', () => {
  expect(plural(1, 'device')).toBe('1 device');
  expect(plain(plural(12_000, 'device'))).toBe('12 000 devices');
});

test('names of the API become words', () => {
  expect(words('FIXED_CAP')).toBe('Fixed cap');
});
