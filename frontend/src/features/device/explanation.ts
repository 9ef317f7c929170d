//! Why a device has its setpoint: the API's sentence, and the numbers of its decision in words. Pure.
import type { DecisionFactsFragment, ExplanationFragment } from '../../shared/gql/graphql';
import { count, kw, plural } from '../../shared/lib/format';
import { latency } from './commands';

export type Explanation = Omit<ExplanationFragment, 'decision'> & { decision: DecisionFactsFragment };

export interface NumberRow {
  term: string;
  value: string;
  /** What the figure means. */
  hint: string;
}

/** What the device's share is made of, in the order in which it comes about. */
export function deviceNumbers({ device }: Explanation): NumberRow[] {
  const scale = Math.max(Math.abs(device.wantedKw), Math.abs(device.shareKw), Math.abs(device.setpointKw));
  return [
    { term: 'Wanted', value: kw(device.wantedKw, scale), hint: 'What it would take or give if nothing held it back' },
    { term: 'Fair share', value: kw(device.shareKw, scale), hint: 'What the policy gave it of the headroom' },
    { term: 'Setpoint', value: kw(device.setpointKw, scale), hint: 'What it was told, after ramp, dwell and deadband' },
    { term: 'Weight', value: decimal(device.weight), hint: 'How much it counts against the others: priority and missing charge' },
    { term: 'Missed so far', value: `${decimal(device.deficitKwh)} kWh`, hint: 'Energy that it wanted and did not get; it raises its share' },
    { term: 'Marginal', value: `${decimal(device.marginal)} kW`, hint: 'What it would get of one more kW on the feeder that binds it' },
    {
      term: 'Age of its sample',
      value: device.sampleAgeMs === null ? 'none' : latency(device.sampleAgeMs),
      hint: 'How old its last sample was when this was decided',
    },
  ];
}

/** What the feeder had to share. */
export function feederNumbers({ decision }: Explanation): NumberRow[] {
  const scale = decision.limitKw;
  return [
    { term: 'Limit in force', value: kw(decision.limitKw, scale), hint: 'The strictest of limit, events and programs' },
    { term: 'Not controlled', value: kw(decision.uncontrolledKw, scale), hint: 'Load that nobody commands' },
    { term: 'Reserved', value: kw(decision.reservedKw, scale), hint: 'Held for devices that are not heard' },
    { term: 'Headroom', value: kw(decision.headroomKw, scale), hint: 'Limit less load' },
    { term: 'Given', value: kw(decision.allocatedKw, scale), hint: 'What they got together' },
    ...(decision.unmetKw > 0 ? [{ term: 'Missing', value: kw(decision.unmetKw, scale), hint: 'What no device could give up' }] : []),
  ];
}

/** How it was decided, in a line. */
export function decisionWords({ decision }: Explanation): string {
  const parts = [
    `Policy ${decision.policy}`,
    decision.certified ? 'checked' : 'did not pass its check',
    ...(decision.shadow ? ['never sent: the feeder is in shadow mode'] : []),
  ];
  return parts.join(' · ');
}

/** Who shares the limit that binds, in a sentence; null where nothing binds. */
export function sharedWords({ boundFeederId, boundLimitKw, sharedWith }: Explanation): string | null {
  if (boundFeederId === null) return null;
  const limit = boundLimitKw === null ? '' : ` at ${kw(boundLimitKw)}`;
  if (sharedWith === 0) return `${boundFeederId} binds it${limit}; it shares that with no other device.`;
  return `${boundFeederId} binds it${limit}, which it shares with ${plural(sharedWith, 'other device')}.`;
}

function decimal(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  return String(Number(value.toFixed(size >= 10 ? 1 : 2))).replace('-', '−');
}
