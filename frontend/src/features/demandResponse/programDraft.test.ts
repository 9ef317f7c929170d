//! Tests of programDraft.ts.
import { expect, test } from 'vitest';
import type { FeederFacts } from '../../shared/feeders/model';
import type { Program } from './model';
import { activationSentence, checkProgram, draftOf, newProgram, programInput, programPatch, programPreview } from './programDraft';
import type { ProgramDraft } from './programDraft';
import { UNTOLD } from '../../shared/lib/thresholds';

const NOW = Date.parse('2026-11-26T12:10:00Z');
const FEEDERS = [{ id: 'a', importLimitKw: 100, parentId: null, loadKw: 10 }] as FeederFacts[];
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');
const draft = (part: Partial<ProgramDraft>): ProgramDraft => ({ ...newProgram(NOW), name: 'Peak', targetShedKw: '20', ...part });
const program: Program = {
  id: 'p',
  name: 'Peak',
  mode: 'FIXED_CAP',
  feederIds: ['a'],
  start: '2026-11-26T12:00:30Z',
  end: '2026-11-26T14:00:00Z',
  targetShedKw: 20,
  incentivePerKwh: 0,
  penaltyPerKwh: 0,
  active: true,
  impact: null,
};

test('a new program is for the next full hour', () => {
  expect(newProgram(NOW)).toMatchObject({ start: '2026-11-26T14:00', end: '2026-11-26T15:00', active: true });
});

test.each<[Partial<ProgramDraft>, ProgramDraft extends infer D ? keyof D : never, RegExp]>([
  [{ name: ' ' }, 'name', /name/],
  [{ end: '2026-11-26T13:00' }, 'end', /after the start/],
  [{ start: '2026-11-26T10:00', end: '2026-11-26T11:00' }, 'end', /past/],
  [{ start: '' }, 'start', /Choose/],
  [{ start: '2027-03-28T02:30', end: '2027-03-28T04:30' }, 'start', /does not exist/],
  [{ targetShedKw: '' }, 'targetShedKw', /kW/],
  [{ targetShedKw: '-1' }, 'targetShedKw', /below 0/],
  [{ targetShedKw: '0' }, 'targetShedKw', /does nothing/],
  [{ penaltyPerKwh: 'x' }, 'penaltyPerKwh', /number/],
])('%o has a problem at %s', (part, field, problem) => {
  expect(checkProgram(draft(part), NOW, UNTOLD)[field]).toMatch(problem);
});

test('a sound draft has none; by price nothing at least is fine', () => {
  expect(checkProgram(draft({}), NOW, UNTOLD)).toEqual({});
  expect(checkProgram(draft({ mode: 'PRICE_ELASTIC', targetShedKw: '' }), NOW, UNTOLD)).toEqual({});
});

test('the input has numbers and UTC', () => {
  expect(programInput(draft({ targetShedKw: '12,5', feederIds: ['a'] }))).toMatchObject({
    name: 'Peak',
    start: '2026-11-26T13:00:00.000Z',
    end: '2026-11-26T14:00:00.000Z',
    targetShedKw: 12.5,
    feederIds: ['a'],
  });
});

test('a patch says only what was changed: seconds that the form does not show stay', () => {
  const before = draftOf(program);
  expect(programPatch(before, before)).toEqual({});
  expect(programPatch(before, { ...before, targetShedKw: '30' })).toEqual({ targetShedKw: 30 });
});

test('the preview says what, when and whether it acts', () => {
  expect(plain(programPreview(draft({ feederIds: ['a'], active: false }), FEEDERS, NOW, UNTOLD))).toBe(
    'Takes 20.0 kW off a, from 14:00 until 15:00 CET (1 h). It is switched off: it acts once it is activated.',
  );
});

test('switching says what will happen', () => {
  expect(activationSentence(program, FEEDERS, NOW, UNTOLD)).toMatch(/^It stops now/);
  expect(plain(activationSentence({ ...program, active: false }, FEEDERS, NOW, UNTOLD))).toBe('Takes 20.0 kW off a, from now until 15:00 CET.');
});
