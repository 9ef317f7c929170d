//! Signing out: here at once, and at the API, which ends the session and takes the cookie away.
import { DASHBOARD_HEADER, sessionStore } from './session';

/** Set while the API has not been told: its cookie is still there, and must not let anybody in again. */
const LEFT = 'derms.signed-out';

export function signOut(): void {
  if (!sessionStore.read().session) return;
  sessionStore.end('signed-out');
  localStorage.setItem(LEFT, 'yes');
  void tellSignOut();
}

/** Whether somebody has signed out here and the API does not know yet. */
export function isSignOutUntold(): boolean {
  return localStorage.getItem(LEFT) !== null;
}

/** Somebody signs in anew: what was before is over. */
export function forgetSignOut(): void {
  localStorage.removeItem(LEFT);
}

/** Tells the API; one that cannot be reached is told the next time that the dashboard is opened. */
export async function tellSignOut(): Promise<void> {
  try {
    // Also when the page is left at the same moment.
    const { status } = await fetch('/api/auth/logout', { method: 'POST', headers: DASHBOARD_HEADER, keepalive: true });
    // 401: nobody's any more. 503: ended, but perhaps not for ever; the cookie is gone.
    if (status === 204 || status === 401 || status === 503) forgetSignOut();
  } catch {
    // Told later.
  }
}
