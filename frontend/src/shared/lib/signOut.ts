//! Signing out: here at once, and at the API, which refuses the token from then on.
import { sessionStore } from './session';

/** The token is forgotten here in any case; an API that cannot be reached learns of it no more. */
export function signOut(): void {
  const token = sessionStore.read().session?.token;
  sessionStore.end('signed-out');
  if (!token) return;
  const headers = { authorization: `Bearer ${token}` };
  // Also when the page is left at the same moment.
  fetch('/api/auth/logout', { method: 'POST', headers, keepalive: true }).catch(() => undefined);
}
