//! The alarms of the mock: those that stand now, those that came and went, and who hears of a new one.
import { connection, iso } from './answers';
import type { Page, Span } from './answers';
import type { Fleet } from './fleet';

export interface MockAlarm {
  atMs: number;
  code: string;
  severity: 'WARNING' | 'CRITICAL';
  feederId: string | null;
  deviceId: string | null;
  message: string;
}

interface Period extends MockAlarm {
  toMs: number | null;
}

const HOUR_MS = 3_600_000;
/** Less above the limit is noise of the meters. */
const OVER_KW = 0.5;

function present(fleet: Fleet, now: number): MockAlarm[] {
  const found: MockAlarm[] = [];
  const raise = (code: string, severity: MockAlarm['severity'], feederId: string | null, deviceId: string | null, message: string) =>
    found.push({ atMs: now, code, severity, feederId, deviceId, message });
  for (const feeder of fleet.feeders) {
    const over = feeder.loadKw - fleet.limitOf(feeder, now);
    if (over > OVER_KW) raise('CTL-001', 'CRITICAL', feeder.id, null, `load is ${over.toFixed(1)} kW over the limit`);
    if (feeder.unmetKw > OVER_KW) raise('CTL-002', 'CRITICAL', feeder.id, null, `the limit cannot be met: ${feeder.unmetKw.toFixed(1)} kW missing`);
    if (feeder.stopped) raise('CTL-007', 'CRITICAL', feeder.id, null, `control is stopped: ${feeder.stopped}`);
  }
  for (const device of fleet.devices) {
    if (device.bias >= 0.8) raise('CTL-003', 'WARNING', device.feederId, device.id, 'does not follow its setpoints');
  }
  return found;
}

const keyOf = ({ code, feederId, deviceId }: MockAlarm) => `${code}/${feederId}/${deviceId}`;

export class Alarms {
  private standing = new Map<string, Period>();
  private readonly past: Period[];

  constructor(now: number) {
    const was = (hoursAgo: number, minutes: number, code: string, severity: MockAlarm['severity'], feederId: string, message: string): Period => {
      const atMs = now - hoursAgo * HOUR_MS;
      return { atMs, toMs: atMs + minutes * 60_000, code, severity, feederId, deviceId: null, message };
    };
    this.past = [
      was(3.1, 2, 'CTL-001', 'CRITICAL', 'feeder-a', 'load is 6.4 kW over the limit'),
      was(9, 25, 'CTL-004', 'WARNING', 'feeder-b', '31 of 70 devices are not heard'),
      was(20, 4, 'CTL-002', 'WARNING', 'feeder-a', 'only live setpoints keep the limit: 2.1 kW missing'),
    ];
  }

  /** Looks again; returns what is new. */
  look(fleet: Fleet, now: number): MockAlarm[] {
    const seen = new Map(present(fleet, now).map((alarm) => [keyOf(alarm), alarm]));
    for (const [key, alarm] of this.standing) {
      if (seen.has(key)) continue;
      this.standing.delete(key);
      this.past.push({ ...alarm, toMs: now });
    }
    const fresh: MockAlarm[] = [];
    for (const [key, alarm] of seen) {
      const known = this.standing.get(key);
      if (!known) fresh.push(alarm);
      this.standing.set(key, { ...alarm, atMs: known?.atMs ?? now, toMs: null });
    }
    return fresh;
  }

  now(fleet: Fleet, feederId: string | null | undefined) {
    const ids = feederId ? fleet.subtree(feederId) : null;
    return [...this.standing.values()].filter((alarm) => !ids || (alarm.feederId !== null && ids.has(alarm.feederId))).map(alarmView);
  }

  history(fleet: Fleet, args: Span & Page & { feederId?: string | null }) {
    const ids = args.feederId ? fleet.subtree(args.feederId) : null;
    const all = [...this.past, ...this.standing.values()];
    const touches = ({ atMs, toMs }: Period) => atMs <= Date.parse(args.to) && (toMs ?? Number.POSITIVE_INFINITY) >= Date.parse(args.from);
    const hits = all.filter((each) => touches(each) && (!ids || (each.feederId !== null && ids.has(each.feederId))));
    hits.sort((a, b) => b.atMs - a.atMs);
    return connection(hits, args, (each) => ({ ...alarmView(each), from: iso(each.atMs), to: each.toMs === null ? null : iso(each.toMs) }));
  }
}

export function alarmView({ atMs, code, severity, feederId, deviceId, message }: MockAlarm) {
  return { __typename: 'Alarm', at: iso(atMs), code, severity, feederId, deviceId, message, runbook: `docs/runbook/${code}.md` };
}
