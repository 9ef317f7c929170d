//! Tests of restore.ts.
import { afterEach, expect, test, vi } from 'vitest';
import { restoreSession } from './restore';
import { sessionStore } from './session';

afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
  sessionStore.end('signed-out');
});

function answer(byPath: Record<string, () => Promise<Response>>): void {
  vi.stubGlobal('fetch', (path: string) => byPath[path]?.() ?? Promise.reject(new TypeError('no network')));
}

const whose = (user: object | null) => () => Promise.resolve(Response.json({ user, expiresAtMs: 1_900_000_000_000 }));

test('the API says whose the cookie is', async () => {
  answer({ '/api/auth/session': whose({ username: 'ada', role: 'admin' }) });
  expect(await restoreSession()).toBe(true);
  expect(sessionStore.read().session).toEqual({ username: 'ada', role: 'ADMIN', expiresAt: 1_900_000_000_000 });
});

test('a cookie of nobody leads to the login, and an API that is away to another try', async () => {
  answer({});
  expect(await restoreSession()).toBe(false);
  answer({ '/api/auth/session': () => Promise.resolve(Response.json({ user: null }, { status: 502 })) });
  expect(await restoreSession()).toBe(false);
  answer({ '/api/auth/session': whose(null) });
  expect(await restoreSession()).toBe(true);
  expect(sessionStore.read()).toMatchObject({ session: null, known: true });
});

test('whoever signed out while the API was away stays out, and it is told first', async () => {
  localStorage.setItem('derms.signed-out', 'yes');
  answer({ '/api/auth/session': whose({ username: 'ada', role: 'admin' }) });
  expect(await restoreSession()).toBe(true);
  expect(sessionStore.read().session).toBeNull();
  const told = vi.fn(() => Promise.resolve(new Response(null, { status: 204 })));
  answer({ '/api/auth/logout': told, '/api/auth/session': whose(null) });
  expect(await restoreSession()).toBe(true);
  expect(told).toHaveBeenCalledOnce();
  expect(localStorage.length).toBe(0);
});
