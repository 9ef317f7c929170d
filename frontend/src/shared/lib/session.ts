//! Who is signed in: the token, its end, and where it is kept. Knows nothing of GraphQL or of pages.
import { useSyncExternalStore } from 'react';
import type { Role } from '../gql/graphql';

const KEY = 'derms.session';
const LONGEST_TIMER_MS = 2_147_000_000;

export interface Session {
  token: string;
  username: string;
  role: Role;
  /** Milliseconds since the epoch, or null when the token does not say. */
  expiresAt: number | null;
}

export type EndReason = 'expired' | 'signed-out';

interface State {
  session: Session | null;
  ended: EndReason | null;
}

const ROLES: readonly Role[] = ['VIEWER', 'OPERATOR', 'ADMIN'];

export function parseRole(text: string): Role {
  const upper = text.toUpperCase();
  return ROLES.find((role) => role === upper) ?? 'VIEWER';
}

/** The `exp` of a JWT in milliseconds; null for anything else. Read for comfort only: the API decides. */
export function tokenExpiry(token: string): number | null {
  const payload = token.split('.')[1];
  if (!payload) return null;
  try {
    const json: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const exp = typeof json === 'object' && json !== null && 'exp' in json ? json.exp : null;
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null) return false;
  const { token, username, role } = value as Partial<Record<keyof Session, unknown>>;
  return typeof token === 'string' && typeof username === 'string' && ROLES.includes(role as Role);
}

function storages(): Storage[] {
  return [sessionStorage, localStorage];
}

function readStored(now: number): Session | null {
  for (const storage of storages()) {
    try {
      const value: unknown = JSON.parse(storage.getItem(KEY) ?? 'null');
      if (isSession(value) && (value.expiresAt === null || value.expiresAt > now)) return value;
    } catch {
      storage.removeItem(KEY);
    }
  }
  return null;
}

class SessionStore {
  private state: State = { session: readStored(Date.now()), ended: null };
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.watchExpiry();
  }

  readonly read = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** `keep` survives closing the browser; otherwise the session ends with the tab. */
  begin(session: Session, keep: boolean): void {
    for (const storage of storages()) storage.removeItem(KEY);
    (keep ? localStorage : sessionStorage).setItem(KEY, JSON.stringify(session));
    this.set({ session, ended: null });
    this.watchExpiry();
  }

  /** The API's word on who this is; it may have changed since the sign-in. */
  confirm(username: string, role: Role): void {
    const { session } = this.state;
    if (!session || (session.username === username && session.role === role)) return;
    this.begin({ ...session, username, role }, localStorage.getItem(KEY) !== null);
  }

  end(ended: EndReason): void {
    if (this.state.session === null) return;
    clearTimeout(this.timer);
    for (const storage of storages()) storage.removeItem(KEY);
    this.set({ session: null, ended });
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

export function useSessionEnd(): EndReason | null {
  return useSyncExternalStore(sessionStore.subscribe, sessionStore.read).ended;
}
