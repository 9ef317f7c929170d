//! Tests of bulk.ts.
import { expect, test } from 'vitest';
import { outcome, plan, preview } from './bulk';
import type { BulkAction } from './bulk';
import type { Row } from './model';

const row = (id: string, part: Partial<Row> = {}) => ({ id, optedOut: false, priority: 5, feederId: 'feeder-a', ...part }) as Row;
const ROWS = [row('ev-1'), row('ev-2', { optedOut: true, priority: 8, feederId: 'feeder-b' })];

test.each<[BulkAction, object[], object[]]>([
  [{ kind: 'optOut' }, [{ id: 'ev-1', optedOut: true }], [{ id: 'ev-1', optedOut: false }]],
  [{ kind: 'optIn' }, [{ id: 'ev-2', optedOut: false }], [{ id: 'ev-2', optedOut: true }]],
  [{ kind: 'priority', value: 8 }, [{ id: 'ev-1', priority: 8 }], [{ id: 'ev-1', priority: 5 }]],
  [{ kind: 'feeder', id: 'feeder-b' }, [{ id: 'ev-1', feederId: 'feeder-b' }], [{ id: 'ev-1', feederId: 'feeder-a' }]],
])('%o asks for what is not so already, and can be taken back', (action, inputs, formers) => {
  const steps = plan(action, ROWS);
  expect(steps.map(({ input }) => input)).toEqual(inputs);
  expect(steps.map(({ former }) => former)).toEqual(formers);
});

test('says beforehand what will happen', () => {
  expect(preview({ kind: 'priority', value: 8 }, 1, 2)).toBe(
    'Sets the priority of 1 device to 8 of 10: it weighs in the next decision. 1 other is so already.',
  );
  expect(preview({ kind: 'optIn' }, 0, 2)).toBe('All of them are so already.');
});

test.each([
  [3, 0, 0, '3 devices moved to feeder-b.'],
  [1, 2, 0, '1 device moved to feeder-b, 2 were refused.'],
  [1, 1, 4, '1 device moved to feeder-b, 1 was refused, 4 were not reached.'],
])('of %i done, %i refused, %i left out it says: %s', (done, failed, stopped, sentence) => {
  expect(outcome({ kind: 'feeder', id: 'feeder-b' }, done, failed, stopped)).toBe(sentence);
});
