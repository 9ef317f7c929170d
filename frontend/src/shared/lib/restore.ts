//! At the start: asks the API whose the cookie is.
import { readSession, sessionStore } from './session';
import { isSignOutUntold, tellSignOut } from './signOut';

/** Whether the API could be asked. Whoever signed out while it was away stays out. */
export async function restoreSession(): Promise<boolean> {
  if (isSignOutUntold()) await tellSignOut();
  if (isSignOutUntold()) {
    sessionStore.nobody();
    return true;
  }
  try {
    const response = await fetch('/api/auth/session', { headers: { accept: 'application/json' } });
    if (!response.ok) return false;
    const session = readSession(await response.json());
    if (session) sessionStore.begin(session);
    else sessionStore.nobody();
    return true;
  } catch {
    return false;
  }
}
