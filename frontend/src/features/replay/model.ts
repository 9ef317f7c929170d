//! A moment of the past: which decision held then, which come before and after, and where nothing was decided. Pure.
import type { DecisionFactsFragment } from '../../shared/gql/graphql';
import { STALE_AFTER_MS } from '../../shared/feeders/model';
import { gapMs } from '../../shared/lib/series';
import { parseTime } from '../../shared/lib/time';

/** A decision as it was about one feeder. */
export type Step = Omit<DecisionFactsFragment, 'at'> & { at: number };

export interface LoadPoint {
  at: number;
  loadKw: number;
  limitKw: number;
}

/** What is known of a feeder over a window of time; both ascending. */
export interface Trail {
  /** Where its window begins. */
  from: number;
  steps: readonly Step[];
  loads: readonly LoadPoint[];
}

export interface TreeFeeder {
  id: string;
  parentId: string | null;
}

const GRID_MS = 600_000;
const BEFORE_MS = 300_000;
const WINDOW_MS = 2 * GRID_MS;
/** Play passes over a hole, but not at once: that time went by is to be seen. */
const LONGEST_WAIT_MS = 3000;

/** Twenty minutes are looked at, of which at least five lie before the moment; the same for all moments of ten minutes. */
export function windowFrom(at: number): number {
  return Math.floor((at - BEFORE_MS) / GRID_MS) * GRID_MS;
}

export function windowTo(from: number, now: number): number {
  return Math.max(from, Math.min(from + WINDOW_MS, now));
}

/** Whether a trail speaks of the moment: one of another window says nothing about it. */
export function covers({ from }: Trail, at: number): boolean {
  return at >= from && at <= from + WINDOW_MS;
}

/** The moment that an address asks for: never one to come. */
export function momentFrom(params: URLSearchParams, now: number): number | null {
  const at = parseTime(params.get('at'));
  return at === null ? null : Math.min(at, now);
}

export function stepOf({ at, ...rest }: DecisionFactsFragment): Step {
  return { ...rest, at: parseTime(at) ?? 0 };
}

/** The decision that held at the moment. */
export function stepAt(steps: readonly Step[], at: number): Step | null {
  return steps.findLast((step) => step.at <= at) ?? null;
}

/** The moment of the next decision, or of the one before. */
export function neighbour(steps: readonly Step[], at: number, direction: 1 | -1): number | null {
  const found = direction === 1 ? steps.find((step) => step.at > at) : steps.findLast((step) => step.at < at);
  return found?.at ?? null;
}

/** How long after a decision the next one is missed. */
export function missedAfterMs(points: readonly { at: number }[]): number {
  return Math.max(STALE_AFTER_MS, gapMs(points, 0));
}

/** The hole in which the moment lies: nothing was decided in it. Its ends are null where the window does not show them. */
export function holeAt(steps: readonly Step[], at: number): { from: number | null; to: number | null } | null {
  const before = stepAt(steps, at);
  if (before && at - before.at <= missedAfterMs(steps)) return null;
  return { from: before?.at ?? null, to: neighbour(steps, at, 1) };
}

/** The load that was measured then; null in a hole. */
export function loadAt(loads: readonly LoadPoint[], at: number): number | null {
  const point = loads.findLast((each) => each.at <= at);
  return point && at - point.at <= missedAfterMs(loads) ? point.loadKw : null;
}

/** How long play stays with a decision, in ms of the reader's time. */
export function waitMs(at: number, next: number, speed: number): number {
  return Math.min((next - at) / speed, LONGEST_WAIT_MS);
}

export function rootOf(feeders: readonly TreeFeeder[], id: string): string {
  const parent = feeders.find((feeder) => feeder.id === id)?.parentId ?? null;
  return parent !== null && parent !== id && feeders.some((feeder) => feeder.id === parent) ? rootOf(feeders, parent) : id;
}

/** The feeder and all below it, each after the one that it hangs on. */
export function treeOf(feeders: readonly TreeFeeder[], id: string, depth = 0): { id: string; depth: number }[] {
  const below = feeders.filter(({ parentId }) => parentId === id);
  return [{ id, depth }, ...below.flatMap((feeder) => treeOf(feeders, feeder.id, depth + 1))];
}
