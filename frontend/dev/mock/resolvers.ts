//! The fields of the SDL that the dashboard asks, answered from the mock fleet.
import { GraphQLError } from 'graphql';
import type { DeviceSample, FeederSample, Fleet, MockDevice, MockEvent, MockFeeder } from './fleet';

export interface User {
  name: string;
  role: 'VIEWER' | 'OPERATOR' | 'ADMIN';
}

export interface Context {
  user: User | null;
}

interface Window {
  from: string;
  to: string;
  maxPoints: number;
}

const iso = (ms: number) => new Date(ms).toISOString();

function refuse(message: string, code: string): never {
  throw new GraphQLError(message, { extensions: { code } });
}

function need(context: Context, roles?: readonly User['role'][]): User {
  if (!context.user) return refuse('sign in first', 'UNAUTHENTICATED');
  if (roles && !roles.includes(context.user.role)) return refuse('your role may not do this', 'FORBIDDEN');
  return context.user;
}

function thin<Sample extends { atMs: number }>(samples: readonly Sample[], { from, to, maxPoints }: Window): Sample[] {
  const inside = samples.filter((sample) => sample.atMs >= Date.parse(from) && sample.atMs <= Date.parse(to));
  const every = Math.max(1, Math.ceil(inside.length / maxPoints));
  return inside.filter((_sample, index) => index % every === 0);
}

export function feederView(fleet: Fleet, feeder: MockFeeder) {
  const mine = fleet.devices.filter((device) => device.feederId === feeder.id);
  const limit = fleet.limitOf(feeder, Date.now());
  const controlled = feeder.loadKw - feeder.baseKw;
  const types = [...new Set(mine.map((device) => device.type))];
  return {
    __typename: 'Feeder',
    id: feeder.id,
    parentId: null,
    mode: 'AUTOMATIC',
    policy: 'water-fill',
    degraded: null,
    stopped: null,
    importLimitKw: feeder.importLimitKw,
    exportLimitKw: feeder.importLimitKw * 0.6,
    effectiveLimitKw: limit,
    loadKw: feeder.loadKw,
    controlledKw: controlled,
    uncontrolledKw: feeder.baseKw,
    reservedKw: feeder.reservedKw,
    headroomKw: Math.max(0, limit - feeder.loadKw - feeder.reservedKw),
    allocatedKw: controlled,
    waterLevel: 0.8,
    deviceCount: mine.length,
    freshCount: mine.filter((device) => device.freshness === 'FRESH').length,
    staleCount: mine.filter((device) => device.freshness === 'STALE').length,
    byType: types.map((type) => {
      const group = mine.filter((device) => device.type === type);
      return { type, count: group.length, powerKw: group.reduce((sum, device) => sum + device.powerKw, 0) };
    }),
    lastDecisionAt: iso(feeder.lastDecisionMs),
    history: (window: Window) => thin(feeder.history, window).map(feederPoint),
  };
}

function feederPoint(sample: FeederSample) {
  return { ...sample, at: iso(sample.atMs), headroomKw: sample.limitKw - sample.loadKw };
}

export function deviceView(fleet: Fleet, device: MockDevice) {
  const error = device.setpointKw === null || device.type === 'PV' ? null : device.powerKw - device.setpointKw;
  return {
    __typename: 'Device',
    ...device,
    lastSeen: iso(device.lastSeenMs),
    powerKw: device.freshness === 'MISSING' ? null : device.powerKw,
    trackingErrorKw: error,
    compliant: Math.abs(device.bias) < 0.8,
    telemetry: (window: Window) => thin(fleet.samples.get(device.id) ?? [], window).map(telemetryPoint),
  };
}

function telemetryPoint(sample: DeviceSample) {
  return { ...sample, at: iso(sample.atMs), minKw: null, maxKw: null };
}

interface DeviceArgs {
  feederId?: string;
  type?: string;
  origin?: string;
  freshness?: string;
  search?: string;
  first: number;
  after?: string;
}

function devices(fleet: Fleet, args: DeviceArgs) {
  const hits = fleet.devices.filter(
    (device) =>
      (!args.feederId || device.feederId === args.feederId) &&
      (!args.type || device.type === args.type) &&
      (!args.origin || device.origin === args.origin) &&
      (!args.freshness || device.freshness === args.freshness) &&
      (!args.search || device.id.includes(args.search)),
  );
  const start = args.after ? hits.findIndex((device) => device.id === args.after) + 1 : 0;
  const page = hits.slice(start, start + Math.min(args.first, 500));
  return {
    edges: page.map((device) => ({ cursor: device.id, node: deviceView(fleet, device) })),
    pageInfo: { hasNextPage: start + page.length < hits.length, endCursor: page.at(-1)?.id ?? null },
    totalCount: hits.length,
  };
}

interface EventInput {
  feederId: string;
  start: string;
  end: string;
  limitKw: number;
  type: string;
  rampSeconds: number;
}

export function rootValue(fleet: Fleet, startedMs: number) {
  const feeder = (id: string) => fleet.feeders.find((each) => each.id === id);
  const ok = { ok: true, since: iso(startedMs) };
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
    feeder: ({ id }: { id: string }) => {
      const found = feeder(id);
      return found ? feederView(fleet, found) : null;
    },
    devices: (args: DeviceArgs, context: Context) => {
      need(context);
      return devices(fleet, args);
    },
    device: ({ id }: { id: string }) => {
      const found = fleet.devices.find((device) => device.id === id);
      return found ? deviceView(fleet, found) : null;
    },
    trackingError: () =>
      fleet.devices
        .filter((device) => device.samples > 0)
        .map((device) => ({
          ...device,
          deviceId: device.id,
          meanErrorKw: device.errorSum / device.samples,
          meanAbsErrorKw: device.absErrorSum / device.samples,
        })),
    events: ({ includePast }: { includePast: boolean }) =>
      fleet.events.filter((event) => includePast || (!event.cancelled && Date.parse(event.end) > Date.now())),
    createEvent: ({ input }: { input: EventInput }, context: Context): MockEvent => {
      const user = need(context, ['OPERATOR', 'ADMIN']);
      if (!feeder(input.feederId)) refuse('no such feeder', 'NOT_FOUND');
      const event = { ...input, id: crypto.randomUUID(), cancelled: false, createdBy: user.name };
      fleet.events.push(event);
      return event;
    },
    cancelEvent: ({ id }: { id: string }, context: Context): MockEvent => {
      need(context, ['OPERATOR', 'ADMIN']);
      const event = fleet.events.find((each) => each.id === id);
      if (!event) return refuse('no such event', 'NOT_FOUND');
      event.cancelled = true;
      return event;
    },
  };
}
