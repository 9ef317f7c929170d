//! Tests of model.ts and view.ts.
import { expect, test } from 'vitest';
import type { FeederFacts } from '../../shared/feeders/model';
import { UNTOLD } from '../../shared/lib/thresholds';
import { programPhase, remaining } from '../../shared/events/programPhase';
import { bars, effects, frameOf, inOrder, pricePercent, sayShape, spanOf, ticks } from './model';
import type { Program, Shape } from './model';
import { paramsFrom, viewFrom } from './view';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const HOUR = 3_600_000;
const iso = (hours: number) => new Date(NOW + hours * HOUR).toISOString();
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

const feeder = (id: string, importLimitKw: number, parentId: string | null = null) => ({ id, importLimitKw, parentId, loadKw: 10 }) as FeederFacts;
const FEEDERS = [feeder('top', 200), feeder('a', 100, 'top'), feeder('b', 50, 'top'), feeder('solo', 40)];

const shape = (part: Partial<Shape>): Shape => ({ mode: 'FIXED_CAP', feederIds: [], targetShedKw: 20, incentivePerKwh: 0, penaltyPerKwh: 0, ...part });
const program = (part: Partial<Program>): Program => ({
  id: 'p',
  name: 'Peak',
  mode: 'FIXED_CAP',
  feederIds: ['a'],
  start: iso(-1),
  end: iso(1),
  targetShedKw: 20,
  incentivePerKwh: 0,
  penaltyPerKwh: 0,
  active: true,
  impact: null,
  ...part,
});
const event = (id: string, start: number, end: number, cancelled = false) => ({
  id,
  feederId: 'a',
  start: iso(start),
  end: iso(end),
  limitKw: 40,
  type: 'dr',
  rampSeconds: 0,
  cancelled,
  cancelledAt: null,
  createdBy: 'ada',
});

test.each<[Partial<Program>, string]>([
  [{}, 'active'],
  [{ active: false }, 'off'],
  [{ start: iso(1), end: iso(2) }, 'upcoming'],
  [{ start: iso(1), end: iso(2), active: false }, 'off'],
  [{ end: iso(-0.5) }, 'past'],
  [{ end: iso(-0.5), active: false }, 'past'],
])('a program with %o is %s', (part, phase) => {
  expect(programPhase(program(part), NOW)).toBe(phase);
});

test('what is on comes first, what was comes last, the latest of it first', () => {
  const list = [event('old', -5, -4), event('newer', -3, -2), event('later', 5, 6), event('soon', 1, 2), event('on', -1, 1)];
  const phaseOf = ({ start, end }: { start: string; end: string }) => programPhase({ start, end, active: true }, NOW);
  expect(inOrder(list, phaseOf).map(({ id }) => id)).toEqual(['on', 'soon', 'later', 'newer', 'old']);
});

test('how long an event still takes', () => {
  expect(remaining('active', iso(-1), iso(1), NOW)).toBe('1 h left');
  expect(remaining('upcoming', iso(2), iso(3), NOW)).toBe('starts in 2 h');
  expect(remaining('past', iso(-2), iso(-1), NOW)).toBe('');
});

test('a fixed cap is split evenly over the feeders that it names, or over those without a parent', () => {
  expect(effects(shape({ feederIds: ['a', 'b'] }), FEEDERS, UNTOLD).map(({ feeder: { id }, limitKw }) => [id, limitKw])).toEqual([['a', 90], ['b', 40]]);
  expect(effects(shape({}), FEEDERS, UNTOLD).map(({ feeder: { id }, takenKw }) => [id, takenKw])).toEqual([['top', 10], ['solo', 10]]);
});

test('no feeder is taken below nothing', () => {
  expect(effects(shape({ feederIds: ['b'], targetShedKw: 80 }), FEEDERS, UNTOLD)[0]).toMatchObject({ takenKw: 50, limitKw: 0 });
});

test.each<[number, number, number]>([
  [30, 5, 25],
  [300, 0, 80],
  [5, 5, 0],
  [0, 9, 0],
])('a penalty of %d and an incentive of %d are %d per cent', (penaltyPerKwh, incentivePerKwh, percent) => {
  expect(pricePercent(shape({ mode: 'PRICE_ELASTIC', penaltyPerKwh, incentivePerKwh }), UNTOLD)).toBe(percent);
});

test('the most that a price takes is what the API says', () => {
  const dear = shape({ mode: 'PRICE_ELASTIC', feederIds: ['a'], targetShedKw: 0, penaltyPerKwh: 300 });
  const most = { ...UNTOLD, priceMaxPercent: 50 };
  expect(effects(dear, FEEDERS, most)[0]).toMatchObject({ takenKw: 50, limitKw: 50 });
  expect(sayShape(dear, FEEDERS, most)).toBe('Takes 50 % off the limit of a');
});

test('by price each feeder gives its per cent, and at least its part of what is wanted', () => {
  const found = effects(shape({ mode: 'PRICE_ELASTIC', feederIds: ['a', 'b'], penaltyPerKwh: 15 }), FEEDERS, UNTOLD);
  expect(found.map(({ takenKw }) => takenKw)).toEqual([15, 10]);
});

test.each<[Partial<Shape>, string]>([
  [{ feederIds: ['a'] }, 'Takes 20.0 kW off a'],
  [{ feederIds: ['a', 'b', 'solo'] }, 'Takes 20.0 kW off a, b and solo'],
  [{}, 'Takes 20.0 kW off the 2 top feeders'],
  [{ mode: 'PRICE_ELASTIC', penaltyPerKwh: 12.5, feederIds: ['a'] }, 'Takes 12.5 % off the limit of a, at least 20.0 kW in all'],
  [{ mode: 'PRICE_ELASTIC', incentivePerKwh: 1, feederIds: ['a'] }, 'Takes nothing off a: the incentive is as large as the penalty'],
])('%o is said as "%s"', (part, text) => {
  expect(plain(sayShape(shape(part), FEEDERS, UNTOLD))).toBe(text);
});

test('bars lie where their time is, cut at the window, and only those inside it', () => {
  const frame = frameOf(spanOf('day'), NOW);
  const found = bars([event('e', 3, 6), event('out', -9, -8)], [program({ start: iso(-12), end: iso(30) })], frame, NOW, UNTOLD);
  expect(found.map(({ key }) => key)).toEqual(['program/p', 'event/e']);
  expect(found[0]).toMatchObject({ left: 0, width: 1, startsBefore: true, endsAfter: true });
  expect(found[1]).toMatchObject({ left: 9 / 24, width: 3 / 24, startsBefore: false, endsAfter: false });
});

test('ticks keep to whole local days across the change of the clocks', () => {
  const change = Date.parse('2026-10-24T12:00:00Z');
  const labels = ticks(frameOf(spanOf('week'), change), spanOf('week')).map(({ at, label }) => [label, new Date(at).getHours()]);
  expect(labels).toEqual([['23 Oct', 0], ['24 Oct', 0], ['25 Oct', 0], ['26 Oct', 0], ['27 Oct', 0], ['28 Oct', 0], ['29 Oct', 0]]);
});

test('the address says what is shown, and nonsense in it is ignored', () => {
  const text = 'span=week&past=1&pick=program%2Fp&new=event&feeder=a';
  expect(paramsFrom(viewFrom(new URLSearchParams(text))).toString()).toBe(text);
  expect(paramsFrom(viewFrom(new URLSearchParams('span=year&pick=x&new=thing'))).toString()).toBe('');
});
