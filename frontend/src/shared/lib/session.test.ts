//! Tests of session.ts.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseRole, sessionStore, tokenExpiry } from './session';

const jwt = (claims: object) => `head.${btoa(JSON.stringify(claims))}.sign`;
const session = (expiresAt: number | null) => ({ token: 't', username: 'ada', role: 'OPERATOR' as const, expiresAt });

test('the end of a token is read from it, and nothing is made up', () => {
  expect(tokenExpiry(jwt({ exp: 1_800_000_000 }))).toBe(1_800_000_000_000);
  expect(tokenExpiry(jwt({ sub: 'ada' }))).toBeNull();
  expect(tokenExpiry('opaque')).toBeNull();
  expect(tokenExpiry('a.%%%.c')).toBeNull();
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

  test('lives in the tab unless it is to be kept', () => {
    sessionStore.begin(session(null), false);
    expect(sessionStorage.length).toBe(1);
    expect(localStorage.length).toBe(0);
    sessionStore.begin(session(null), true);
    expect(sessionStorage.length).toBe(0);
    expect(localStorage.length).toBe(1);
  });

  test('ends with its token, and says why', () => {
    sessionStore.begin(session(Date.now() + 60_000), false);
    vi.advanceTimersByTime(59_000);
    expect(sessionStore.read().session?.username).toBe('ada');
    vi.advanceTimersByTime(2000);
    expect(sessionStore.read()).toEqual({ session: null, ended: 'expired' });
    expect(sessionStorage.length).toBe(0);
  });

  test('takes the role that the API confirms', () => {
    sessionStore.begin(session(null), false);
    sessionStore.confirm('ada', 'VIEWER');
    expect(sessionStore.read().session?.role).toBe('VIEWER');
  });
});
