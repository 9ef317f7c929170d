//! Putting another device into the place of one: who can, and what that does. Pure.
import type { ReplacementsQuery } from '../../shared/gql/graphql';
import { kw, percent } from '../../shared/lib/format';
import type { Facts } from './model';

export interface Candidate {
  id: string;
  /** It waits to be let in, or where it is now. */
  where: string;
}

type Known = Pick<Facts, 'id' | 'type' | 'feederId' | 'priority' | 'targetSoc' | 'fallbackKw' | 'optedOut'>;

/** Devices of the same type: those that wait first, since a new one is what most take. */
export function candidates(device: Pick<Known, 'id' | 'type'>, answer: ReplacementsQuery | undefined): Candidate[] {
  const waiting = (answer?.waitingDevices.edges ?? [])
    .filter(({ node }) => node.type === device.type)
    .map(({ node }) => ({ id: node.id, where: 'waits to be let in' }));
  const known = (answer?.devices.edges ?? []).map(({ node }) => ({ id: node.id, where: `now on ${node.feederId}` }));
  return [...waiting, ...known].filter(({ id }) => id !== device.id);
}

export function checkReplacement(device: Pick<Known, 'id'>, by: string): string | undefined {
  if (by.trim() === '') return 'Enter the id of the device that takes its place.';
  return by.trim() === device.id ? 'It cannot take its own place.' : undefined;
}

/** What will be so, in a sentence. */
export function replacementPreview(device: Known, by: string): string {
  const { id, feederId, priority, targetSoc, fallbackKw, optedOut } = device;
  const kept = [
    `priority ${priority}`,
    ...(targetSoc === null ? [] : [`target ${percent(targetSoc)}`]),
    ...(fallbackKw === null ? [] : [`${kw(fallbackKw)} without a setpoint`]),
    ...(optedOut ? ['opted out'] : []),
  ];
  return `${by.trim()} takes the place of ${id} on ${feederId} with its settings (${kept.join(', ')}). ${id} is retired: if it speaks again, it is unknown.`;
}
