//! What a role may do on this dashboard. The API enforces the same; here it decides what is offered.
import type { Role } from '../gql/graphql';
import { useSession } from './session';

const OPERATOR_UP: readonly Role[] = ['OPERATOR', 'ADMIN'];
const ADMIN_ONLY: readonly Role[] = ['ADMIN'];

const ALLOWED = {
  createEvent: OPERATOR_UP,
  updateEvent: OPERATOR_UP,
  cancelEvent: OPERATOR_UP,
  editProgram: OPERATOR_UP,
  deleteProgram: ADMIN_ONLY,
  setFeeder: OPERATOR_UP,
  resumeControl: OPERATOR_UP,
  setDevice: OPERATOR_UP,
  override: OPERATOR_UP,
  setSimulation: OPERATOR_UP,
  readDeadLetters: OPERATOR_UP,
  readAudit: ADMIN_ONLY,
} satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof ALLOWED;

export function may(role: Role | null, action: Action): boolean {
  const allowed: readonly Role[] = ALLOWED[action];
  return role !== null && allowed.includes(role);
}

export function useCan(action: Action): boolean {
  return may(useSession()?.role ?? null, action);
}
