//! The simulated day in words. Pure.
import type { SimulationMode, SimulationQuery } from '../gql/graphql';
import { clock } from '../lib/time';

export type Simulation = Pick<SimulationQuery['simulation'], 'mode' | 'hoursAhead'>;

const FIXED: Record<Exclude<SimulationMode, 'AUTO'>, string> = {
  DAY: 'The simulated sun shines at any hour.',
  NIGHT: 'The simulated sun is down at any hour.',
};

/** Whether the sun of the simulated devices stands elsewhere than the clock says. */
export function isShifted({ mode, hoursAhead }: Simulation): boolean {
  return mode !== 'AUTO' || hoursAhead !== 0;
}

export function simulationWords({ mode, hoursAhead }: Simulation, now: number): string {
  if (mode !== 'AUTO') return FIXED[mode];
  if (hoursAhead === 0) return 'The simulated sun follows the clock.';
  const there = clock(now + hoursAhead * 3_600_000);
  return `The simulated day runs ${Math.abs(hoursAhead)} h ${hoursAhead > 0 ? 'ahead of' : 'behind'} the clock: it is ${there} there.`;
}
