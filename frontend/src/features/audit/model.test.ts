//! Tests of model.ts.
import { expect, test } from 'vitest';
import { askedOf, csvRow, diff, FIRST_VIEW, kindName, paramsFrom, pathName, spanProblem, summary, viewFrom } from './model';

const NOW = Date.parse('2026-11-26T12:00:00Z');

test('the address says which changes are shown', () => {
  const text = 'span=own&from=2026-11-25T00%3A00%3A00.000Z&to=2026-11-26T00%3A00%3A00.000Z&actor=ada&entity=feeder-a';
  expect(paramsFrom(viewFrom(new URLSearchParams(text))).toString()).toBe(text);
  expect(paramsFrom(viewFrom(new URLSearchParams('span=eternity&from=x'))).toString()).toBe('');
});

test('a span is asked for from now, an own one as it is', () => {
  expect(askedOf({ ...FIRST_VIEW, span: '24h', actor: ' ada ' }, NOW)).toEqual({ from: '2026-11-25T12:00:00.000Z', to: null, actor: 'ada', entity: null });
  expect(askedOf({ ...FIRST_VIEW, span: 'all' }, NOW)).toEqual({ from: null, to: null, actor: null, entity: null });
});

test('an own span that ends before it begins is a problem', () => {
  const view = { ...FIRST_VIEW, span: 'own' as const, from: '2026-11-26T00:00:00Z', to: '2026-11-25T00:00:00Z' };
  expect(spanProblem(view)).toMatch(/end must come after/);
  expect(spanProblem({ ...view, to: null })).toBeNull();
});

test.each([
  ['{"a":1,"b":{"c":2}}', '{"a":1,"b":{"c":3}}', [['b.c', '2', '3']], 1],
  [null, '{"a":1,"list":["x","y"]}', [['a', null, '1'], ['list', null, 'x, y']], 0],
  ['{"a":1,"b":2}', '{"a":null}', [['a', '1', null]], 1],
  ['{"a":1}', '{"a":1}', [], 1],
  ['not json', 'other', [['', 'not json', 'other']], 0],
] as const)('from %s to %s', (before, after, changes, same) => {
  const found = diff(before, after);
  expect(found.changes.map((change) => [change.path, change.before, change.after])).toEqual(changes);
  expect(found.same).toBe(same);
});

test('a change in a line, shortened', () => {
  expect(summary(diff('{"import_limit_w":220}', '{"import_limit_w":240}'))).toBe('import limit (W) 220 → 240');
  expect(summary(diff(null, '{"a":1,"b":2,"c":3}'))).toBe('a 1, b 2, 1 more');
  expect(summary(diff('{"a":1}', '{"a":null}'))).toBe('a taken back');
  expect(summary(diff('{}', '{}'))).toBe('no difference');
});

test.each([
  ['import_limit_w', 'import limit (W)'],
  ['optedOut', 'opted out'],
  ['settings.interval_ms', 'settings › interval (ms)'],
  ['', 'value'],
])('%s is read as "%s"', (path, name) => {
  expect(pathName(path)).toBe(name);
});

test('kinds are words, known or not', () => {
  expect(kindName('EventCreated')).toBe('Event created');
  expect(kindName('LimitRaised')).toBe('Limit raised');
  expect(kindName('FEEDER')).toBe('Feeder');
});

test('a row of the file has every column', () => {
  const entry = { id: '1', at: '2026-11-26T12:00:00Z', actor: 'ada', source: null, kind: 'EventCreated', entity: 'e', before: null, after: '{}' };
  expect(csvRow(entry)).toEqual(['2026-11-26T12:00:00Z', 'ada', '', 'EventCreated', 'e', '', '{}']);
});
