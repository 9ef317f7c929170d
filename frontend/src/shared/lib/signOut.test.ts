//! Tests of signOut.ts.
import { afterEach, expect, test, vi } from 'vitest';
import { sessionStore } from './session';
import { isSignOutUntold, signOut } from './signOut';

afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
});

const answers = (status: number) => () => Promise.resolve(new Response(null, { status }));

test.each([
  ['the logout of the provider', { next: 'https://login.example.org/end?x=1' }, ['https://login.example.org/end?x=1']],
  ['it although the log did not take it', { error: 'no log', next: 'http://127.0.0.1:8080/end' }, ['http://127.0.0.1:8080/end']],
  ['nothing that is no address of the web', { next: 'javascript:alert(1)' }, []],
  ['nothing where there is none', { next: null }, []],
])('who signs out is led to %s', async (_what, body, led) => {
  const status = 'error' in body ? 503 : 200;
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json(body, { status })));
  sessionStore.begin({ username: 'ada', role: 'OPERATOR', expiresAt: null });
  const leave = vi.fn<(url: string) => void>();
  signOut(leave);
  await expect.poll(isSignOutUntold).toBe(false);
  await new Promise((resolve) => setTimeout(resolve));
  expect(leave.mock.calls.flat()).toEqual(led);
});

test.each([
  ['an API that answers', answers(204), false],
  ['an API that knows nobody any more', answers(401), false],
  ['an API that is broken', answers(500), true],
  ['an API that is away', () => Promise.reject(new TypeError('no network')), true],
])('the session ends here at once, and %s is told', async (_which, answer, untold) => {
  const asked = vi.fn(answer);
  vi.stubGlobal('fetch', asked);
  sessionStore.begin({ username: 'ada', role: 'OPERATOR', expiresAt: null });
  signOut();
  expect(sessionStore.read().session).toBeNull();
  expect(isSignOutUntold()).toBe(true);
  const request = { method: 'POST', headers: { 'x-derms-dashboard': '1' }, keepalive: true };
  expect(asked).toHaveBeenCalledExactlyOnceWith('/api/auth/logout', request);
  signOut();
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toHaveBeenCalledOnce();
  expect(isSignOutUntold()).toBe(untold);
});
