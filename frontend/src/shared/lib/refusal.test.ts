//! Tests of refusal.ts.
import { CombinedError } from '@urql/core';
import { expect, test } from 'vitest';
import { refusalOf } from './refusal';

const FIELDS = ['importLimitKw', 'parentId'] as const;
const said = (...messages: string[]) => new CombinedError({ graphQLErrors: messages });

test.each([
  [['importLimitKw: must be at least 0; you gave -3'], { importLimitKw: 'Must be at least 0; you gave -3.' }, undefined],
  [['input.parentId: feeder-a is below it'], { parentId: 'feeder-a is below it.' }, undefined],
  [['parentId must not be its own child'], { parentId: 'parentId must not be its own child.' }, undefined],
  [['limitKw: must be at least 0'], {}, 'limitKw: must be at least 0'],
  [['the feeder is not known'], {}, 'the feeder is not known'],
])('%j is shown at %j, and beside the form: %s', (messages, fields, rest) => {
  expect(refusalOf(said(...messages), FIELDS)).toEqual({ fields, rest });
});

test('a server that cannot be reached is said beside the form', () => {
  const refusal = refusalOf(new CombinedError({ networkError: new Error('down') }), FIELDS);
  expect(refusal).toEqual({ fields: {}, rest: 'The server cannot be reached.' });
});
