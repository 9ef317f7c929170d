//! What a role may do on this dashboard. The API enforces the same; here it decides what is offered.
import type { Role } from '../gql/graphql';
import { useSession } from './session';

export type Action = 'createEvent' | 'cancelEvent';

const OPERATOR_UP: readonly Role[] = ['OPERATOR', 'ADMIN'];

const ALLOWED: Record<Action, readonly Role[]> = {
  createEvent: OPERATOR_UP,
  cancelEvent: OPERATOR_UP,
};

export function may(role: Role | null, action: Action): boolean {
  return role !== null && ALLOWED[action].includes(role);
}

export function useCan(action: Action): boolean {
  return may(useSession()?.role ?? null, action);
}
