//! Tests of model.ts.
import { describe, expect, test } from 'vitest';
import { boundsOf, checkSpan, jainWords, lasted, shareOf, sortedFair, spanFrom, totals, withSpan } from './model';
import { kwh } from '../../shared/lib/format';
import type { FairnessDevice } from './model';

const NOW = Date.parse('2026-11-23T13:00:00Z');
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('the span in the address', () => {
  test.each(['last=7d', 'feeder=a&last=1h', 'from=2026-11-20T00%3A00%3A00.000Z&to=2026-11-21T00%3A00%3A00.000Z'])('%s comes back as it was', (text) => {
    const params = new URLSearchParams(text);
    expect(withSpan(params, spanFrom(params)).toString()).toBe(text);
  });

  test.each(['', 'last=forever', 'from=x&to=y', 'from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z'])('"%s" is the last day', (text) => {
    expect(spanFrom(new URLSearchParams(text))).toEqual({ kind: 'last', value: '24h' });
  });

  test('ends now or where it was fixed', () => {
    expect(boundsOf({ kind: 'last', value: '1h' }, NOW)).toEqual({ from: NOW - 3_600_000, to: NOW });
    expect(boundsOf({ kind: 'fixed', from: 1, to: 2 }, NOW)).toEqual({ from: 1, to: 2 });
  });

  test.each([
    ['', '2026-11-23T12:00', ['from']],
    ['2026-11-23T12:00', '', ['to']],
    ['2026-11-23T12:00', '2026-11-23T11:00', ['to']],
    ['2026-11-23T15:00', '2026-11-23T16:00', ['from']],
    ['2026-03-29T02:30', '2026-03-30T02:30', ['from']],
    ['2026-11-22T12:00', '2026-11-23T11:00', []],
  ])('from %s to %s complains about %j', (from, to, fields) => {
    expect(Object.keys(checkSpan(from, to, NOW))).toEqual(fields);
  });
});

const row = (deviceId: string, wantedKwh: number, servedKwh: number): FairnessDevice => ({ deviceId, wantedKwh, servedKwh, curtailedKwh: wantedKwh - servedKwh });

describe('who gave', () => {
  const rows = [row('ev-10', 4, 1), row('ev-9', 0, 0), row('ev-2', 2, 2)];
  const ids = (key: 'device' | 'gave' | 'share', down: boolean) => sortedFair(rows, { key, down }).map(({ deviceId }) => deviceId);

  test('sorts by names as people count, and has the unknown last', () => {
    expect(ids('device', false)).toEqual(['ev-2', 'ev-9', 'ev-10']);
    expect(ids('gave', true)).toEqual(['ev-10', 'ev-2', 'ev-9']);
    expect(ids('share', false)).toEqual(['ev-10', 'ev-2', 'ev-9']);
    expect(ids('share', true)).toEqual(['ev-2', 'ev-10', 'ev-9']);
  });

  test('adds up', () => {
    expect(totals(rows)).toEqual({ wantedKwh: 6, servedKwh: 3, curtailedKwh: 3, gave: 1 });
    expect(shareOf(rows[0] ?? row('', 0, 0))).toBe(0.25);
  });

  test.each([
    [1, 'everyone got nearly the same part of what they wanted'],
    [0.92, 'parts differ a little'],
    [0.75, 'parts differ clearly'],
    [0.3, 'a few gave most'],
  ])('an index of %f: %s', (jain, words) => {
    expect(jainWords(jain)).toBe(words);
  });
});

test('energy and lengths in words', () => {
  expect(plain(kwh(3.14159))).toBe('3.14 kWh');
  expect(plain(kwh(12_345))).toBe('12.35 MWh');
  expect(lasted('2026-11-23T12:00:00Z', '2026-11-23T12:00:42Z', NOW)).toBe('42 s');
  expect(lasted('2026-11-23T12:00:00Z', null, NOW)).toBe('1 h');
});
