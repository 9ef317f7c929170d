//! What the overview says about all feeders together. Pure.
import { standing, roomKw } from '../../shared/feeders/model';
import type { FeederFacts, Standing } from '../../shared/feeders/model';
import { kw, percent, plural } from '../../shared/lib/format';
import type { DeviceType } from '../../shared/gql/graphql';
import { rootsOf } from './tree';
import type { Thresholds } from '../../shared/lib/thresholds';

export interface Verdict {
  standing: Standing | 'stopped' | 'none';
  title: string;
  detail: string;
}

type Judged = Pick<FeederFacts, 'id' | 'parentId' | 'loadKw' | 'effectiveLimitKw' | 'exportLimitKw' | 'stopped'>;

function all(feeders: number, only: string): string {
  if (feeders === 1) return `${only} is inside its limit`;
  return `${feeders === 2 ? 'Both' : `All ${feeders}`} feeders are inside their limits`;
}

/** The one sentence on top of the page, and a second one with the figures behind it. */
export function verdict(feeders: readonly Judged[], thresholds: Thresholds): Verdict {
  const byRoom = [...feeders].sort((a, b) => roomKw(a) - roomKw(b));
  const tightest = byRoom[0];
  if (!tightest) {
    return { standing: 'none', title: 'No feeders yet', detail: 'A feeder appears with the first sample of one of its devices.' };
  }
  const over = byRoom.filter((feeder) => standing(feeder, thresholds) === 'over');
  const stopped = feeders.filter((feeder) => feeder.stopped !== null);
  const total = `Total load ${kw(rootsOf(feeders).reduce((sum, feeder) => sum + feeder.loadKw, 0))}.`;
  if (over.length > 0) {
    const who = over.length === 1 ? `${tightest.id} is over its limit` : `${over.length} feeders are over their limits`;
    return {
      standing: 'over',
      title: `${who} by ${over.length === 1 ? '' : 'up to '}${kw(-roomKw(tightest))}`,
      detail: `${plural(feeders.length - over.length, 'other feeder')} inside. ${total}`,
    };
  }
  const share = percent(roomKw(tightest) / Math.abs(tightest.effectiveLimitKw));
  const closest = `Tightest: ${tightest.id} with ${kw(roomKw(tightest))} left (${share} of its limit). ${total}`;
  const inside = all(feeders.length, tightest.id);
  const first = stopped[0];
  if (first) {
    const who = stopped.length === 1 ? first.id : plural(stopped.length, 'feeder');
    return { standing: 'stopped', title: `Control of ${who} has stopped`, detail: `${inside}. ${closest}` };
  }
  return { standing: standing(tightest, thresholds), title: inside, detail: closest };
}

export interface MixRow {
  type: DeviceType;
  count: number;
  powerKw: number;
}

/** The device types of the feeders at the top added up (each counts what stands below it), largest group first. */
export function deviceMix(feeders: readonly Pick<FeederFacts, 'id' | 'parentId' | 'byType'>[]): MixRow[] {
  const rows = new Map<DeviceType, MixRow>();
  for (const { type, count, powerKw } of rootsOf(feeders).flatMap((feeder) => feeder.byType)) {
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
