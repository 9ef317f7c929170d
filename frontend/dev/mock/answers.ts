//! What every resolver of the mock needs: who asks, refusals in the API's form, pages, times.
import { GraphQLError } from 'graphql';

export type Role = 'VIEWER' | 'OPERATOR' | 'ADMIN';

export interface User {
  name: string;
  role: Role;
}

export interface Context {
  user: User | null;
}

export interface Span {
  from: string;
  to: string;
}

export interface Page {
  first?: number;
  after?: string | null;
}

export const iso = (ms: number) => new Date(ms).toISOString();

export function refuse(message: string, code: string): never {
  throw new GraphQLError(message, { extensions: { code } });
}

/** A refusal that names the field, as the API words it. */
export function refuseField(field: string, what: string): never {
  return refuse(`${field}: ${what}`, 'BAD_USER_INPUT');
}

export function need(context: Context, roles?: readonly Role[]): User {
  if (!context.user) return refuse('sign in first', 'UNAUTHENTICATED');
  if (roles && !roles.includes(context.user.role)) return refuse('your role may not do this', 'FORBIDDEN');
  return context.user;
}

export const OPERATORS: readonly Role[] = ['OPERATOR', 'ADMIN'];
export const ADMINS: readonly Role[] = ['ADMIN'];

/** A Relay connection whose cursors are the places in the list. */
export function connection<Item, Node>(items: readonly Item[], { first = 50, after }: Page, view: (item: Item) => Node) {
  const start = after ? Number(after) + 1 : 0;
  const page = items.slice(start, start + Math.min(first, 500));
  return {
    edges: page.map((item, index) => ({ cursor: String(start + index), node: view(item) })),
    pageInfo: { hasNextPage: start + page.length < items.length, endCursor: page.length > 0 ? String(start + page.length - 1) : null },
    totalCount: items.length,
  };
}

export function inside(ms: number, { from, to }: Partial<Span>): boolean {
  return (!from || ms >= Date.parse(from)) && (!to || ms <= Date.parse(to));
}
