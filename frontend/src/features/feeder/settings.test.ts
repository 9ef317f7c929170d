//! Tests of settings.ts.
import { describe, expect, test } from 'vitest';
import type { FeederFacts } from '../../shared/feeders/model';
import { checkSettings, draftOf, effects, formerOf, isGrave, toInput } from './settings';
import type { SettingsDraft } from './settings';

const feeder = {
  id: 'feeder-a',
  parentId: 'substation-1',
  mode: 'AUTOMATIC',
  policy: 'water-fill',
  policyIsDefault: true,
  importLimitKw: 240,
  importLimitIsDefault: false,
  exportLimitKw: null,
  loadKw: 230,
} as FeederFacts;
const draft = (part: Partial<SettingsDraft> = {}) => ({ ...draftOf(feeder), ...part });
const plain = (texts: readonly string[]) => texts.map((text) => text.replaceAll('\u00a0', ' '));

test('an untouched form asks for nothing', () => {
  expect(toInput(draft(), feeder)).toBeNull();
  expect(checkSettings(draft())).toEqual({});
});

test.each<[Partial<SettingsDraft>, object, object]>([
  [{ importLimit: '200' }, { importLimitKw: 200 }, { importLimitKw: 240 }],
  [{ importLimit: '200,5' }, { importLimitKw: 200.5 }, { importLimitKw: 240 }],
  [{ importDefault: true }, { importLimitKw: null }, { importLimitKw: 240 }],
  [{ exportNone: false, exportLimit: '50' }, { exportLimitKw: 50 }, { exportLimitKw: null }],
  [{ policy: 'lifo', mode: 'SHADOW' }, { mode: 'SHADOW', policy: 'lifo' }, { mode: 'AUTOMATIC', policy: null }],
  [{ parentId: '' }, { parentId: null }, { parentId: 'substation-1' }],
])('%o asks for %o and is taken back by %o', (part, asked, former) => {
  const input = toInput(draft(part), feeder);
  expect(input).toEqual({ id: 'feeder-a', ...asked });
  expect(formerOf(feeder, Object.keys(input ?? {}))).toEqual({ id: 'feeder-a', ...former });
});

test.each<[Partial<SettingsDraft>, string[]]>([
  [{ importLimit: '' }, ['importLimitKw']],
  [{ importLimit: '-1' }, ['importLimitKw']],
  [{ importLimit: 'x', importDefault: true }, []],
  [{ exportNone: false, exportLimit: '' }, ['exportLimitKw']],
])('with %o complains about %j', (part, fields) => {
  expect(Object.keys(checkSettings(draft(part)))).toEqual(fields);
});

describe('what a change will do', () => {
  test.each<[Partial<SettingsDraft>, string]>([
    [{ importLimit: '200' }, 'The import limit goes from 240.0 kW to 200.0 kW. Its load is 30.0 kW above that: devices are told to take less at once.'],
    [{ importLimit: '300' }, 'The import limit goes from 240.0 kW to 300.0 kW. Its present load is within that.'],
    [{ importDefault: true }, 'Its own import limit of 240.0 kW is taken back: the default limit holds.'],
    [{ policy: 'lifo' }, 'From the next decision on shares are made by lifo.'],
    [{ parentId: 'north' }, 'It moves below north, whose limits hold for it too.'],
    [{ parentId: '' }, 'It stands at the top: no limit above holds for it any more.'],
  ])('%o: %s', (part, sentence) => {
    const input = toInput(draft(part), feeder);
    expect(plain(effects(feeder, input ?? { id: '' }))).toEqual([sentence]);
  });

  test.each<[Partial<SettingsDraft>, boolean]>([
    [{ importLimit: '200' }, true],
    [{ importLimit: '300' }, false],
    [{ mode: 'DISABLED' }, true],
    [{ policy: 'lifo' }, false],
  ])('%o is grave: %s', (part, grave) => {
    expect(isGrave(feeder, toInput(draft(part), feeder) ?? { id: '' })).toBe(grave);
  });
});
