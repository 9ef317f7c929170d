//! Tests of time.ts.
import { describe, expect, test } from 'vitest';
import { clock, duration, fromLocalInput, fullTime, isPassedOver, parseTime, relative, sameOnTheClock, shortTime, toLocalInput, toRfc3339, zoneName } from './time';

const WINTER = Date.parse('2026-11-23T13:05:32Z');
const SUMMER = Date.parse('2026-07-01T13:05:32Z');

test('a UTC time is shown in the reader’s zone, with the zone named', () => {
  expect(clock(WINTER)).toBe('14:05');
  expect(clock(SUMMER, true)).toBe('15:05:32');
  expect(zoneName(WINTER)).toBe('CET');
  expect(zoneName(SUMMER)).toBe('CEST');
  expect(fullTime(WINTER)).toMatch(/23 Nov 2026.*14:05:32 CET \(13:05:32 UTC\)/);
  expect(fullTime(Date.parse('2026-11-23T23:30:00Z'))).toMatch(/24 Nov 2026.*00:30:00 CET \(23 Nov, 23:30:00 UTC\)/);
});

test('the day is named only when it is another one', () => {
  expect(shortTime(WINTER, WINTER + 3_600_000)).toBe('14:05');
  expect(shortTime(WINTER, WINTER + 86_400_000)).toBe('23 Nov, 14:05');
});

describe('durations', () => {
  test.each([
    [0, '0 s'],
    [45_000, '45 s'],
    [720_000, '12 min'],
    [725_000, '12 min'],
    [5_400_000, '1 h 30 min'],
    [7_200_000, '2 h'],
    [97_200_000, '1 d 3 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test.each([
    [500, 'now'],
    [12_000, '12 s ago'],
    [-300_000, 'in 5 min'],
  ])('%d ms before now is "%s"', (before, text) => {
    expect(relative(WINTER - before, WINTER)).toBe(text);
  });
});

test('a time typed in the reader’s zone comes back as the same moment', () => {
  expect(toLocalInput(WINTER)).toBe('2026-11-23T14:05');
  expect(fromLocalInput('2026-11-23T14:05')).toBe(Date.parse('2026-11-23T13:05:00Z'));
  expect(fromLocalInput('yesterday')).toBeNull();
  expect(toRfc3339(WINTER)).toBe('2026-11-23T13:05:32.000Z');
});

test('the clock shows one time twice, and another one never', () => {
  expect(sameOnTheClock(Date.parse('2026-10-25T00:30:00Z'))).toBe(Date.parse('2026-10-25T01:30:00Z'));
  expect(sameOnTheClock(Date.parse('2026-10-25T01:30:00Z'))).toBe(Date.parse('2026-10-25T00:30:00Z'));
  expect(sameOnTheClock(WINTER)).toBeNull();
  expect(isPassedOver('2026-03-29T02:00')).toBe(true);
  expect(isPassedOver('2026-03-29T03:00')).toBe(false);
});

test('what is no time is null', () => {
  expect(parseTime(null)).toBeNull();
  expect(parseTime('')).toBeNull();
  expect(parseTime('soon')).toBeNull();
});
