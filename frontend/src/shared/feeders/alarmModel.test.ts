//! Tests of alarmModel.ts.
import { expect, test } from 'vitest';
import { groupAlarms, runbookHref } from './alarmModel';
import type { Alarm } from './alarmModel';

const alarm = (code: string, severity: string, minute: number, deviceId: string | null = null): Alarm => ({
  at: `2026-11-23T12:${String(minute).padStart(2, '0')}:00Z`,
  code,
  severity,
  feederId: null,
  deviceId,
  message: code,
  runbook: '',
});

test('what cannot wait comes first, then what has stood longest, each with its like', () => {
  const groups = groupAlarms([
    alarm('CTL-003', 'WARNING', 5, 'ev-2'),
    alarm('CTL-003', 'WARNING', 2, 'ev-1'),
    alarm('CTL-008', 'WARNING', 1),
    alarm('CTL-007', 'CRITICAL', 9),
  ]);
  expect(groups.map(({ code, alarms }) => [code, alarms.map(({ deviceId }) => deviceId)])).toEqual([
    ['CTL-007', [null]],
    ['CTL-008', [null]],
    ['CTL-003', ['ev-1', 'ev-2']],
  ]);
});

test.each([
  ['https://example.org/CTL-001', 'https://example.org/CTL-001'],
  ['/runbook/CTL-001', '/runbook/CTL-001'],
  ['docs/runbook/CTL-001.md', null],
  ['javascript:alert(1)', null],
  ['//elsewhere.example', null],
])('the runbook %s leads to %s', (runbook, href) => {
  expect(runbookHref(runbook)).toBe(href);
});
