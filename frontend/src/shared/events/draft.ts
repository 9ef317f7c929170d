//! The form of an event: what may be typed, what is sent, and the sentence that says it beforehand. Pure.
import { kw, parseNumber } from '../lib/format';
import { duration, fromLocalInput, isPassedOver, parseTime, sameOnTheClock, toLocalInput, toRfc3339, zonedSpan, zonedTime, zoneName } from '../lib/time';
import type { DrEventFragment, EventInput, EventPatch } from '../gql/graphql';

const LONGEST_MINUTES = 7 * 24 * 60;
const LONGEST_RAMP_S = 3600;
const QUARTER_MS = 900_000;

export interface EventDraft {
  feederId: string;
  limitKw: string;
  when: 'now' | 'later';
  start: string;
  minutes: string;
  rampSeconds: string;
}

export type EventProblems = Partial<Record<keyof EventDraft, string>>;

export interface FeederFacts {
  id: string;
  loadKw: number;
  importLimitKw: number;
}

/** The API's names of the fields, and which field of the form shows what it says of them. */
export const EVENT_FIELDS = { feederId: 'feederId', limitKw: 'limitKw', start: 'start', end: 'minutes', rampSeconds: 'rampSeconds' } as const;

export function atFormFields(refused: Partial<Record<keyof typeof EVENT_FIELDS, string>>): EventProblems {
  const named = Object.entries(refused) as [keyof typeof EVENT_FIELDS, string][];
  return Object.fromEntries(named.map(([field, text]) => [EVENT_FIELDS[field], text]));
}

export function newEvent(feederId: string, now: number): EventDraft {
  return { feederId, limitKw: '', when: 'now', start: toLocalInput(now + QUARTER_MS), minutes: '30', rampSeconds: '0' };
}

export function draftOfEvent(event: DrEventFragment): EventDraft {
  const start = Date.parse(event.start);
  return {
    feederId: event.feederId,
    limitKw: String(event.limitKw),
    when: 'later',
    start: toLocalInput(start),
    minutes: String(Math.round((Date.parse(event.end) - start) / 6000) / 10),
    rampSeconds: String(event.rampSeconds),
  };
}

/** `begun`: the start of an event that is on is no longer asked for. */
export function checkEvent(draft: EventDraft, feeder: FeederFacts | undefined, now: number, begun: number | null = null): EventProblems {
  const problems: EventProblems = {};
  if (!feeder) problems.feederId = 'Choose a feeder.';

  const limit = parseNumber(draft.limitKw);
  if (limit === null) problems.limitKw = 'Enter a limit in kW.';
  else if (limit < 0) problems.limitKw = 'A limit cannot be below 0 kW.';
  else if (feeder && limit >= feeder.importLimitKw) {
    problems.limitKw = `Must be below the feeder's own limit of ${kw(feeder.importLimitKw)}.`;
  }

  if (draft.when === 'later' && begun === null) {
    const start = fromLocalInput(draft.start);
    if (start === null) problems.start = 'Choose a start time.';
    else if (isPassedOver(draft.start)) {
      problems.start = `This time does not exist: the clocks are put forward then. What comes next is ${zonedTime(start, now)}.`;
    } else if (start < now) problems.start = 'The start is in the past.';
  }

  const minutes = parseNumber(draft.minutes);
  if (minutes === null || minutes < 1) problems.minutes = 'At least 1 minute.';
  else if (minutes > LONGEST_MINUTES) problems.minutes = 'At most 7 days.';
  else if (begun !== null && begun + minutes * 60_000 <= now) problems.minutes = 'It would be over already; cancel it instead.';

  const ramp = parseNumber(draft.rampSeconds);
  if (ramp === null || ramp < 0 || !Number.isInteger(ramp)) problems.rampSeconds = 'Whole seconds, 0 or more.';
  else if (ramp > LONGEST_RAMP_S) problems.rampSeconds = 'At most 3 600 s.';
  return problems;
}

/** The input for the API; call only for a draft without problems. */
export function eventInput(draft: EventDraft, now: number, begun: number | null = null): EventInput {
  const start = begun ?? (draft.when === 'later' ? (fromLocalInput(draft.start) ?? now) : now);
  const end = start + (parseNumber(draft.minutes) ?? 0) * 60_000;
  return {
    feederId: draft.feederId,
    start: toRfc3339(start),
    end: toRfc3339(end),
    limitKw: parseNumber(draft.limitKw) ?? 0,
    type: 'dr',
    rampSeconds: parseNumber(draft.rampSeconds) ?? 0,
  };
}

/** Only what was changed in the form. */
export function eventPatch(event: DrEventFragment, draft: EventDraft, now: number, begun: number | null): EventPatch {
  const before = draftOfEvent(event);
  const after = eventInput(draft, now, begun);
  const moved = begun === null && draft.start !== before.start;
  return {
    ...(draft.limitKw !== before.limitKw ? { limitKw: after.limitKw } : {}),
    ...(moved ? { start: after.start } : {}),
    ...(moved || draft.minutes !== before.minutes ? { end: after.end } : {}),
    ...(draft.rampSeconds !== before.rampSeconds ? { rampSeconds: after.rampSeconds ?? 0 } : {}),
  };
}

/** What takes such a patch back. */
export function patchBack(event: DrEventFragment, patch: EventPatch): EventPatch {
  const { limitKw, start, end, rampSeconds } = event;
  const before = { limitKw, start, end, rampSeconds };
  return Object.fromEntries(Object.entries(before).filter(([key]) => key in patch));
}

/** The label of the field for the start: its zone is that of the start, which may be another one than now. */
export function startLabel(draft: EventDraft, now: number): string {
  const start = fromLocalInput(draft.start);
  if (start === null || isPassedOver(draft.start)) return `Start time (${zoneName(now)})`;
  const other = sameOnTheClock(start);
  return other === null ? `Start time (${zoneName(start)})` : `Start time (${zoneName(start)}, not ${zoneName(other)})`;
}

/** The event in a sentence, before it is made. */
export function eventPreview(input: EventInput, feeder: FeederFacts, now: number): string {
  const start = parseTime(input.start) ?? now;
  const end = parseTime(input.end) ?? now;
  const [startText, until] = zonedSpan(start, end, now);
  const from = Math.abs(start - now) <= 1000 ? 'from now' : `from ${startText}`;
  const ramp = input.rampSeconds ? `, reached over ${duration(input.rampSeconds * 1000)}` : '';
  const less = feeder.loadKw - input.limitKw;
  const effect = less > 0 ? `That is ${kw(less)} below its present load.` : 'Its present load is already below that.';
  return `${input.feederId} is held at ${kw(input.limitKw)} ${from} until ${until}${ramp}. ${effect}`;
}
