//! Tests of session.ts.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseRole, readSession, sessionStore } from './session';

const session = (expiresAt: number | null) => ({ username: 'ada', role: 'OPERATOR' as const, expiresAt });

test('a session is read from what the API says, and nothing is made up', () => {
  const user = { username: 'ada', role: 'operator' };
  expect(readSession({ user, expiresAtMs: 1_800_000_000_000 })).toEqual(session(1_800_000_000_000));
  expect(readSession({ user })).toEqual(session(null));
  for (const answer of [null, 'x', {}, { user: null }, { user: 'ada' }, { user: { username: 'ada' } }, { user: { username: 1, role: 'admin' } }]) {
    expect(readSession(answer)).toBeNull();
  }
});

test('an unknown role is the smallest one', () => {
  expect(parseRole('admin')).toBe('ADMIN');
  expect(parseRole('emperor')).toBe('VIEWER');
});

describe('the session', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    sessionStore.end('signed-out');
    vi.useRealTimers();
  });

  test('leaves nothing behind that a page could read', () => {
    sessionStore.begin(session(null));
    expect(sessionStorage.length + localStorage.length).toBe(0);
    expect(document.cookie).toBe('');
  });

  test('lapses with its time', () => {
    sessionStore.begin(session(Date.now() + 60_000));
    vi.advanceTimersByTime(59_000);
    expect(sessionStore.read().session?.username).toBe('ada');
    vi.advanceTimersByTime(2000);
    const { session: kept, lapsed } = sessionStore.read();
    expect({ user: kept?.username, lapsed }).toEqual({ user: 'ada', lapsed: true });
  });

  test('that has lapsed goes on when its user signs in again, and is gone when they leave', () => {
    sessionStore.begin(session(null));
    sessionStore.end('expired');
    sessionStore.confirm('ada', 'VIEWER');
    expect(sessionStore.read().session?.role).toBe('OPERATOR');
    sessionStore.begin(session(null));
    expect(sessionStore.read().lapsed).toBe(false);
    sessionStore.end('expired');
    sessionStore.end('signed-out');
    expect(sessionStore.read()).toMatchObject({ session: null, lapsed: false });
  });

  test('takes the role that the API confirms', () => {
    sessionStore.begin(session(null));
    sessionStore.confirm('ada', 'VIEWER');
    expect(sessionStore.read().session?.role).toBe('VIEWER');
  });
});
