//! Signing in: the one REST call of the dashboard, and what its answers mean.
import { parseRole, tokenExpiry } from '../../shared/lib/session';
import type { Session } from '../../shared/lib/session';

export type Outcome = { session: Session } | { problem: string };

interface LoginAnswer {
  token: string;
  user: { username: string; role: string };
}

function isAnswer(value: unknown): value is LoginAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const { token, user } = value as Partial<LoginAnswer>;
  return typeof token === 'string' && typeof user?.username === 'string' && typeof user.role === 'string';
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

export async function signIn(username: string, password: string): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch('/api/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
  } catch {
    return { problem: 'The server cannot be reached. Check the connection, then try again.' };
  }
  if (!response.ok) return { problem: problemFor(response.status, response.headers.get('retry-after')) };
  const answer: unknown = await response.json().catch(() => null);
  if (!isAnswer(answer)) return { problem: 'The server gave an answer that was not understood.' };
  const { token, user } = answer;
  return {
    session: { token, username: user.username, role: parseRole(user.role), expiresAt: tokenExpiry(token) },
  };
}
