//! Tests of can.ts.
import { expect, test } from 'vitest';
import { may } from './can';

test.each([
  ['VIEWER', false],
  ['OPERATOR', true],
  ['ADMIN', true],
  [null, false],
] as const)('%s may create and cancel events: %s', (role, allowed) => {
  expect(may(role, 'createEvent')).toBe(allowed);
  expect(may(role, 'cancelEvent')).toBe(allowed);
});
