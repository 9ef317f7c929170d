//! Tests of can.ts.
import { expect, test } from 'vitest';
import { may } from './can';

test.each([
  ['VIEWER', false, false],
  ['OPERATOR', true, false],
  ['ADMIN', true, true],
  [null, false, false],
] as const)('%s may operate: %s, may read the audit and delete: %s', (role, operates, administers) => {
  expect(may(role, 'createEvent')).toBe(operates);
  expect(may(role, 'cancelEvent')).toBe(operates);
  expect(may(role, 'setFeeder')).toBe(operates);
  expect(may(role, 'setDevice')).toBe(operates);
  expect(may(role, 'readAudit')).toBe(administers);
  expect(may(role, 'deleteProgram')).toBe(administers);
});
