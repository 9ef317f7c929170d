//! Which feeders the overview lists, in which order, and how deep. Pure.
import { stateOf, tightness } from '../../shared/feeders/model';
import type { Thresholds } from '../../shared/lib/thresholds';
import type { FeederFacts, FeederState } from '../../shared/feeders/model';

export type Order = 'tree' | 'tightest';

export interface ListView {
  search: string;
  order: Order;
  state: FeederState | null;
}

export interface Line {
  feeder: FeederFacts;
  depth: number;
  /** How many feeders stand directly below it. */
  below: number;
  isOpen: boolean;
}

const STATES: readonly FeederState[] = ['stopped', 'over', 'degraded', 'stale', 'shedding', 'near', 'fine', 'off'];

export function viewFrom(params: URLSearchParams): ListView {
  return {
    search: params.get('q') ?? '',
    order: params.get('order') === 'tightest' ? 'tightest' : 'tree',
    state: STATES.find((state) => state === params.get('state')) ?? null,
  };
}

export function paramsFrom(view: ListView, params: URLSearchParams): URLSearchParams {
  const next = new URLSearchParams(params);
  const set = (name: string, value: string | null) => (value ? next.set(name, value) : next.delete(name));
  set('q', view.search);
  set('order', view.order === 'tree' ? null : view.order);
  set('state', view.state);
  return next;
}

/** Feeders whose parent is not known stand at the top too: nothing is lost. */
export function rootsOf<Feeder extends Pick<FeederFacts, 'id' | 'parentId'>>(feeders: readonly Feeder[]): Feeder[] {
  const ids = new Set(feeders.map(({ id }) => id));
  return feeders.filter(({ parentId }) => parentId === null || !ids.has(parentId));
}

/** A tree of so few shows the history of those at its ends from the start; in a larger one a reader opens them. */
const FEW = 4;
const DETAILED_MAX = 2;

export function detailedAtFirst(feeders: readonly Pick<FeederFacts, 'id' | 'parentId' | 'stopped'>[]): ReadonlySet<string> {
  if (feeders.length > FEW) return new Set();
  const parents = new Set(feeders.map(({ parentId }) => parentId));
  return new Set(feeders.filter(({ id }) => !parents.has(id)).slice(0, DETAILED_MAX).map(({ id }) => id));
}

export function countStates(feeders: readonly FeederFacts[], now: number, thresholds: Thresholds): { state: FeederState; count: number }[] {
  const counts = new Map<FeederState, number>();
  for (const feeder of feeders) {
    const state = stateOf(feeder, now, thresholds);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return STATES.flatMap((state) => (counts.has(state) ? [{ state, count: counts.get(state) ?? 0 }] : []));
}

interface At {
  now: number;
  thresholds: Thresholds;
}

/** The tree with what matches and what stands above it; or, tightest first, what matches alone. */
export function linesOf(feeders: readonly FeederFacts[], view: ListView, closed: ReadonlySet<string>, { now, thresholds }: At): Line[] {
  const search = view.search.trim().toLowerCase();
  const isHit = (feeder: FeederFacts) =>
    (!search || feeder.id.toLowerCase().includes(search)) && (!view.state || stateOf(feeder, now, thresholds) === view.state);
  const narrowed = search !== '' || view.state !== null;
  if (view.order === 'tightest') {
    const hits = feeders.filter(isHit).sort((a, b) => tightness(a) - tightness(b));
    return hits.map((feeder) => ({ feeder, depth: 0, below: 0, isOpen: false }));
  }
  const below = new Map<string, FeederFacts[]>();
  for (const feeder of feeders) {
    if (feeder.parentId !== null) below.set(feeder.parentId, [...(below.get(feeder.parentId) ?? []), feeder]);
  }
  const linesUnder = (feeder: FeederFacts, depth: number): Line[] => {
    const children = below.get(feeder.id) ?? [];
    const isOpen = narrowed || !closed.has(feeder.id);
    const lines = isOpen ? children.flatMap((child) => linesUnder(child, depth + 1)) : [];
    if (narrowed && lines.length === 0 && !isHit(feeder)) return [];
    return [{ feeder, depth, below: children.length, isOpen }, ...lines];
  };
  return rootsOf(feeders).flatMap((root) => linesUnder(root, 0));
}
