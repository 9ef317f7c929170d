//! Who is signed in, and until when. The proof itself is a cookie that no page can read: the API says whose it is. Knows
//! nothing of GraphQL or of pages.
import { useSyncExternalStore } from 'react';
import type { Role } from '../gql/graphql';

const LONGEST_TIMER_MS = 2_147_000_000;

/** A change by cookie carries this header, which no page of another site can send. */
export const DASHBOARD_HEADER = { 'x-derms-dashboard': '1' } as const;

export interface Session {
  username: string;
  role: Role;
  /** Milliseconds since the epoch, or null when the API does not say. */
  expiresAt: number | null;
}

export type EndReason = 'expired' | 'signed-out';

interface State {
  /** Who is signed in; whoever's session has lapsed stays here, so that what they were at is not lost. */
  session: Session | null;
  /** The API takes nothing more from this session until its user has signed in again. */
  lapsed: boolean;
  /** Whether the API has said whose the cookie is; before that, nobody knows. */
  known: boolean;
}

const ROLES: readonly Role[] = ['VIEWER', 'OPERATOR', 'ADMIN'];

export function parseRole(text: string): Role {
  const upper = text.toUpperCase();
  return ROLES.find((role) => role === upper) ?? 'VIEWER';
}

/** A session as `/api/auth/session` and `/api/auth/login` tell it; null where nobody is signed in. */
export function readSession(answer: unknown): Session | null {
  if (typeof answer !== 'object' || answer === null || !('user' in answer)) return null;
  const { user } = answer;
  if (typeof user !== 'object' || user === null || !('username' in user) || !('role' in user)) return null;
  const { username, role } = user;
  if (typeof username !== 'string' || typeof role !== 'string') return null;
  const end = 'expiresAtMs' in answer ? answer.expiresAtMs : null;
  return { username, role: parseRole(role), expiresAt: typeof end === 'number' ? end : null };
}

class SessionStore {
  private state: State = { session: null, lapsed: false, known: false };
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly read = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  begin(session: Session): void {
    this.set({ session, lapsed: false, known: true });
    this.watchExpiry();
  }

  /** The API says that nobody is signed in. */
  nobody(): void {
    if (!this.state.known) this.set({ session: null, lapsed: false, known: true });
  }

  /** The API's word on who this is; it may have changed since the sign-in. */
  confirm(username: string, role: Role): void {
    const { session } = this.state;
    if (!session || this.state.lapsed || (session.username === username && session.role === role)) return;
    this.begin({ ...session, username, role });
  }

  /** One that has lapsed waits for its user; one that was signed out is gone. */
  end(why: EndReason): void {
    const { session, lapsed } = this.state;
    if (session === null || (lapsed && why === 'expired')) return;
    clearTimeout(this.timer);
    if (why === 'expired') this.set({ session, lapsed: true, known: true });
    else this.set({ session: null, lapsed: false, known: true });
  }

  private set(state: State): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private watchExpiry(): void {
    clearTimeout(this.timer);
    const end = this.state.session?.expiresAt;
    if (end === null || end === undefined) return;
    const wait = Math.min(end - Date.now(), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => (Date.now() >= end ? this.end('expired') : this.watchExpiry()), wait);
  }
}

export const sessionStore = new SessionStore();

export function useSession(): Session | null {
  return useSyncExternalStore(sessionStore.subscribe, sessionStore.read).session;
}

/** Whether the API has said who is signed in, if anybody is. */
export function useSessionKnown(): boolean {
  return useSyncExternalStore(sessionStore.subscribe, sessionStore.read).known;
}

/** Whether the session has lapsed and its user is still here. */
export function useLapsed(): boolean {
  return useSyncExternalStore(sessionStore.subscribe, sessionStore.read).lapsed;
}
