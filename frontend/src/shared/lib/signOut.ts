//! Signing out: here at once, and at the API, which ends the session and takes the cookie away. Who came in by a provider is
//! led to its logout.
import { DASHBOARD_HEADER, sessionStore } from './session';

/** Set while the API has not been told: its cookie is still there, and must not let anybody in again. */
const LEFT = 'derms.signed-out';

/** Leaves the dashboard. */
type Leave = (url: string) => void;
const go: Leave = (url) => location.assign(url);

export function signOut(leave = go): void {
  if (!sessionStore.read().session) return;
  sessionStore.end('signed-out');
  localStorage.setItem(LEFT, 'yes');
  void tellSignOut(leave);
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
export async function tellSignOut(leave = go): Promise<void> {
  try {
    // Also when the page is left at the same moment.
    const response = await fetch('/api/auth/logout', { method: 'POST', headers: DASHBOARD_HEADER, keepalive: true });
    const { status } = response;
    // 401: nobody's any more. 503: ended, but perhaps not for ever; the cookie is gone.
    if (status !== 200 && status !== 204 && status !== 401 && status !== 503) return;
    forgetSignOut();
    const url = nextOf(await response.json().catch(() => null));
    if (url) leave(url);
  } catch {
    // Told later.
  }
}

/** Where the provider's session is ended, if there is one. */
function nextOf(answer: unknown): string | null {
  const next = typeof answer === 'object' && answer !== null && 'next' in answer ? answer.next : null;
  return typeof next === 'string' && /^https?:\/\//.test(next) ? next : null;
}
