//! Tests of signOut.ts.
import { afterEach, expect, test, vi } from 'vitest';
import { sessionStore } from './session';
import { signOut } from './signOut';

afterEach(() => vi.unstubAllGlobals());

test.each([
  ['an API that answers', () => Promise.resolve(new Response(null, { status: 204 }))],
  ['an API that is away', () => Promise.reject(new TypeError('no network'))],
])('the session ends here at once and its token is sent to %s', async (_which, answer) => {
  const asked = vi.fn(answer);
  vi.stubGlobal('fetch', asked);
  sessionStore.begin({ token: 't', username: 'ada', role: 'OPERATOR', expiresAt: null }, true);
  signOut();
  expect(sessionStore.read()).toEqual({ session: null, ended: 'signed-out' });
  const request = { method: 'POST', headers: { authorization: 'Bearer t' }, keepalive: true };
  expect(asked).toHaveBeenCalledExactlyOnceWith('/api/auth/logout', request);
  signOut();
  await Promise.resolve();
  expect(asked).toHaveBeenCalledOnce();
});
