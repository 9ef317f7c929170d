//! One change to many devices: what it asks for each, what it does in words, and how it is taken back. Pure.
import type { DeviceInput } from '../../shared/gql/graphql';
import { plural } from '../../shared/lib/format';
import type { Row } from './model';

export type BulkAction =
  | { kind: 'optOut' }
  | { kind: 'optIn' }
  | { kind: 'priority'; value: number }
  | { kind: 'feeder'; id: string };

export const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

interface Step {
  input: DeviceInput;
  /** Takes the step back. */
  former: DeviceInput;
}

function stepOf(action: BulkAction, { id, optedOut, priority, feederId }: Row): Step | null {
  switch (action.kind) {
    case 'optOut':
    case 'optIn': {
      const wanted = action.kind === 'optOut';
      return optedOut === wanted ? null : { input: { id, optedOut: wanted }, former: { id, optedOut } };
    }
    case 'priority':
      return priority === action.value ? null : { input: { id, priority: action.value }, former: { id, priority } };
    case 'feeder':
      return feederId === action.id ? null : { input: { id, feederId: action.id }, former: { id, feederId } };
  }
}

/** A step for each device that is not as wanted already. */
export function plan(action: BulkAction, rows: readonly Row[]): Step[] {
  return rows.flatMap((row) => stepOf(action, row) ?? []);
}

function effect(action: BulkAction, devices: string): string {
  switch (action.kind) {
    case 'optOut':
      return `Opts ${devices} out: nobody commands them any more, and they count as load that only others can make room for.`;
    case 'optIn':
      return `Opts ${devices} in: control commands them again from the next decision on.`;
    case 'priority':
      return `Sets the priority of ${devices} to ${action.value} of 10: it weighs in the next decision.`;
    case 'feeder':
      return `Moves ${devices} to ${action.id}: they count there and share its limit.`;
  }
}

/** What will happen, before it does. */
export function preview(action: BulkAction, steps: number, chosen: number): string {
  if (steps === 0) return 'All of them are so already.';
  const already = chosen - steps;
  const rest = already > 0 ? ` ${plural(already, 'other is', 'others are')} so already.` : '';
  return effect(action, plural(steps, 'device')) + rest;
}

/** What has happened. */
export function outcome(action: BulkAction, done: number, failed: number, stopped: number): string {
  const did: Record<BulkAction['kind'], string> = {
    optOut: 'opted out',
    optIn: 'opted in',
    priority: action.kind === 'priority' ? `given the priority ${action.value}` : '',
    feeder: action.kind === 'feeder' ? `moved to ${action.id}` : '',
  };
  const parts = [`${plural(done, 'device')} ${did[action.kind]}`];
  if (failed > 0) parts.push(`${plural(failed, 'was', 'were')} refused`);
  if (stopped > 0) parts.push(`${plural(stopped, 'was', 'were')} not reached`);
  return `${parts.join(', ')}.`;
}
