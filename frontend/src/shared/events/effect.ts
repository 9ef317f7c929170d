//! What an event or a program took from devices while it held, and how evenly. Pure.
import type { FairnessQuery } from '../gql/graphql';
import { kwh, percent, plural } from '../lib/format';
import { duration, parseTime } from '../lib/time';

export type Given = FairnessQuery['fairness'];

interface Held {
  start: string;
  end: string;
  cancelled?: boolean;
  cancelledAt?: string | null;
}

/** The time that it has held so far; null before it begins, and where it was cancelled before. */
export function heldSpan({ start, end, cancelled = false, cancelledAt = null }: Held, now: number): { from: number; to: number } | null {
  const from = parseTime(start) ?? now;
  const planned = parseTime(end) ?? now;
  const to = Math.min(now, cancelled ? (parseTime(cancelledAt) ?? from) : planned);
  return to > from ? { from, to } : null;
}

/** Less is rounding. */
const LEAST_KWH = 0.0005;

/** Who gave most, the most first. */
export function givers({ perDevice }: Given): Given['perDevice'] {
  return perDevice.filter(({ curtailedKwh }) => curtailedKwh >= LEAST_KWH).sort((a, b) => b.curtailedKwh - a.curtailedKwh);
}

export function effectWords(given: Given, { from, to }: { from: number; to: number }): string {
  const gave = givers(given);
  const time = duration(to - from);
  if (given.perDevice.length === 0) return `Nothing was decided for its devices in the ${time} that it held.`;
  if (gave.length === 0) return `No device had to give way in the ${time} that it held.`;
  const energy = kwh(gave.reduce((sum, { curtailedKwh }) => sum + curtailedKwh, 0));
  const fair = `Fairness ${given.jain.toFixed(3)}; the tenth with least got ${percent(given.worstDecileShare)} of what they wanted.`;
  return `${plural(gave.length, 'device gave', 'devices gave')} ${energy} in ${time}. ${fair}`;
}
