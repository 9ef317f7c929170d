//! What a role may do on this dashboard. The API enforces the same; here it decides what is offered.
import type { Role } from '../gql/graphql';
import { useSession } from './session';

export type Action =
  | 'createEvent'
  | 'updateEvent'
  | 'cancelEvent'
  | 'createDrProgram'
  | 'updateDrProgram'
  | 'setDrProgramActive'
  | 'deleteDrProgram'
  | 'setDevice'
  | 'approveDevice'
  | 'retireDevice'
  | 'overrideSetpoint'
  | 'setSimulationMode'
  | 'readDeadLetters'
  | 'readAudit';

const OPERATOR_UP: readonly Role[] = ['OPERATOR', 'ADMIN'];
const ADMIN_ONLY: readonly Role[] = ['ADMIN'];

const ALLOWED: Record<Action, readonly Role[]> = {
  createEvent: OPERATOR_UP,
  updateEvent: OPERATOR_UP,
  cancelEvent: OPERATOR_UP,
  createDrProgram: OPERATOR_UP,
  updateDrProgram: OPERATOR_UP,
  setDrProgramActive: OPERATOR_UP,
  deleteDrProgram: ADMIN_ONLY,
  setDevice: OPERATOR_UP,
  approveDevice: OPERATOR_UP,
  retireDevice: OPERATOR_UP,
  overrideSetpoint: OPERATOR_UP,
  setSimulationMode: OPERATOR_UP,
  readDeadLetters: OPERATOR_UP,
  readAudit: ADMIN_ONLY,
};

export function may(role: Role | null, action: Action): boolean {
  return role !== null && ALLOWED[action].includes(role);
}

export function useCan(action: Action): boolean {
  return may(useSession()?.role ?? null, action);
}
