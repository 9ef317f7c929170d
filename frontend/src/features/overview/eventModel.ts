//! Demand-response events: which phase they are in, and the form that makes one. Pure.
import { kw } from '../../shared/lib/format';
import { duration, fromLocalInput, isPassedOver, parseTime, sameOnTheClock, toRfc3339, zonedSpan, zonedTime, zoneName } from '../../shared/lib/time';
import type { EventInput, EventsQuery } from '../../shared/gql/graphql';

export type DrEvent = EventsQuery['events'][number];
export type Phase = 'active' | 'upcoming' | 'past' | 'cancelled';

const ORDER: Record<Phase, number> = { active: 0, upcoming: 1, past: 2, cancelled: 2 };
const LONGEST_MINUTES = 7 * 24 * 60;
const LONGEST_RAMP_S = 3600;

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

export function checkDraft(draft: EventDraft, feeder: FeederFacts | undefined, now: number): DraftProblems {
  const problems: DraftProblems = {};
  if (!feeder) problems.feederId = 'Choose a feeder.';

  const limit = number(draft.limitKw);
  if (limit === null) problems.limitKw = 'Enter a limit in kW.';
  else if (limit < 0) problems.limitKw = 'A limit cannot be below 0 kW.';
  else if (feeder && limit >= feeder.importLimitKw) {
    problems.limitKw = `Must be below the feeder's own limit of ${kw(feeder.importLimitKw)}.`;
  }

  if (draft.when === 'later') {
    const start = fromLocalInput(draft.start);
    if (start === null) problems.start = 'Choose a start time.';
    else if (isPassedOver(draft.start)) {
      problems.start = `This time does not exist: the clocks are put forward then. What comes next is ${zonedTime(start, now)}.`;
    } else if (start < now) problems.start = 'The start is in the past.';
  }

  const minutes = number(draft.minutes);
  if (minutes === null || minutes < 1) problems.minutes = 'At least 1 minute.';
  else if (minutes > LONGEST_MINUTES) problems.minutes = 'At most 7 days.';

  const ramp = number(draft.rampSeconds);
  if (ramp === null || ramp < 0 || !Number.isInteger(ramp)) problems.rampSeconds = 'Whole seconds, 0 or more.';
  else if (ramp > LONGEST_RAMP_S) problems.rampSeconds = 'At most 3 600 s.';
  return problems;
}

/** The input for the API; call only for a draft without problems. */
export function toInput(draft: EventDraft, now: number): EventInput {
  const start = draft.when === 'later' ? (fromLocalInput(draft.start) ?? now) : now;
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
