//! Signing in: by name and password, or by a login provider; what the API's answers mean.
import { DASHBOARD_HEADER, readSession } from '../../shared/lib/session';
import type { Session } from '../../shared/lib/session';

export type Outcome = { session: Session } | { problem: string };

/** How one can sign in. */
export interface Methods {
  password: boolean;
  /** The login provider's name. */
  provider: string | null;
}

/** What is taken for granted until the API has said, and if it does not. */
export const PASSWORD_ONLY: Methods = { password: true, provider: null };

export function readMethods(answer: unknown): Methods {
  if (typeof answer !== 'object' || answer === null) return PASSWORD_ONLY;
  const { password, oidc } = answer as { password?: unknown; oidc?: unknown };
  const name = typeof oidc === 'object' && oidc !== null && 'name' in oidc ? oidc.name : null;
  const provider = typeof name === 'string' && name ? name : null;
  return { password: password !== false || provider === null, provider };
}

export async function askMethods(): Promise<Methods> {
  try {
    const response = await fetch('/api/auth/methods', { headers: { accept: 'application/json' } });
    return response.ok ? readMethods(await response.json()) : PASSWORD_ONLY;
  } catch {
    return PASSWORD_ONLY;
  }
}

/** Where a login by the provider begins; the API leads back to `next`, if it is a page of the dashboard. */
export function providerHref(search: string, keep: boolean): string {
  const wanted = new URLSearchParams({ next: new URLSearchParams(search).get('next') ?? '/' });
  if (keep) wanted.set('keep', 'true');
  return `/api/auth/oidc/login?${wanted.toString()}`;
}

/** What went wrong on the way through the provider, in words; null where nothing did. */
export function providerProblem(search: string, { provider, password }: Methods): string | null {
  const problem = new URLSearchParams(search).get('problem');
  const name = provider ?? 'The login provider';
  const other = password ? 'Try again in a moment, or sign in with a password.' : 'Try again in a moment.';
  switch (problem) {
    case null:
      return null;
    case 'provider-away':
      return `${name} does not answer. ${other}`;
    case 'provider-refused':
      return `${name} did not accept the login. Try again; if it goes on, tell whoever runs this system.`;
    case 'login-expired':
      return 'The login took too long, or was begun in another browser. Try again.';
    case 'denied':
      return `${name} did not let you in, or you cancelled there.`;
    case 'token':
      return `What ${name} says of you is not accepted here. Tell whoever runs this system.`;
    case 'no-role':
      return `${name} knows you, but you have no role here. Ask whoever runs this system for one.`;
    case 'name':
      return 'Your user name there is taken here by a user with a password. Tell whoever runs this system.';
    case 'busy':
      return 'Too many people sign in at this moment. Try again.';
    default:
      return 'The login did not work. Try again.';
  }
}

/** `Retry-After` in words; it is seconds, or not there. */
function wait(seconds: number): string {
  if (!(seconds > 0)) return 'Wait a minute, then try again.';
  const minutes = Math.ceil(seconds / 60);
  return seconds < 60 ? `Try again in ${seconds} s.` : `Try again in ${minutes} min.`;
}

export function problemFor(status: number, retryAfter: string | null = null): string {
  switch (status) {
    case 400:
      return 'Enter a user name and a password.';
    case 401:
      return 'User name or password is wrong.';
    case 429:
      return `Too many attempts. ${wait(Number(retryAfter))}`;
    default:
      return `The server could not sign you in (error ${status}).`;
  }
}

export async function signIn(username: string, password: string, keep: boolean): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch('/api/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...DASHBOARD_HEADER },
      body: JSON.stringify({ username, password, session: 'cookie', keep }),
    });
  } catch {
    return { problem: 'The server cannot be reached. Check the connection, then try again.' };
  }
  if (!response.ok) return { problem: problemFor(response.status, response.headers.get('retry-after')) };
  const session = readSession(await response.json().catch(() => null));
  return session ? { session } : { problem: 'The server gave an answer that was not understood.' };
}
