//! A moment of the past: which decision held then, which come before and after, and where nothing was decided. Pure.
import type { DecisionFactsFragment } from '../../shared/gql/graphql';
import { gapMs } from '../../shared/lib/series';
import { parseTime } from '../../shared/lib/time';

/** A decision as it was about one feeder. */
export type Step = Omit<DecisionFactsFragment, 'at'> & { at: number };

/** What was decided of a feeder over a window of time, ascending. */
export interface Trail {
  /** Where its window begins. */
  from: number;
  steps: readonly Step[];
}

/** What a tree is made of. */
export type Hung = Pick<Step, 'feederId' | 'parentId'>;

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
export function missedAfterMs(steps: readonly { at: number }[], silentAfterMs: number): number {
  return Math.max(silentAfterMs, gapMs(steps, 0));
}

/** The hole in which the moment lies: nothing was decided in it. Its ends are null where the window does not show them. */
export function holeAt(steps: readonly Step[], at: number, silentAfterMs: number): { from: number | null; to: number | null } | null {
  const before = stepAt(steps, at);
  if (before && at - before.at <= missedAfterMs(steps, silentAfterMs)) return null;
  return { from: before?.at ?? null, to: neighbour(steps, at, 1) };
}

/** How long play stays with a decision, in ms of the reader's time. */
export function waitMs(at: number, next: number, speed: number): number {
  return Math.min((next - at) / speed, LONGEST_WAIT_MS);
}

/** The feeders of a decision, each after the one that it hung on then, with how deep it hung. */
export function treeOf<Node extends Hung>(nodes: readonly Node[]): { node: Node; depth: number }[] {
  const ids = new Set(nodes.map(({ feederId }) => feederId));
  const under = (parentId: string | null, depth: number): { node: Node; depth: number }[] =>
    nodes
      .filter((node) => (node.parentId !== null && ids.has(node.parentId) ? node.parentId : null) === parentId)
      .flatMap((node) => [{ node, depth }, ...under(node.feederId, depth + 1)]);
  return under(null, 0);
}

/** Where a feeder hangs today; undefined where there is none of that name any more. */
export type Today = ReadonlyMap<string, string | null>;

/** How the place of a feeder then differs from today's, in words; null where it does not. */
export function movedWords({ feederId, parentId }: Hung, today: Today): string | null {
  const now = today.get(feederId);
  if (now === undefined) return 'Is no more';
  if (now === parentId) return null;
  return parentId === null ? 'Stood at the top' : `Stood under ${parentId}`;
}
