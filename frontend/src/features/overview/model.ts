//! What the overview's figures mean: inside or over, how close, for how long. Pure.
import { kw, percent, plural } from '../../shared/lib/format';
import type { DeviceType, FeederCardFragment } from '../../shared/gql/graphql';

/** A feeder that has had no decision for this long is shown as stale. */
export const STALE_AFTER_MS = 20_000;
/** Less than this share of the limit left is "near". A controlled feeder is filled up on purpose, so this is narrow. */
const NEAR_SHARE = 0.01;

export type Standing = 'inside' | 'near' | 'over';

type Limits = Pick<FeederCardFragment, 'loadKw' | 'effectiveLimitKw' | 'exportLimitKw'>;

/** Kilowatts left until the nearer of the two limits; negative when over. */
export function roomKw({ loadKw, effectiveLimitKw, exportLimitKw }: Limits): number {
  const toImport = effectiveLimitKw - loadKw;
  if (exportLimitKw === null) return toImport;
  return Math.min(toImport, loadKw + exportLimitKw);
}

export function standing(feeder: Limits): Standing {
  const room = roomKw(feeder);
  if (room < 0) return 'over';
  return room < Math.abs(feeder.effectiveLimitKw) * NEAR_SHARE ? 'near' : 'inside';
}

export function isStale(lastDecisionAt: number | null, now: number): boolean {
  return lastDecisionAt === null || now - lastDecisionAt > STALE_AFTER_MS;
}

export interface Verdict {
  standing: Standing | 'none';
  title: string;
  detail: string;
}

type Judged = Limits & Pick<FeederCardFragment, 'id'>;

function insideTitle(feeders: number, only: string): string {
  if (feeders === 1) return `${only} is inside its limit`;
  return `${feeders === 2 ? 'Both' : `All ${feeders}`} feeders are inside their limits`;
}

/** The one sentence on top of the page. */
export function verdict(feeders: readonly Judged[]): Verdict {
  const byRoom = [...feeders].sort((a, b) => roomKw(a) - roomKw(b));
  const tightest = byRoom[0];
  if (!tightest) {
    return { standing: 'none', title: 'No feeders yet', detail: 'A feeder appears with the first sample of one of its devices.' };
  }
  const over = byRoom.filter((feeder) => standing(feeder) === 'over');
  const total = kw(feeders.reduce((sum, feeder) => sum + feeder.loadKw, 0));
  if (over.length === 0) {
    const share = percent(roomKw(tightest) / Math.abs(tightest.effectiveLimitKw));
    return {
      standing: standing(tightest),
      title: insideTitle(feeders.length, tightest.id),
      detail: `Tightest: ${tightest.id} with ${kw(roomKw(tightest))} left (${share} of its limit). Total load ${total}.`,
    };
  }
  const rest = feeders.length - over.length;
  const who = over.length === 1 ? `${tightest.id} is over its limit` : `${over.length} feeders are over their limits`;
  return {
    standing: 'over',
    title: `${who} by ${over.length === 1 ? '' : 'up to '}${kw(-roomKw(tightest))}`,
    detail: `${plural(rest, 'other feeder')} inside. Total load ${total}.`,
  };
}

export interface HistoryPoint {
  at: number;
  loadKw: number;
  limitKw: number;
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
}

export function summarise(points: readonly HistoryPoint[]): HistorySummary | null {
  const first = points[0];
  if (!first) return null;
  let inside = 0;
  let closest = { at: first.at, roomKw: first.limitKw - first.loadKw };
  for (const point of points) {
    const room = point.limitKw - point.loadKw;
    if (room >= 0) inside += 1;
    if (room < closest.roomKw) closest = { at: point.at, roomKw: room };
  }
  return { insideShare: inside / points.length, closest };
}

export interface MixRow {
  type: DeviceType;
  count: number;
  powerKw: number;
}

/** The feeders' device types added up, largest group first. */
export function deviceMix(feeders: readonly Pick<FeederCardFragment, 'byType'>[]): MixRow[] {
  const rows = new Map<DeviceType, MixRow>();
  for (const { type, count, powerKw } of feeders.flatMap((feeder) => feeder.byType)) {
    const row = rows.get(type) ?? { type, count: 0, powerKw: 0 };
    rows.set(type, { type, count: row.count + count, powerKw: row.powerKw + powerKw });
  }
  return [...rows.values()].sort((a, b) => b.count - a.count || a.type.localeCompare(b.type));
}

export interface TrackingRow {
  deviceId: string;
  samples: number;
  meanErrorKw: number;
  meanAbsErrorKw: number;
}

export interface TrackingSummary<Row> {
  meanAbsKw: number;
  meanKw: number;
  worst: Row[];
}

/** The fleet's mean, weighted by samples, and the devices that follow least. */
export function trackingSummary<Row extends TrackingRow>(rows: readonly Row[], worstCount: number): TrackingSummary<Row> | null {
  const counted = rows.filter((row) => row.samples > 0);
  const samples = counted.reduce((sum, row) => sum + row.samples, 0);
  if (samples === 0) return null;
  const mean = (pick: (row: Row) => number) => counted.reduce((sum, row) => sum + pick(row) * row.samples, 0) / samples;
  const worst = [...counted].sort((a, b) => b.meanAbsErrorKw - a.meanAbsErrorKw).slice(0, worstCount);
  return { meanAbsKw: mean((row) => row.meanAbsErrorKw), meanKw: mean((row) => row.meanErrorKw), worst };
}
