//! Events and programs that the mock starts with: one of the past, one to come, one that can be switched on.
import { iso } from './answers';
import type { Fleet } from './fleet';

const HOUR_MS = 3_600_000;

export function seed(fleet: Fleet, now: number): void {
  const limit = (id: string) => fleet.feeder(id)?.importLimitKw ?? 100;
  const event = { type: 'dr', rampSeconds: 0, cancelled: false, cancelledAt: null, createdBy: 'operator' };
  fleet.events.push(
    { ...event, id: 'event-past', feederId: 'feeder-a', start: iso(now - 3.5 * HOUR_MS), end: iso(now - 2.5 * HOUR_MS), limitKw: limit('feeder-a') * 0.6 },
    { ...event, id: 'event-next', feederId: 'feeder-b', start: iso(now + 5 * HOUR_MS), end: iso(now + 6 * HOUR_MS), limitKw: limit('feeder-b') * 0.7, rampSeconds: 120 },
  );
  const program = { incentivePerKwh: 0.3, penaltyPerKwh: 0.1 };
  fleet.programs.push(
    { ...program, id: 'program-peak', name: 'Evening peak', mode: 'FIXED_CAP', feederIds: ['feeder-a', 'feeder-b'], start: iso(now - HOUR_MS), end: iso(now + 4 * HOUR_MS), targetShedKw: limit('feeder-a') * 0.1, active: false },
    { ...program, penaltyPerKwh: 12, id: 'program-price', name: 'Price signal', mode: 'PRICE_ELASTIC', feederIds: [], start: iso(now - 20 * HOUR_MS), end: iso(now - 18 * HOUR_MS), targetShedKw: 20, active: true },
  );
}
