//! What a device's figures mean, in words. Pure.
import type { DeviceFactsFragment } from '../../shared/gql/graphql';
import { direction, kw } from '../../shared/lib/format';

export type Facts = DeviceFactsFragment;

export interface TelemetrySample {
  at: number;
  powerKw: number;
  setpointKw: number | null;
  soc: number | null;
}

const DIRECTION_WORDS: Record<ReturnType<typeof direction>, string> = {
  takes: 'taking from the feeder',
  gives: 'giving to the feeder',
  idle: 'idle',
  unknown: 'not heard yet',
};

export function directionWords(powerKw: number | null | undefined): string {
  return DIRECTION_WORDS[direction(powerKw)];
}

export interface Standing {
  tone: 'ok' | 'warn' | 'neutral';
  title: string;
  detail: string;
}

/** How the device stands with control: the one thing an operator should know about it. */
export function standing(device: Facts): Standing {
  if (device.freshness === 'OFFLINE' || device.freshness === 'MISSING') {
    return {
      tone: 'warn',
      title: 'Not heard',
      detail: 'Its power stays reserved on the feeder until it is heard again.',
    };
  }
  if (device.freshness === 'STALE') {
    return { tone: 'warn', title: 'Heard late', detail: 'Its last power stays reserved on the feeder.' };
  }
  if (device.optedOut) {
    return { tone: 'neutral', title: 'Opted out', detail: 'Counted as load that nobody commands.' };
  }
  if (!device.compliant) {
    return {
      tone: 'warn',
      title: 'Does not follow its setpoints',
      detail: 'Counted at what it really draws; it gets headroom back after it has behaved.',
    };
  }
  if (device.overridden) {
    return { tone: 'neutral', title: 'Overridden', detail: 'An operator has set its power.' };
  }
  if (device.setpointKw === null) {
    return { tone: 'neutral', title: 'No setpoint', detail: 'It has not been commanded.' };
  }
  return { tone: 'ok', title: 'Follows its setpoints', detail: `Told to ${orderWords(device.setpointKw)}; ${doing(device.powerKw)}.` };
}

const ORDERS: Record<ReturnType<typeof direction>, string> = {
  takes: 'take',
  gives: 'give',
  idle: 'stay idle',
  unknown: 'stay idle',
};

/** What a setpoint orders: "take 2.00 kW", "give 4.30 kW", "stay idle". */
export function orderWords(powerKw: number): string {
  return `${ORDERS[direction(powerKw)]}${amount(powerKw)}`;
}

function amount(powerKw: number | null): string {
  const going = direction(powerKw);
  return going === 'takes' || going === 'gives' ? ` ${kw(Math.abs(powerKw ?? 0))}` : '';
}

function doing(powerKw: number | null): string {
  const going = direction(powerKw);
  return going === 'takes' || going === 'gives' ? `${going}${amount(powerKw)}` : 'is idle';
}

export function sampleOf(device: Facts, at: number): TelemetrySample | null {
  if (device.powerKw === null) return null;
  return { at, powerKw: device.powerKw, setpointKw: device.setpointKw, soc: device.soc };
}

export interface Extremes {
  low: number;
  high: number;
}

export function extremes(samples: readonly TelemetrySample[]): Extremes | null {
  const first = samples[0];
  if (!first) return null;
  return samples.reduce<Extremes>(
    ({ low, high }, { powerKw }) => ({ low: Math.min(low, powerKw), high: Math.max(high, powerKw) }),
    { low: first.powerKw, high: first.powerKw },
  );
}
