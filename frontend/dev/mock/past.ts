//! What the mock says about a span of the past: who gave how much, excursions, refused messages, who did what.
import { randomUUID } from 'node:crypto';
import { connection, inside, iso } from './answers';
import type { Page, Span } from './answers';
import type { Fleet } from './fleet';

const HOUR_MS = 3_600_000;

/** As if all the span had been like what is kept of it. */
export function fairness(fleet: Fleet, { feederId, from, to }: Span & { feederId: string }) {
  const hours = Math.max(0, Math.min(Date.now(), Date.parse(to)) - Date.parse(from)) / HOUR_MS;
  const ids = fleet.subtree(feederId);
  const mine = fleet.devices.filter((device) => ids.has(device.feederId) && device.type !== 'PV' && device.type !== 'METER');
  const perDevice = mine.map((device) => {
    const samples = (fleet.samples.get(device.id) ?? []).filter((sample) => inside(sample.atMs, { from, to }));
    const mean = (pick: (sample: (typeof samples)[number]) => number) => samples.reduce((sum, each) => sum + pick(each), 0) / Math.max(1, samples.length);
    const wantedKwh = mean((each) => Math.max(0, each.wantedKw)) * hours;
    const curtailedKwh = mean((each) => Math.max(0, each.wantedKw - (each.setpointKw ?? each.wantedKw))) * hours;
    return { deviceId: device.id, wantedKwh, servedKwh: wantedKwh - curtailedKwh, curtailedKwh };
  });
  const ratios = perDevice.filter((each) => each.wantedKwh > 0).map((each) => each.servedKwh / each.wantedKwh).sort((a, b) => a - b);
  const sum = ratios.reduce((total, each) => total + each, 0);
  const squares = ratios.reduce((total, each) => total + each * each, 0);
  const worst = ratios.slice(0, Math.max(1, Math.floor(ratios.length / 10)));
  return {
    feederId,
    jain: ratios.length === 0 ? 1 : (sum * sum) / (ratios.length * squares || 1),
    worstDecileShare: worst.reduce((total, each) => total + each, 0) / Math.max(1, worst.length),
    perDevice,
  };
}

const EXCURSIONS = [
  { feederId: 'feeder-a', hoursAgo: 3.1, seconds: 42, worstKw: 6.4, cause: 'UNCONTROLLED_LOAD' },
  { feederId: 'feeder-b', hoursAgo: 7.5, seconds: 11, worstKw: 1.9, cause: 'DEVICE_NOT_FOLLOWING' },
  { feederId: 'feeder-a', hoursAgo: 20, seconds: 95, worstKw: 3.2, cause: 'LIMIT_LOWERED' },
];

export function violations(fleet: Fleet, started: number, args: Span & Page & { feederId?: string | null }) {
  const ids = args.feederId ? fleet.subtree(args.feederId) : null;
  const all = EXCURSIONS.map(({ feederId, hoursAgo, seconds, worstKw, cause }) => {
    const fromMs = started - hoursAgo * HOUR_MS;
    return { feederId, fromMs, from: iso(fromMs), to: iso(fromMs + seconds * 1000), worstKw, kwh: (worstKw * 0.6 * seconds) / 3600, cause };
  });
  const hits = all.filter((each) => inside(each.fromMs, args) && (!ids || ids.has(each.feederId)));
  return connection(hits, args, (each) => each);
}

export function deadLetters(started: number, span: Span) {
  const all = [
    { reason: 'not_json', count: 14, ago: 0.4, detail: 'the payload is no JSON object', sample: '{"deviceId":"ev-201","powerKw":', deviceId: null },
    { reason: 'device_mismatch', count: 3, ago: 2, detail: 'the device of the topic is not the one of the payload', sample: '{"deviceId":"ev-009","powerKw":3.1}', deviceId: 'ev-008' },
    { reason: 'unsupported_version', count: 220, ago: 0.01, detail: 'v is 3; 1 is understood', sample: '{"v":3,"deviceId":"pi-ev-900"}', deviceId: 'pi-ev-900' },
  ];
  return all
    .map(({ ago, ...each }) => ({ ...each, lastMs: started - ago * HOUR_MS }))
    .filter(({ lastMs }) => inside(lastMs, span))
    .map(({ lastMs, ...each }) => ({ ...each, lastAt: iso(lastMs) }));
}

interface Entry {
  id: string;
  atMs: number;
  actor: string;
  source: string | null;
  kind: string;
  entity: string;
  before: string | null;
  after: string;
}

export class Audit {
  private readonly entries: Entry[] = [];

  constructor(now: number) {
    for (let hour = 150; hour > 30; hour -= 2) {
      const limit = 200 + (hour % 7) * 5;
      this.note(hour % 3 === 0 ? 'admin' : 'operator', 'FeederChange', hour % 4 === 0 ? 'feeder-b' : 'feeder-a', { importLimitKw: limit, policy: 'water-fill' }, { importLimitKw: limit + 5, policy: 'water-fill' }, now - hour * HOUR_MS);
    }
    this.note('operator', 'FEEDER', 'feeder-a', { importLimitKw: 220 }, { importLimitKw: 240 }, now - 26 * HOUR_MS);
    this.note('operator', 'EVENT', 'feeder-a', null, { limitKw: 144, type: 'dr' }, now - 4 * HOUR_MS);
    this.note('admin', 'DEVICE', 'ev-018', { optedOut: false }, { optedOut: true }, now - 2 * HOUR_MS);
  }

  note(actor: string, kind: string, entity: string, before: object | null, after: object, atMs = Date.now()): void {
    const text = (value: object | null) => (value === null ? null : JSON.stringify(value));
    this.entries.push({ id: randomUUID(), atMs, actor, source: '127.0.0.1', kind, entity, before: text(before), after: text(after) ?? '' });
  }

  list(args: Partial<Span> & Page & { actor?: string | null; entity?: string | null }) {
    const hits = this.entries.filter(
      (each) => inside(each.atMs, args) && (!args.actor || each.actor === args.actor) && (!args.entity || each.entity === args.entity),
    );
    return connection([...hits].reverse(), args, ({ atMs, ...each }) => ({ ...each, at: iso(atMs) }));
  }
}
