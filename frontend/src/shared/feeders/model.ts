//! What a feeder's figures mean: how it stands, how much room is left, what its load is made of. Pure.
import { kw, percent } from '../lib/format';
import { duration, parseTime, zonedTime } from '../lib/time';
import type { Thresholds } from '../lib/thresholds';
import type { FeederFactsFragment } from '../gql/graphql';

export type FeederFacts = FeederFactsFragment;

export type Standing = 'inside' | 'near' | 'over';

type Limits = Pick<FeederFacts, 'loadKw' | 'effectiveLimitKw' | 'exportLimitKw'>;

/** Kilowatts left until the nearer of the two limits; negative when over. */
export function roomKw({ loadKw, effectiveLimitKw, exportLimitKw }: Limits): number {
  const toImport = effectiveLimitKw - loadKw;
  if (exportLimitKw === null) return toImport;
  return Math.min(toImport, loadKw + exportLimitKw);
}

export function standing(feeder: Limits, { nearShare }: Pick<Thresholds, 'nearShare'>): Standing {
  const room = roomKw(feeder);
  if (room < 0) return 'over';
  return room < Math.abs(feeder.effectiveLimitKw) * nearShare ? 'near' : 'inside';
}

/** What share of the limit is left; the tightest feeder has the least. */
export function tightness(feeder: Limits): number {
  const limit = Math.abs(feeder.effectiveLimitKw);
  return limit === 0 ? Math.sign(roomKw(feeder)) : roomKw(feeder) / limit;
}

export function isStale(lastDecisionAt: number | null, now: number, { silentAfterMs }: Pick<Thresholds, 'silentAfterMs'>): boolean {
  return lastDecisionAt === null || now - lastDecisionAt > silentAfterMs;
}

export type FeederState = 'stopped' | 'over' | 'degraded' | 'stale' | 'shedding' | 'near' | 'fine' | 'off';

type Judged = Limits & Pick<FeederFacts, 'stopped' | 'degraded' | 'waterLevel' | 'mode' | 'lastDecisionAt'>;

/** The first that holds is what an operator must know of. */
export function stateOf(feeder: Judged, now: number, thresholds: Thresholds): FeederState {
  if (feeder.stopped !== null) return 'stopped';
  const state = standing(feeder, thresholds);
  if (state === 'over') return 'over';
  if (feeder.mode === 'DISABLED') return 'off';
  if (feeder.degraded !== null) return 'degraded';
  if (isStale(parseTime(feeder.lastDecisionAt), now, thresholds)) return 'stale';
  if (feeder.waterLevel !== null) return 'shedding';
  return state === 'near' ? 'near' : 'fine';
}

/** An event or a program holds the feeder below its own limit. */
export function isLowered({ effectiveLimitKw, importLimitKw }: Pick<FeederFacts, 'effectiveLimitKw' | 'importLimitKw'>): boolean {
  return effectiveLimitKw < importLimitKw - 0.0005;
}

/** Less is rounding. */
const LEAST_KW = 0.005;

/**
 * Load that nobody commands: with the controlled part it makes up the load. Null while the two are of different windows:
 * less would be left than is estimated, and less than nothing.
 */
export function otherKw({ loadKw, controlledKw, uncontrolledKw }: Pick<FeederFacts, 'loadKw' | 'controlledKw' | 'uncontrolledKw'>): number | null {
  const left = loadKw - controlledKw;
  return left < Math.min(0, uncontrolledKw) - LEAST_KW ? null : left;
}

export interface HistoryPoint {
  at: number;
  loadKw: number;
  limitKw: number;
  /** What devices wanted beyond what they were given. */
  curtailedKw: number | null;
  allocatedKw: number;
  /** Not kept in averages of a minute or more. */
  reservedKw: number | null;
}

/**
 * An average over a minute carries that minute's lowest limit: where the limit changed within it, the mean load looks
 * over although it never was. Such a point is held against the highest limit beside it.
 */
export function withoutSeams(points: readonly HistoryPoint[]): HistoryPoint[] {
  return points.map((point, index) => {
    if (point.loadKw <= point.limitKw) return point;
    const beside = [points[index - 1], points[index + 1]].map((each) => each?.limitKw ?? point.limitKw);
    return { ...point, limitKw: Math.max(point.limitKw, ...beside) };
  });
}

export interface HistorySummary {
  insideShare: number;
  closest: { at: number; roomKw: number };
  /** How much time the points speak for: holes are not counted. */
  coveredMs: number;
}

export function summarise(points: readonly Pick<HistoryPoint, 'at' | 'loadKw' | 'limitKw'>[], gapMs: number): HistorySummary | null {
  const first = points[0];
  if (!first) return null;
  let inside = 0;
  let coveredMs = 0;
  let before = first.at;
  let closest = { at: first.at, roomKw: first.limitKw - first.loadKw };
  for (const point of points) {
    const room = point.limitKw - point.loadKw;
    if (room >= 0) inside += 1;
    if (room < closest.roomKw) closest = { at: point.at, roomKw: room };
    if (point.at - before <= gapMs) coveredMs += point.at - before;
    before = point.at;
  }
  return { insideShare: inside / points.length, closest, coveredMs };
}

/** With less of the span on record, a claim about all of it would be none. */
const WHOLE_SHARE = 0.9;

/** A history in a sentence that claims nothing about time without data. */
export function describeHistory(summary: HistorySummary | null, span: { words: string; ms: number }, now: number): string {
  if (!summary) return `No history in the ${span.words}.`;
  const { insideShare, closest, coveredMs } = summary;
  const share = percent(insideShare, insideShare > 0.99 && insideShare < 1 ? 1 : 0);
  const time = coveredMs >= span.ms * WHOLE_SHARE ? `the ${span.words}` : `the ${duration(coveredMs)} on record in the ${span.words}`;
  const when = zonedTime(closest.at, now);
  const extreme = closest.roomKw >= 0 ? `Closest ${kw(closest.roomKw)} at ${when}.` : `Worst ${kw(-closest.roomKw)} over at ${when}.`;
  return `Inside ${share} of ${time}. ${extreme}`;
}
