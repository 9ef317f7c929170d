//! Tests of refusal.ts.
import { CombinedError } from '@urql/core';
import { expect, test } from 'vitest';
import { refusalOf } from './refusal';

const FIELDS = ['start', 'end', 'limitKw'] as const;

test.each([
  ['start: must be before end', 'start', 'Must be before end.'],
  ['end must be in the future; got 2026', 'end', 'End must be in the future; got 2026.'],
  ['input.limitKw: expected 0 or more, got -1', 'limitKw', 'Expected 0 or more, got -1.'],
  ['feederId: there is no feeder x', null, 'FeederId: there is no feeder x.'],
  ['the event is over', null, 'The event is over.'],
])('"%s" belongs to %s', (message, field, text) => {
  expect(refusalOf(new CombinedError({ graphQLErrors: [message] }), FIELDS)).toEqual({ field, text });
});

test('a server that does not answer is about no field', () => {
  const error = new CombinedError({ networkError: new Error('x') });
  expect(refusalOf(error, FIELDS)).toEqual({ field: null, text: 'The server cannot be reached.' });
});
