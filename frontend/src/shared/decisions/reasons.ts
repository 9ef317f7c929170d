//! The words of a decision: why a device got what it got, what holds a feeder, which rung of the ladder. Pure.
import { words } from '../lib/format';

export interface Reason {
  /** Short, for a badge or a heading. */
  title: string;
  /** A sentence about the device. */
  meaning: string;
}

const REASONS: Record<string, Reason> = {
  SATISFIED: { title: 'Gets what it wants', meaning: 'Its want is met.' },
  FAIR_SHARE: { title: 'Held to a fair share', meaning: 'There is less than all want: each gets a share by its weight.' },
  RAMP: { title: 'On the way up', meaning: 'It may rise only as fast as its ramp allows.' },
  DEADBAND: { title: 'Too small a change', meaning: 'The change is too small to be sent.' },
  DWELL: { title: 'Waits for its dwell time', meaning: 'It was switched a short while ago and is not switched again so soon.' },
  ROTATION: { title: 'Waits for its turn', meaning: 'Its share is below the least at which it runs: devices take turns.' },
  TARGET_REACHED: { title: 'Target charge reached', meaning: 'It has reached its target charge.' },
  RESERVE: { title: 'At its reserve', meaning: 'It is not discharged below its reserve.' },
  DISCHARGE: { title: 'Discharges for the limit', meaning: 'It gives power so that a limit holds.' },
  CURTAILED: { title: 'Generation curtailed', meaning: 'It gives less than it could, so that an export limit holds.' },
  STALE: { title: 'Not heard recently', meaning: 'Its last sample is too old: its power stays reserved.' },
  MISSING: { title: 'Never heard', meaning: 'It was never heard: its power stays reserved.' },
  HOLD_LAST: { title: 'Last setpoint held', meaning: 'It is silent, and its last setpoint is held for a while.' },
  NON_COMPLIANT: { title: 'Does not follow', meaning: 'It does not follow its setpoints and counts at what it really draws.' },
  OVERRIDE: { title: 'Set by an operator', meaning: 'An operator has set its power.' },
  OPTED_OUT: { title: 'Opted out', meaning: 'It counts as load that nobody commands.' },
  NOT_COMMANDED: { title: 'Not commanded', meaning: 'The mode of its feeder, or its type, leaves it alone.' },
  RELEASE: { title: 'Returns after an event', meaning: 'After an event devices come back one after the other.' },
  RESTART: { title: 'Not heard since the restart', meaning: 'Control has started again and has not heard it since.' },
  UNCERTIFIED: { title: 'Held to what is safe', meaning: 'The plan failed its check: it is held to what is safe.' },
  AWAITS_HEADROOM: { title: 'Waits for headroom', meaning: 'It may rise once the decreases of others have been seen.' },
};

/** A code that is not known here is shown as it is. */
export function reasonOf(code: string): Reason {
  return REASONS[code.toUpperCase()] ?? { title: words(code), meaning: '' };
}

const BINDINGS: Record<string, string> = {
  NONE: 'nothing',
  IMPORT_LIMIT: 'its import limit',
  EXPORT_LIMIT: 'its export limit',
  EVENT: 'an event',
  PROGRAM: 'a program',
  ANCESTOR: 'the limit of a feeder above',
};

/** What holds the feeder's devices down, in words. */
export function bindingWords(code: string): string {
  return BINDINGS[code.toUpperCase()] ?? words(code).toLowerCase();
}

const RUNGS: Record<string, string> = {
  NORMAL: 'Everyone has what they want.',
  TRIM: 'Shares are trimmed; everyone who wants runs.',
  PAUSE: 'Some flexible load is paused, or waits for its turn.',
  MINIMUM: 'Nobody has more than the guaranteed minimum.',
  FALLBACK: 'Setpoints are below the fallbacks: the limit holds while setpoints arrive.',
  ALARM: 'Everyone is at the least, and it is still too much.',
};

export function rungWords(code: string): string {
  return RUNGS[code.toUpperCase()] ?? words(code);
}
