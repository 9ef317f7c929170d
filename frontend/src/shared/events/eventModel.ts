//! Demand-response events: which phase they are in, and the form that makes one. Pure.
import { kw } from '../lib/format';
import { duration, fromLocalInput, isPassedOver, parseTime, sameOnTheClock, toLocalInput, toRfc3339, zonedSpan, zonedTime, zoneName } from '../lib/time';
import type { EventInput, EventPatch, EventsQuery } from '../gql/graphql';
import type { Thresholds } from '../lib/thresholds';

export type DrEvent = EventsQuery['events'][number];
export type Phase = 'active' | 'upcoming' | 'past' | 'cancelled';

const ORDER: Record<Phase, number> = { active: 0, upcoming: 1, past: 2, cancelled: 2 };
const LONGEST_MINUTES = 7 * 24 * 60;

export function phase(event: Pick<DrEvent, 'start' | 'end' | 'cancelled'>, now: number): Phase {
  if (event.cancelled) return 'cancelled';
  if (now >= (parseTime(event.end) ?? 0)) return 'past';
  return now >= (parseTime(event.start) ?? 0) ? 'active' : 'upcoming';
}

/** Active first, then what comes next, then what was, the latest first. */
export function arrange(events: readonly DrEvent[], now: number, includePast: boolean): DrEvent[] {
  const at = (event: DrEvent) => parseTime(event.start) ?? 0;
  return events
    .map((event) => ({ event, rank: ORDER[phase(event, now)] }))
    .filter(({ rank }) => includePast || rank < 2)
    .sort((a, b) => a.rank - b.rank || (a.rank === 2 ? at(b.event) - at(a.event) : at(a.event) - at(b.event)))
    .map(({ event }) => event);
}

export interface EventDraft {
  feederId: string;
  limitKw: string;
  when: 'now' | 'later';
  start: string;
  minutes: string;
  rampSeconds: string;
}

export type DraftProblems = Partial<Record<keyof EventDraft, string>>;

export interface FeederFacts {
  id: string;
  loadKw: number;
  importLimitKw: number;
}

function number(text: string): number | null {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? null : value;
}

/** The draft that changes an event: one that runs keeps its start. */
export function draftOf(event: DrEvent, now: number): EventDraft {
  const start = parseTime(event.start) ?? now;
  const end = parseTime(event.end) ?? now;
  return {
    feederId: event.feederId,
    limitKw: String(event.limitKw),
    when: 'later',
    start: toLocalInput(start),
    minutes: String(Math.round((end - start) / 60_000)),
    rampSeconds: String(event.rampSeconds),
  };
}

/** `running`: the start of an event that is changed while it runs, which stays. */
interface Judged {
  feeder: FeederFacts | undefined;
  now: number;
  thresholds: Pick<Thresholds, 'eventRampMaxS'>;
  /** The start of an event that is on. */
  running?: number | null;
}

export function checkDraft(draft: EventDraft, { feeder, now, thresholds: { eventRampMaxS }, running = null }: Judged): DraftProblems {
  const problems: DraftProblems = {};
  if (!feeder) problems.feederId = 'Choose a feeder.';

  const limit = number(draft.limitKw);
  if (limit === null) problems.limitKw = 'Enter a limit in kW.';
  else if (limit < 0) problems.limitKw = 'A limit cannot be below 0 kW.';
  else if (feeder && limit >= feeder.importLimitKw) {
    problems.limitKw = `Must be below the feeder's own limit of ${kw(feeder.importLimitKw)}.`;
  }

  if (draft.when === 'later' && running === null) {
    const start = fromLocalInput(draft.start);
    if (start === null) problems.start = 'Choose a start time.';
    else if (isPassedOver(draft.start)) {
      problems.start = `This time does not exist: the clocks are put forward then. What comes next is ${zonedTime(start, now)}.`;
    } else if (start < now) problems.start = 'The start is in the past.';
  }

  const minutes = number(draft.minutes);
  if (minutes === null || minutes < 1) problems.minutes = 'At least 1 minute.';
  else if (minutes > LONGEST_MINUTES) problems.minutes = 'At most 7 days.';
  else if (running !== null && running + minutes * 60_000 <= now) problems.minutes = 'It would have ended already: cancel it instead.';

  const ramp = number(draft.rampSeconds);
  if (ramp === null || ramp < 0 || !Number.isInteger(ramp)) problems.rampSeconds = 'Whole seconds, 0 or more.';
  else if (ramp > eventRampMaxS) problems.rampSeconds = `At most ${duration(eventRampMaxS * 1000)}.`;
  return problems;
}

/** The input for the API; call only for a draft without problems. */
export function toInput(draft: EventDraft, now: number, running: number | null = null): EventInput {
  const start = running ?? (draft.when === 'later' ? (fromLocalInput(draft.start) ?? now) : now);
  const end = start + (number(draft.minutes) ?? 0) * 60_000;
  return {
    feederId: draft.feederId,
    start: toRfc3339(start),
    end: toRfc3339(end),
    limitKw: number(draft.limitKw) ?? 0,
    type: 'dr',
    rampSeconds: number(draft.rampSeconds) ?? 0,
  };
}

/** What differs from the event as it is; null when nothing does. A start is told only where it was changed, to the minute. */
export function toPatch(event: DrEvent, input: EventInput): EventPatch | null {
  const at = (text: string) => Math.floor((parseTime(text) ?? 0) / 60_000);
  const patch: EventPatch = {
    ...(at(input.start) === at(event.start) ? {} : { start: input.start }),
    ...(at(input.end) === at(event.end) ? {} : { end: input.end }),
    ...(input.limitKw === event.limitKw ? {} : { limitKw: input.limitKw }),
    ...((input.rampSeconds ?? 0) === event.rampSeconds ? {} : { rampSeconds: input.rampSeconds ?? 0 }),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

/** What takes a patch back. */
export function formerOf(event: DrEvent, patch: EventPatch): EventPatch {
  return {
    ...(patch.start === undefined ? {} : { start: event.start }),
    ...(patch.end === undefined ? {} : { end: event.end }),
    ...(patch.limitKw === undefined ? {} : { limitKw: event.limitKw }),
    ...(patch.rampSeconds === undefined ? {} : { rampSeconds: event.rampSeconds }),
  };
}

/** The label of the field for the start: its zone is that of the start, which may be another one than now. */
export function startLabel(draft: EventDraft, now: number): string {
  const start = fromLocalInput(draft.start);
  if (start === null || isPassedOver(draft.start)) return `Start time (${zoneName(now)})`;
  const other = sameOnTheClock(start);
  return other === null ? `Start time (${zoneName(start)})` : `Start time (${zoneName(start)}, not ${zoneName(other)})`;
}

/** The event in a sentence, before it is made. */
export function preview(input: EventInput, feeder: FeederFacts, now: number): string {
  const start = parseTime(input.start) ?? now;
  const end = parseTime(input.end) ?? now;
  const [startText, until] = zonedSpan(start, end, now);
  const from = start <= now + 1000 ? 'from now' : `from ${startText}`;
  const ramp = input.rampSeconds ? `, reached over ${duration(input.rampSeconds * 1000)}` : '';
  const less = feeder.loadKw - input.limitKw;
  const effect = less > 0 ? `That is ${kw(less)} below its present load.` : 'Its present load is already below that.';
  return `${input.feederId} is held at ${kw(input.limitKw)} ${from} until ${until}${ramp}. ${effect}`;
}
