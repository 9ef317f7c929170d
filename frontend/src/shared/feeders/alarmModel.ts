//! Alarms that stand, put together by what they say. Pure.
import type { AlarmsQuery } from '../gql/graphql';
import { parseTime } from '../lib/time';

export type Alarm = AlarmsQuery['alarms'][number];

export interface AlarmGroup {
  code: string;
  severity: string;
  /** The one that has stood longest comes first. */
  alarms: readonly Alarm[];
}

export function isCritical({ severity }: Pick<Alarm, 'severity'>): boolean {
  return severity.toUpperCase() === 'CRITICAL';
}

/** One group for each code and severity: what cannot wait first, then what has stood longest. */
export function groupAlarms(alarms: readonly Alarm[]): AlarmGroup[] {
  const groups = new Map<string, Alarm[]>();
  for (const alarm of alarms) {
    const key = `${isCritical(alarm)}/${alarm.code}`;
    groups.set(key, [...(groups.get(key) ?? []), alarm]);
  }
  const since = (alarm: Alarm | undefined) => parseTime(alarm?.at) ?? 0;
  return [...groups.values()]
    .map((list) => [...list].sort((a, b) => since(a) - since(b)))
    .flatMap((list) => (list[0] ? [{ code: list[0].code, severity: list[0].severity, alarms: list }] : []))
    .sort((a, b) => Number(isCritical(b)) - Number(isCritical(a)) || since(a.alarms[0]) - since(b.alarms[0]));
}

/** Where the page of a code stands; null when the API names no address that a browser can open. */
export function runbookHref(runbook: string): string | null {
  return /^(https?:\/\/|\/(?!\/))/.test(runbook) ? runbook : null;
}
