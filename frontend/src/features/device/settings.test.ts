//! Tests of settings.ts, explanation.ts and commands.ts.
import { describe, expect, test } from 'vitest';
import { latency, stageTimes } from './commands';
import type { Command } from './commands';
import { decisionWords, deviceNumbers, feederNumbers, sharedWords } from './explanation';
import type { Explanation } from './explanation';
import type { Facts } from './model';
import { checkOverride, checkSettings, isChanged, overridePreview, restoreOverride, settingsInput, settingsOf, settingsPreview, undoInput } from './settings';
import type { SettingsDraft } from './settings';
import { UNTOLD } from '../../shared/lib/thresholds';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');
const device = { id: 'd', type: 'EV', feederId: 'a', priority: 4, targetSoc: 0.8, fallbackKw: 1.4, optedOut: false, ratedKw: 11 } as Facts;
const before = settingsOf(device);
const draft = (part: Partial<SettingsDraft>): SettingsDraft => ({ ...before, ...part });

describe('settings', () => {
  test('only what was changed is sent, and can be taken back', () => {
    expect(isChanged(settingsInput('d', before, before))).toBe(false);
    const changed = draft({ priority: '7', targetSoc: '90' });
    expect(settingsInput('d', before, changed)).toEqual({ id: 'd', priority: 7, targetSoc: 0.9 });
    expect(undoInput('d', before, changed)).toEqual({ id: 'd', priority: 4, targetSoc: 0.8 });
  });

  test('what had no value before cannot be taken back', () => {
    const none = { ...before, targetSoc: '' };
    expect(undoInput('d', none, { ...none, targetSoc: '50' })).toBeUndefined();
  });

  test.each<[Partial<SettingsDraft>, keyof SettingsDraft]>([
    [{ priority: '11' }, 'priority'],
    [{ priority: '2.5' }, 'priority'],
    [{ targetSoc: '101' }, 'targetSoc'],
    [{ targetSoc: '' }, 'targetSoc'],
    [{ fallbackKw: 'x' }, 'fallbackKw'],
    [{ feederId: '' }, 'feederId'],
  ])('%o has a problem at %s', (part, field) => {
    expect(Object.keys(checkSettings(draft(part), before))).toEqual([field]);
  });

  test('the preview says what the changes do', () => {
    expect(plain(settingsPreview({ id: 'd', feederId: 'b', optedOut: true }))).toBe(
      'Moves to b and counts there from the next decision. It is counted as load that nobody commands.',
    );
  });
});

describe('override', () => {
  test.each<[string, string, string[]]>([
    ['5', '30', []],
    ['', '30', ['powerKw']],
    ['12', '30', ['powerKw']],
    ['5', '0', ['minutes']],
    ['5', '10081', ['minutes']],
  ])('%s kW for %s minutes has problems at %o', (powerKw, minutes, fields) => {
    expect(Object.keys(checkOverride({ powerKw, minutes }, device, UNTOLD))).toEqual(fields);
  });

  test('solar cannot take', () => {
    expect(checkOverride({ powerKw: '2', minutes: '5' }, { type: 'PV', ratedKw: 5 }, UNTOLD)).toHaveProperty('powerKw');
  });

  test('it is said with its end', () => {
    expect(plain(overridePreview('d', { powerKw: '-2', minutes: '90' }, NOW))).toBe(
      'd is told to give 2.00 kW until 14:30 CET (1 h 30 min). The feeder’s limit still holds; others yield for it.',
    );
  });

  test('one that is put back keeps its end', () => {
    const was = { powerKw: 3, until: '2026-11-26T12:05:00Z' };
    expect(restoreOverride('d', was, NOW)).toEqual({ deviceId: 'd', powerKw: 3, forSeconds: 300 });
    expect(restoreOverride('d', was, NOW + 300_000)).toBeNull();
  });
});

describe('explanation', () => {
  const explanation: Explanation = {
    deviceId: 'd',
    at: '2026-11-26T12:00:00Z',
    sentence: 's',
    boundFeederId: 'a',
    boundLimitKw: 40,
    sharedWith: 3,
    decision: {
      id: 'x', feederId: 'a', rootId: 'a', trigger: 'WINDOW', at: '2026-11-26T12:00:00Z', policy: 'water-fill', shadow: false, limitKw: 40, loadKw: 10, parentId: null, mode: 'AUTOMATIC', degraded: null, stopped: null, uncontrolledKw: 8,
      reservedKw: 2, headroomKw: 30, allocatedKw: 30, unmetKw: 0, bindingConstraint: 'EVENT', rung: 'TRIM', certified: true,
    },
    device: {
      wantedKw: 7.4, shareKw: 3.2, setpointKw: 3.1, weight: 2.56, deficitKwh: 0.48, reason: 'FAIR_SHARE', bindingConstraint: 'a', marginal: 0.01, sampleAgeMs: 400,
    },
  };

  test('the numbers are told in order, with units', () => {
    expect(deviceNumbers(explanation).map(({ term, value }) => plain(`${term}: ${value}`))).toEqual([
      'Wanted: 7.40 kW', 'Fair share: 3.20 kW', 'Setpoint: 3.10 kW', 'Weight: 2.56', 'Missed so far: 0.48 kWh', 'Marginal: 0.01 kW', 'Age of its sample: 400 ms',
    ]);
    expect(feederNumbers(explanation).map(({ term }) => term)).not.toContain('Missing');
    expect(feederNumbers({ ...explanation, decision: { ...explanation.decision, unmetKw: 2 } }).map(({ term }) => term)).toContain('Missing');
  });

  test('how it was decided and who shares the limit', () => {
    expect(decisionWords(explanation)).toBe('Policy water-fill · checked');
    expect(plain(sharedWords(explanation) ?? '')).toBe('a binds it at 40.0 kW, which it shares with 3 other devices.');
    expect(sharedWords({ ...explanation, boundFeederId: null })).toBeNull();
  });
});

describe('commands', () => {
  const command: Command = {
    id: 'c', decisionId: 'x', setpointKw: 1, validUntil: '2026-11-26T12:00:30Z', stage: 'ACKED', decidedAt: '2026-11-26T12:00:00.000Z',
    sentAt: '2026-11-26T12:00:00.012Z', ackedAt: '2026-11-26T12:00:01.500Z', appliedAt: null, observedAt: null, reason: null,
  };

  test('stages are told with how long after the decision they came', () => {
    expect(stageTimes(command).map(({ name, after }) => `${name} ${latency(after)}`)).toEqual(['sent 12 ms', 'acknowledged 1.5 s']);
  });

  test.each([[999, '999 ms'], [1500, '1.5 s'], [61_000, '61 s'], [180_000, '3 min']])('%d ms is "%s"', (ms, text) => {
    expect(latency(ms)).toBe(text);
  });
});
