//! The queries of the SDL, answered from the mock fleet; mutations are in writes.ts.
import { Alarms } from './alarms';
import { ADMINS, connection, iso, need, OPERATORS } from './answers';
import type { Context, Page, Span } from './answers';
import { commands, decision, decisions, explain } from './decisions';
import type { Fleet } from './fleet';
import { Audit, deadLetters, fairness, violations } from './past';
import { seed } from './seed';
import type { MockDevice } from './things';
import { deviceView, eventView, feederView, programView } from './views';
import { waiting } from './waiting';
import { POLICIES, simulationView, writes } from './writes';

interface DeviceArgs extends Page {
  feederId?: string | null;
  type?: string | null;
  origin?: string | null;
  freshness?: string | null;
  search?: string | null;
}

function devices(fleet: Fleet, args: DeviceArgs) {
  const ids = args.feederId ? fleet.subtree(args.feederId) : null;
  const isHit = (device: MockDevice) =>
    (!ids || ids.has(device.feederId)) &&
    (!args.type || device.type === args.type) &&
    (!args.origin || device.origin === args.origin) &&
    (!args.freshness || device.freshness === args.freshness) &&
    (!args.search || device.id.includes(args.search));
  return connection(fleet.devices.filter(isHit), args, (device) => deviceView(fleet, device));
}

/** The root of the mock API, and the alarms that its clock looks after. */
export function makeRoot(fleet: Fleet, started: number) {
  const alarms = new Alarms(started);
  const audit = new Audit(started);
  seed(fleet, started);
  alarms.look(fleet, started);
  return { alarms, root: { ...reads(fleet, started, alarms, audit), ...writes(fleet, audit), ...waiting(fleet, audit, started) } };
}

function reads(fleet: Fleet, started: number, alarms: Alarms, audit: Audit) {
  const ok = { ok: true, since: iso(started) };
  const feederOf = (id: string) => {
    const found = fleet.feeder(id);
    return found ? feederView(fleet, found) : null;
  };
  return {
    me: (_args: object, context: Context) => need(context),
    health: () => ({
      status: 'ok',
      version: '0.1.0-mock',
      log: { ...ok, detail: 'lag 0' },
      clickhouse: { ...ok, detail: 'last insert 1 s ago' },
      control: { ...ok, detail: 'last decision 2 s ago' },
      mqtt: { ...ok, detail: 'connected' },
    }),
    feeders: (_args: object, context: Context) => {
      need(context);
      return fleet.feeders.map((each) => feederView(fleet, each));
    },
    feeder: ({ id }: { id: string }) => feederOf(id),
    devices: (args: DeviceArgs, context: Context) => {
      need(context);
      return devices(fleet, args);
    },
    device: ({ id }: { id: string }) => {
      const found = fleet.devices.find((device) => device.id === id);
      return found ? deviceView(fleet, found) : null;
    },
    noticedDevices: (args: Page) => {
      const noticed = fleet.devices.map((device) => deviceView(fleet, device)).filter(({ notices }) => notices.length > 0);
      return connection(noticed, args, ({ id, notices }) => ({ id, notices }));
    },
    trackingError: ({ feederId }: { feederId?: string | null }) =>
      fleet.devices
        .filter((device) => device.samples > 0 && (!feederId || fleet.subtree(feederId).has(device.feederId)))
        .map((device) => ({
          ...device,
          deviceId: device.id,
          meanErrorKw: device.errorSum / device.samples,
          meanAbsErrorKw: device.absErrorSum / device.samples,
          lastSetpointKw: device.setpointKw,
          lastActualKw: device.powerKw,
        })),
    events: ({ feederId, includePast }: { feederId?: string | null; includePast: boolean }) =>
      fleet.events
        .filter((event) => (includePast || (!event.cancelled && Date.parse(event.end) > Date.now())) && (!feederId || event.feederId === feederId))
        .map(eventView),
    drPrograms: () => fleet.programs.map((each) => programView(fleet, each)),
    drProgram: ({ id }: { id: string }) => {
      const found = fleet.programs.find((each) => each.id === id);
      return found ? programView(fleet, found) : null;
    },
    decisions: (args: Parameters<typeof decisions>[1]) => decisions(fleet, args),
    decision: ({ id }: { id: string }) => decision(fleet, id),
    explain: (args: Parameters<typeof explain>[1]) => explain(fleet, args),
    commands: (args: Parameters<typeof commands>[1]) => commands(fleet, args),
    fairness: (args: Parameters<typeof fairness>[1]) => fairness(fleet, args),
    simulation: () => simulationView(fleet),
    alarms: ({ feederId }: { feederId?: string | null }) => alarms.now(fleet, feederId),
    alarmHistory: (args: Span & Page & { feederId?: string | null }) => alarms.history(fleet, args),
    violations: (args: Span & Page & { feederId?: string | null }) => violations(fleet, started, args),
    deadLetters: (span: Span, context: Context) => {
      need(context, OPERATORS);
      return deadLetters(started, span);
    },
    audit: (args: Parameters<Audit['list']>[0], context: Context) => {
      need(context, ADMINS);
      return audit.list(args);
    },
    policies: () => POLICIES,
    thresholds: () => ({ silenceSeconds: 18, nearLimitShare: 0.01, eventRampSecondsMax: 86_400, overrideSecondsMax: 604_800, programNameLengthMax: 128, priceShedShareMax: 0.8 }),
  };
}
