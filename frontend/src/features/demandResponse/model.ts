//! Events and programs side by side: which phase each is in, where it lies on the timeline, what a program does. Pure.
import { phase as eventPhase } from '../../shared/events/eventModel';
import type { DrEvent } from '../../shared/events/eventModel';
import { programPhase } from '../../shared/events/programPhase';
import type { Phase } from '../../shared/events/programPhase';
import type { FeederFacts } from '../../shared/feeders/model';
import type { ProgramFragment } from '../../shared/gql/graphql';
import { kw, plural } from '../../shared/lib/format';
import type { Thresholds } from '../../shared/lib/thresholds';
import { clock, day, parseTime, zonedSpan } from '../../shared/lib/time';

export type Program = ProgramFragment;

const ORDER: Record<Phase, number> = { active: 0, upcoming: 1, off: 2, past: 3, cancelled: 3 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function isOpen(phase: Phase): boolean {
  return ORDER[phase] < ORDER.past;
}

/** What is on first, then what comes, then what is off, then what was: the latest first. */
export function inOrder<Item extends { start: string }>(items: readonly Item[], phaseOf: (item: Item) => Phase): Item[] {
  const at = (item: Item) => parseTime(item.start) ?? 0;
  return items
    .map((item) => ({ item, rank: ORDER[phaseOf(item)] }))
    .sort((a, b) => a.rank - b.rank || (a.rank === ORDER.past ? at(b.item) - at(a.item) : at(a.item) - at(b.item)))
    .map(({ item }) => item);
}

// --- what a program does -------------------------------------------------------------------------------------------

/** What decides a program's effect; a stored program and a draft both have it. */
export interface Shape {
  mode: Program['mode'];
  feederIds: readonly string[];
  targetShedKw: number;
  incentivePerKwh: number;
  penaltyPerKwh: number;
}

export interface Effect {
  feeder: FeederFacts;
  /** Its own limit less what the program takes of it. */
  limitKw: number;
  takenKw: number;
}

/** The feeders that it acts on: the named ones, or all that have no parent. */
export function feedersOf(shape: Pick<Shape, 'feederIds'>, feeders: readonly FeederFacts[]): FeederFacts[] {
  if (shape.feederIds.length === 0) return feeders.filter((feeder) => feeder.parentId === null);
  return feeders.filter((feeder) => shape.feederIds.includes(feeder.id));
}

/** The most that a price may take of a limit. */
export type PriceMost = Pick<Thresholds, 'priceMaxPercent'>;

/** The price in per cent of a limit, from 0 to the most: penalty less incentive. */
export function pricePercent({ incentivePerKwh, penaltyPerKwh }: Shape, { priceMaxPercent }: PriceMost): number {
  return Math.min(priceMaxPercent, Math.max(0, penaltyPerKwh - incentivePerKwh));
}

/** What the program takes of each feeder's own limit when its ramp is over (docs/control.md). */
export function effects(shape: Shape, feeders: readonly FeederFacts[], most: PriceMost): Effect[] {
  const named = feedersOf(shape, feeders);
  const part = named.length > 0 ? shape.targetShedKw / named.length : 0;
  const percent = pricePercent(shape, most);
  return named.map((feeder) => {
    const wanted = shape.mode === 'FIXED_CAP' ? part : percent > 0 ? Math.max(part, (feeder.importLimitKw * percent) / 100) : 0;
    const takenKw = Math.min(wanted, feeder.importLimitKw);
    return { feeder, takenKw, limitKw: feeder.importLimitKw - takenKw };
  });
}

/** What the program does, in a sentence without its time. */
export function sayShape(shape: Shape, feeders: readonly FeederFacts[], most: PriceMost): string {
  const over = sayFeeders(shape.feederIds, feeders.length > 0 ? feedersOf(shape, feeders).length : 0);
  if (shape.mode === 'FIXED_CAP') return `Takes ${kw(shape.targetShedKw)} off ${over}`;
  const percent = pricePercent(shape, most);
  if (percent === 0) return `Takes nothing off ${over}: the incentive is as large as the penalty`;
  const least = shape.targetShedKw > 0 ? `, at least ${kw(shape.targetShedKw)} in all` : '';
  return `Takes ${Number(percent.toFixed(2))} % off the limit of ${over}${least}`;
}

export function sayFeeders(ids: readonly string[], all: number): string {
  if (ids.length === 0) return all > 1 ? `the ${all} top feeders` : 'every top feeder';
  if (ids.length === 1) return ids[0] ?? '';
  return ids.length <= 3 ? `${ids.slice(0, -1).join(', ')} and ${ids.at(-1) ?? ''}` : plural(ids.length, 'feeder');
}

// --- the timeline --------------------------------------------------------------------------------------------------

export const SPANS = [
  { value: 'day', label: '1 day', backMs: 6 * HOUR_MS, aheadMs: 18 * HOUR_MS, tickMs: 3 * HOUR_MS },
  { value: 'week', label: '1 week', backMs: 2 * DAY_MS, aheadMs: 5 * DAY_MS, tickMs: DAY_MS },
  { value: 'month', label: '1 month', backMs: 7 * DAY_MS, aheadMs: 21 * DAY_MS, tickMs: 4 * DAY_MS },
] as const;
export type Span = (typeof SPANS)[number];

export function spanOf(value: string | null): Span {
  return SPANS.find((span) => span.value === value) ?? SPANS[0];
}

export interface Bar {
  key: string;
  kind: 'event' | 'program';
  id: string;
  title: string;
  what: string;
  when: string;
  phase: Phase;
  /** As shares of the window's width. */
  left: number;
  width: number;
  startsBefore: boolean;
  endsAfter: boolean;
}

export interface Frame {
  from: number;
  to: number;
}

/** A minute wide at least, so that a short event can still be seen and hit. */
const NARROWEST = 0.006;

export function frameOf(span: Span, now: number): Frame {
  return { from: now - span.backMs, to: now + span.aheadMs };
}

export function bars(events: readonly DrEvent[], programs: readonly Program[], frame: Frame, now: number, most: PriceMost): Bar[] {
  const place = (item: { start: string; end: string }) => {
    const start = parseTime(item.start) ?? 0;
    const end = parseTime(item.end) ?? 0;
    const share = (at: number) => (at - frame.from) / (frame.to - frame.from);
    const left = Math.min(1 - NARROWEST, Math.max(0, share(start)));
    const [from, until] = zonedSpan(start, end, now);
    return {
      when: `${from} to ${until}`,
      left,
      width: Math.max(NARROWEST, Math.min(1, share(end)) - left),
      startsBefore: start < frame.from,
      endsAfter: end > frame.to,
    };
  };
  const isInside = ({ start, end }: { start: string; end: string }) =>
    (parseTime(end) ?? 0) > frame.from && (parseTime(start) ?? 0) < frame.to;
  return [
    ...inOrder(programs.filter(isInside), (program) => programPhase(program, now)).map((program) => ({
      key: `program/${program.id}`,
      kind: 'program' as const,
      id: program.id,
      title: program.name,
      what: program.mode === 'FIXED_CAP' ? `${kw(program.targetShedKw)} off` : `${Number(pricePercent(program, most).toFixed(2))} % off`,
      phase: programPhase(program, now),
      ...place(program),
    })),
    ...inOrder(events.filter(isInside), (event) => eventPhase(event, now)).map((event) => ({
      key: `event/${event.id}`,
      kind: 'event' as const,
      id: event.id,
      title: event.feederId,
      what: `at most ${kw(event.limitKw)}`,
      phase: eventPhase(event, now),
      ...place(event),
    })),
  ];
}

export interface Tick {
  at: number;
  left: number;
  label: string;
}

/** Ticks on whole local hours or days. */
export function ticks(frame: Frame, span: Span): Tick[] {
  const found: Tick[] = [];
  const at = new Date(frame.from);
  at.setHours(0, 0, 0, 0);
  const step = span.tickMs;
  while (at.getTime() <= frame.to) {
    const ms = at.getTime();
    if (ms >= frame.from) {
      const label = step < DAY_MS && at.getHours() !== 0 ? clock(ms) : day(ms);
      found.push({ at: ms, left: (ms - frame.from) / (frame.to - frame.from), label });
    }
    // By the calendar, so that days of 23 and 25 hours keep their midnights.
    if (step < DAY_MS) at.setHours(at.getHours() + step / HOUR_MS);
    else at.setDate(at.getDate() + step / DAY_MS);
  }
  return found;
}
