//! Tests of model.ts and of the runbook's pages.
import { expect, test } from 'vitest';
import type { Alarm } from '../../shared/feeders/alarmModel';
import { advice, byCount, deadSpanOf, readableSample, runbookSections, totalLetters, verdict, waitWords } from './model';
import { runbookOf } from './runbook';

const alarm = (severity: string) => ({ severity }) as Alarm;

test.each<[Parameters<typeof verdict>[0], Alarm[], string, string]>([
  [[], [], 'ok', 'All parts work and no alarm stands'],
  [[], [alarm('WARNING')], 'warn', 'All parts work; 1 alarm stands'],
  [[], [alarm('CRITICAL'), alarm('CRITICAL'), alarm('WARNING')], 'bad', 'All parts work; 2 critical alarms stand'],
  [['log'], [], 'bad', 'Log does not work'],
  [['log', 'mqtt'], [alarm('CRITICAL')], 'bad', 'MQTT and Log do not work'],
])('with %o broken and %o the verdict is %s', (broken, alarms, tone, text) => {
  expect(verdict(broken, alarms)).toEqual({ tone, text });
});

test('the page of an alarm is found by its code, wherever the API says that it stands', () => {
  for (const runbook of ['docs/runbook/CTL-003.md', 'CTL-003', '/runbook/CTL-003']) {
    expect(runbookOf(runbook).map(({ title }) => title)).toEqual(['What happened', 'What to do']);
  }
  expect(runbookOf('CTL-999')).toEqual([]);
  expect(runbookOf('elsewhere')).toEqual([]);
});

test('Markdown becomes plain lines', () => {
  const page = '# T\n\n## Do\n\nLook at `x` and [this](y.md).\n- one\n';
  expect(runbookSections(page)).toEqual([{ title: 'Do', lines: ['Look at x and this.', '• one'] }]);
});

test('a reason has advice, an unknown one its own word', () => {
  expect(advice('not_json').name).toBe('Not JSON');
  expect(advice('RATE_LIMITED').name).toBe('Sends too often');
  expect(advice('moon_phase').name).toBe('Moon phase');
});

test('letters are counted, the most first', () => {
  const letter = (reason: string, count: number) => ({ reason, count, lastAt: '', detail: '', sample: '', deviceId: null });
  const letters = [letter('a', 1), letter('b', 9)];
  expect(totalLetters(letters)).toBe(10);
  expect(byCount(letters).map(({ reason }) => reason)).toEqual(['b', 'a']);
  expect(deadSpanOf('nonsense').value).toBe('24h');
});

test('a sample is laid out when it is JSON and left alone when not', () => {
  expect(readableSample('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(readableSample('{"a":')).toBe('{"a":');
});

test('why a device waits', () => {
  expect(waitWords({ reason: 'UNKNOWN_FEEDER', feederId: 'z', siteId: null })).toBe('It claims z; there is no such feeder.');
  expect(waitWords({ reason: 'UNKNOWN_DEVICE', feederId: 'a', siteId: 'lab' })).toBe('Nobody has registered it. It claims a, site lab.');
});
