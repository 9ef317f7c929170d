//! Who gives way in a decision, and why: devices put together by their reason. Pure.
import { reasonOf } from './reasons';
import type { Reason } from './reasons';
import type { DecisionDeviceRowFragment } from '../gql/graphql';

export type DecisionRow = DecisionDeviceRowFragment;

export interface Giver {
  deviceId: string;
  wantedKw: number;
  setpointKw: number;
  gaveKw: number;
}

export interface ReasonGroup extends Reason {
  code: string;
  gaveKw: number;
  /** Who gave most comes first. */
  devices: readonly Giver[];
}

export interface Curtailment {
  gaveKw: number;
  groups: readonly ReasonGroup[];
  /** Devices that gave nothing, by reason; the most first. */
  others: readonly { code: string; title: string; count: number }[];
}

/** Less is no giving way, but rounding. */
const LEAST_KW = 0.01;
/** Nobody commands these: what they do not get is not for the feeder's sake. */
const UNCOMMANDED: readonly string[] = ['OPTED_OUT', 'NOT_COMMANDED'];

/** How far the setpoint stays behind the want: less to take, or less to give, or to give instead of to take. */
export function gaveKw({ wantedKw, setpointKw, reason }: Pick<DecisionRow, 'wantedKw' | 'setpointKw' | 'reason'>): number {
  if (UNCOMMANDED.includes(reason)) return 0;
  const gave = wantedKw >= 0 ? wantedKw - setpointKw : setpointKw - wantedKw;
  return gave < LEAST_KW ? 0 : gave;
}

export function curtailment(rows: readonly DecisionRow[]): Curtailment {
  const groups = new Map<string, Giver[]>();
  const others = new Map<string, number>();
  for (const row of rows) {
    const gave = gaveKw(row);
    if (gave === 0) {
      others.set(row.reason, (others.get(row.reason) ?? 0) + 1);
      continue;
    }
    const { deviceId, wantedKw, setpointKw } = row;
    const group = groups.get(row.reason) ?? [];
    group.push({ deviceId, wantedKw, setpointKw, gaveKw: gave });
    groups.set(row.reason, group);
  }
  const sum = (givers: readonly Giver[]) => givers.reduce((total, { gaveKw: kw }) => total + kw, 0);
  const listed = [...groups]
    .map(([code, devices]) => ({ code, ...reasonOf(code), gaveKw: sum(devices), devices: devices.sort((a, b) => b.gaveKw - a.gaveKw) }))
    .sort((a, b) => b.gaveKw - a.gaveKw);
  return {
    gaveKw: listed.reduce((total, group) => total + group.gaveKw, 0),
    groups: listed,
    others: [...others].map(([code, count]) => ({ code, title: reasonOf(code).title, count })).sort((a, b) => b.count - a.count),
  };
}
