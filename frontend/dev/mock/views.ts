//! Feeders and devices as the API shows them.
import { inside, iso } from './answers';
import type { Span } from './answers';
import { ownLimit } from './fleet';
import type { Fleet } from './fleet';
import type { DeviceSample, FeederSample, MockDevice, MockEvent, MockFeeder, MockProgram } from './things';

export const DEFAULT_POLICY = 'water-fill';

interface Window extends Span {
  maxPoints: number;
}

function thin<Sample extends { atMs: number }>(samples: readonly Sample[], window: Window): Sample[] {
  const kept = samples.filter((sample) => inside(sample.atMs, window));
  const every = Math.max(1, Math.ceil(kept.length / window.maxPoints));
  return kept.filter((_sample, index) => index % every === 0);
}

export function feederView(fleet: Fleet, feeder: MockFeeder): object {
  const ids = fleet.subtree(feeder.id);
  const mine = fleet.devices.filter((device) => ids.has(device.feederId));
  const limit = fleet.limitOf(feeder, Date.now());
  const types = [...new Set(mine.map((device) => device.type))];
  return {
    __typename: 'Feeder',
    id: feeder.id,
    parentId: feeder.parentId,
    children: () => fleet.childrenOf(feeder.id).map((child) => feederView(fleet, child)),
    mode: feeder.mode,
    policy: feeder.policy ?? DEFAULT_POLICY,
    policyIsDefault: feeder.policy === null,
    degraded: feeder.degraded,
    stopped: feeder.stopped,
    importLimitKw: ownLimit(feeder),
    importLimitIsDefault: feeder.importLimitKw === null,
    exportLimitKw: feeder.exportLimitKw,
    effectiveLimitKw: limit,
    loadKw: feeder.loadKw,
    controlledKw: feeder.controlledKw,
    uncontrolledKw: (feeder.loadKw - feeder.controlledKw) * 1.04,
    reservedKw: feeder.reservedKw,
    headroomKw: limit - feeder.loadKw,
    allocatedKw: feeder.allocatedKw,
    waterLevel: feeder.waterLevel,
    deviceCount: mine.length,
    freshCount: mine.filter((device) => device.freshness === 'FRESH').length,
    staleCount: mine.filter((device) => device.freshness !== 'FRESH').length,
    byType: types.map((type) => {
      const group = mine.filter((device) => device.type === type);
      return { type, count: group.length, powerKw: group.reduce((sum, device) => sum + device.powerKw, 0) };
    }),
    lastDecisionAt: iso(feeder.lastDecisionMs),
    history: (window: Window) => thin(feeder.history, window).map(feederPoint),
  };
}

function feederPoint({ atMs, loadKw, limitKw, curtailedKw, allocatedKw, reservedKw }: FeederSample) {
  return { at: iso(atMs), loadKw, limitKw, curtailedKw, allocatedKw, reservedKw, headroomKw: limitKw - loadKw };
}

export function deviceView(fleet: Fleet, device: MockDevice) {
  const error = device.setpointKw === null || device.type === 'PV' ? null : device.powerKw - device.setpointKw;
  const notices = device.bias <= -0.7 ? [{ deviceId: device.id, kind: 'SPEAKS_PERCENT', detail: 'soc was 43: taken as percent' }] : [];
  return {
    __typename: 'Device',
    ...device,
    overridden: device.override !== null,
    override: device.override && { powerKw: device.override.powerKw, until: iso(device.override.untilMs) },
    lastSeen: iso(device.lastSeenMs),
    powerKw: device.freshness === 'MISSING' ? null : device.powerKw,
    trackingErrorKw: error,
    compliant: Math.abs(device.bias) < 0.8,
    notices,
    telemetry: (window: Window) => thin(fleet.samples.get(device.id) ?? [], window).map(telemetryPoint),
  };
}

function telemetryPoint({ atMs, powerKw, setpointKw, soc }: DeviceSample) {
  return { at: iso(atMs), powerKw, setpointKw, soc, minKw: null, maxKw: null };
}

export function eventView(event: MockEvent) {
  return { __typename: 'Event', ...event };
}

export function programView(fleet: Fleet, program: MockProgram) {
  const now = Date.now();
  const started = Date.parse(program.start) <= now && program.active;
  const names = program.feederIds.length === 0 ? fleet.feeders.map((each) => each.id) : program.feederIds;
  const mine = fleet.feeders.filter((each) => names.includes(each.id));
  const available = mine.reduce((sum, each) => sum + ownLimit(each) - each.baseKw, 0);
  const at = Math.min(now, Date.parse(program.end));
  return {
    __typename: 'DrProgram',
    ...program,
    impact: started
      ? { at: iso(at), availableBeforeKw: available, availableAfterKw: available - program.targetShedKw, shedKw: Math.min(program.targetShedKw, available) }
      : null,
  };
}
