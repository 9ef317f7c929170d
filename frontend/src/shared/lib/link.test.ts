//! Tests of link.ts.
import { expect, test } from 'vitest';
import { LinkStore } from './link';

test('the first connection is live; only later ones ask for what was missed', () => {
  const link = new LinkStore();
  link.connecting();
  expect(link.read().status).toBe('connecting');
  link.connected();
  expect(link.read()).toMatchObject({ status: 'live', epoch: 0 });
  link.closed(false);
  expect(link.read().status).toBe('lost');
  link.connecting();
  expect(link.read().status).toBe('lost');
  link.connected();
  expect(link.read()).toMatchObject({ status: 'live', epoch: 1 });
});

test('a link that nobody needs is idle, not lost', () => {
  const link = new LinkStore();
  link.connected();
  link.closed(true);
  expect(link.read().status).toBe('idle');
});
