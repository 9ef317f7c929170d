//! Tests of eventModel.ts.
import { describe, expect, test } from 'vitest';
import { arrange, checkDraft, draftOf, formerOf, phase, preview, startLabel, toInput, toPatch } from './eventModel';
import type { DrEvent, EventDraft } from './eventModel';
import { UNTOLD } from '../lib/thresholds';

const NOW = Date.parse('2026-11-23T13:00:00Z');
const minutes = (value: number) => new Date(NOW + value * 60_000).toISOString();
const event = (id: string, from: number, to: number, cancelled = false): DrEvent => ({
  id,
  feederId: 'feeder-a',
  start: minutes(from),
  end: minutes(to),
  limitKw: 50,
  type: 'dr',
  rampSeconds: 0,
  cancelled,
  cancelledAt: null,
  createdBy: 'ada',
});
const feeder = { id: 'feeder-a', loadKw: 90, importLimitKw: 100 };
const draft: EventDraft = { feederId: 'feeder-a', limitKw: '45', when: 'now', start: '', minutes: '30', rampSeconds: '0' };
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test.each([
  [event('e', -10, 10), 'active'],
  [event('e', 10, 20), 'upcoming'],
  [event('e', -20, -10), 'past'],
  [event('e', -10, 0), 'past'],
  [event('e', -10, 10, true), 'cancelled'],
] as const)('the phase of %o is %s', (each, expected) => {
  expect(phase(each, NOW)).toBe(expected);
});

test('active events come first, then the next, and the past only on request', () => {
  const all = [event('old', -90, -60), event('later', 60, 90), event('soon', 10, 20), event('now', -5, 5), event('recent', -30, -10)];
  expect(arrange(all, NOW, false).map(({ id }) => id)).toEqual(['now', 'soon', 'later']);
  expect(arrange(all, NOW, true).map(({ id }) => id)).toEqual(['now', 'soon', 'later', 'recent', 'old']);
});

describe('the form', () => {
  test.each<[Partial<EventDraft>, string[]]>([
    [{}, []],
    [{ limitKw: '45,5' }, []],
    [{ limitKw: '' }, ['limitKw']],
    [{ limitKw: 'many' }, ['limitKw']],
    [{ limitKw: '-1' }, ['limitKw']],
    [{ limitKw: '100' }, ['limitKw']],
    [{ limitKw: '0' }, []],
    [{ minutes: '0' }, ['minutes']],
    [{ minutes: '20000' }, ['minutes']],
    [{ rampSeconds: '1.5' }, ['rampSeconds']],
    [{ rampSeconds: '86401' }, ['rampSeconds']],
    [{ when: 'later', start: '' }, ['start']],
    [{ when: 'later', start: '2026-11-23T13:00' }, ['start']],
    [{ when: 'later', start: '2026-11-23T15:00' }, []],
  ])('with %o complains about %j', (part, fields) => {
    expect(Object.keys(checkDraft({ ...draft, ...part }, { feeder, now: NOW, thresholds: UNTOLD }))).toEqual(fields);
  });

  test('a time that the clocks pass over is refused', () => {
    const before = Date.parse('2026-03-28T12:00:00Z');
    const at = (start: string) => checkDraft({ ...draft, when: 'later', start }, { feeder, now: before, thresholds: UNTOLD }).start;
    expect(at('2026-03-29T02:30')).toMatch(/does not exist.*29 Mar, 03:30 CEST/);
    expect([at('2026-03-29T01:59'), at('2026-03-29T03:00')]).toEqual([undefined, undefined]);
  });

  test.each([
    ['2026-10-25T01:30', 'Start time (CEST)', 'from 25 Oct, 01:30 CEST until 25 Oct, 02:30 CET'],
    ['2026-10-25T02:30', 'Start time (CEST, not CET)', 'from 25 Oct, 02:30 CEST until 25 Oct, 03:30 CET'],
    ['2026-10-25T03:30', 'Start time (CET)', 'from 25 Oct, 03:30 until 25 Oct, 05:30 CET'],
  ])('names the zone that holds at each moment: %s', (start, label, span) => {
    const before = Date.parse('2026-10-24T12:00:00Z');
    const later: EventDraft = { ...draft, when: 'later', start, minutes: '120' };
    expect(startLabel(later, before)).toBe(label);
    expect(preview(toInput(later, before), feeder, before)).toContain(span);
  });

  test('an event of one hour in the doubled hour begins and ends at the same time on the clock', () => {
    const before = Date.parse('2026-10-24T12:00:00Z');
    const input = toInput({ ...draft, when: 'later', start: '2026-10-25T02:30', minutes: '60' }, before);
    expect([input.start, input.end]).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']);
    expect(preview(input, feeder, before)).toContain('from 25 Oct, 02:30 CEST until 25 Oct, 02:30 CET');
  });

  test('without a feeder there is nothing to limit', () => {
    expect(checkDraft(draft, { feeder: undefined, now: NOW, thresholds: UNTOLD }).feederId).toBeDefined();
  });

  test('becomes the input of the API in UTC', () => {
    expect(toInput({ ...draft, when: 'later', start: '2026-11-23T15:00', rampSeconds: '60' }, NOW)).toEqual({
      feederId: 'feeder-a',
      start: '2026-11-23T14:00:00.000Z',
      end: '2026-11-23T14:30:00.000Z',
      limitKw: 45,
      type: 'dr',
      rampSeconds: 60,
    });
  });

  test('says beforehand what will happen', () => {
    expect(plain(preview(toInput(draft, NOW), feeder, NOW))).toBe(
      'feeder-a is held at 45.0 kW from now until 14:30 CET. That is 45.0 kW below its present load.',
    );
  });
});

describe('changing an event', () => {
  const running = event('e', -10, 20);
  const start = NOW - 10 * 60_000;

  test('without a change there is nothing to tell', () => {
    expect(toPatch(running, toInput(draftOf(running, NOW), NOW, start))).toBeNull();
  });

  test('one that runs keeps its start and may be made longer and looser, and both can be taken back', () => {
    const changed: EventDraft = { ...draftOf(running, NOW), minutes: '60', limitKw: '70' };
    expect(checkDraft(changed, { feeder, now: NOW, thresholds: UNTOLD, running: start })).toEqual({});
    const patch = toPatch(running, toInput(changed, NOW, start));
    expect(patch).toEqual({ end: minutes(50), limitKw: 70 });
    expect(formerOf(running, patch ?? {})).toEqual({ end: running.end, limitKw: 50 });
  });

  test('one that runs cannot be made to have ended', () => {
    const changed = { ...draftOf(running, NOW), minutes: '5' };
    expect(checkDraft(changed, { feeder, now: NOW, thresholds: UNTOLD, running: start })).toHaveProperty('minutes');
  });

  test('one that is to come can be moved', () => {
    const later = event('e', 60, 90);
    const patch = toPatch(later, toInput({ ...draftOf(later, NOW), start: '2026-11-23T16:00' }, NOW));
    expect(patch).toEqual({ start: '2026-11-23T15:00:00.000Z', end: '2026-11-23T15:30:00.000Z' });
  });
});
