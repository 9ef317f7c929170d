//! A living fleet for development and browser tests: a tree of feeders, a controller that shares their limits, devices
//! that follow with lag and noise. Plausible, not correct: the real controller is elsewhere.
import { makeDevice, makeFeeders, seeded } from './making';
import type {
  DeviceSample,
  FeederSample,
  MockDevice,
  MockEvent,
  MockFeeder,
  MockProgram,
  SimulationMode,
} from './things';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HISTORY_STEP_MS = 60_000;
const HISTORY_MAX = 20_000;
const DEVICE_HISTORY_MAX = 2000;
/** What of a limit the mock gives away: the rest is its margin. */
const FILL = 0.96;
export const DEFAULT_LIMIT_KW = 100;

export class Fleet {
  readonly devices: MockDevice[] = [];
  readonly feeders: MockFeeder[];
  readonly events: MockEvent[] = [];
  readonly programs: MockProgram[] = [];
  readonly samples = new Map<string, DeviceSample[]>();
  simulation: { mode: SimulationMode; updatedMs: number | null } = { mode: 'AUTO', updatedMs: null };
  private readonly random = seeded(20261123);

  constructor(count: number, now: number, extraFeeders = 0) {
    this.feeders = makeFeeders(now, count / 200, extraFeeders);
    const homes = this.feeders.filter((feeder) => !this.feeders.some((each) => each.parentId === feeder.id));
    for (let index = 0; index < count; index += 1) this.devices.push(makeDevice(index, now, this.random, homes));
    this.prehistory(now);
  }

  feeder(id: string): MockFeeder | undefined {
    return this.feeders.find((each) => each.id === id);
  }

  childrenOf(id: string): MockFeeder[] {
    return this.feeders.filter((each) => each.parentId === id);
  }

  /** A feeder and all below it. */
  subtree(id: string): Set<string> {
    const ids = new Set([id]);
    for (const child of this.childrenOf(id)) for (const each of this.subtree(child.id)) ids.add(each);
    return ids;
  }

  /** Yesterday in one-minute steps, so that every range has something to show. */
  private prehistory(now: number): void {
    for (const feeder of this.feeders) {
      for (let atMs = now - DAY_MS; atMs < now - HOUR_MS; atMs += HISTORY_STEP_MS) {
        const own = ownLimit(feeder);
        const hours = (atMs / 3_600_000) % 24;
        const wave = 0.62 + 0.22 * Math.sin(((hours - 9) / 12) * Math.PI) + 0.08 * Math.sin(atMs / 1_500_000);
        const wasEvent = feeder.id === 'feeder-a' && Math.abs(now - atMs - 3 * 3_600_000) < 1_800_000;
        const limitKw = own * (wasEvent ? 0.6 : 1);
        const wantedKw = own * (wave + (this.random() - 0.5) * 0.03);
        const loadKw = Math.min(limitKw * 0.985, wantedKw);
        const parts = { baseKw: feeder.baseKw, reservedKw: 0, allocatedKw: loadKw - feeder.baseKw, waterLevel: null };
        feeder.history.push({ atMs, loadKw, limitKw, curtailedKw: wantedKw - loadKw, binding: wasEvent ? 'EVENT' : 'NONE', ...parts });
      }
    }
    for (let atMs = now - HOUR_MS; atMs < now; atMs += 10_000) this.step(atMs, 10);
  }

  limitOf(feeder: MockFeeder, now: number): number {
    const { limitKw } = this.bindingOf(feeder, now);
    return limitKw;
  }

  /** The strictest of the own limit, events, programs and what is left of the limits above. */
  bindingOf(feeder: MockFeeder, now: number): { limitKw: number; binding: string } {
    const own = ownLimit(feeder);
    const candidates = [{ limitKw: own, binding: 'IMPORT_LIMIT' }];
    for (const event of this.events) {
      if (event.feederId === feeder.id && isOn(event, now)) candidates.push({ limitKw: event.limitKw, binding: 'EVENT' });
    }
    for (const program of this.programs) {
      const names = program.feederIds.length === 0 ? this.feeders.filter((each) => !each.parentId).map((each) => each.id) : program.feederIds;
      if (!program.active || !isOn({ ...program, cancelled: false }, now) || !names.includes(feeder.id)) continue;
      candidates.push({ limitKw: Math.max(0, own - program.targetShedKw / names.length), binding: 'PROGRAM' });
    }
    const parent = feeder.parentId === null ? undefined : this.feeder(feeder.parentId);
    if (parent) {
      const siblings = this.childrenOf(parent.id).reduce((sum, each) => sum + ownLimit(each), 0);
      candidates.push({ limitKw: (this.limitOf(parent, now) * own) / Math.max(1, siblings), binding: 'ANCESTOR' });
    }
    return candidates.reduce((least, each) => (each.limitKw < least.limitKw - 1e-9 ? each : least));
  }

  /** Decides and moves every device by `seconds`. */
  step(now: number, seconds: number): void {
    const sun = this.simulation.mode === 'NIGHT' ? 0 : this.simulation.mode === 'DAY' ? 0.85 : Math.max(0, 0.55 + 0.35 * Math.sin(now / 240_000));
    const byFeeder = new Map<string, MockDevice[]>();
    for (const device of this.devices) grouped(byFeeder, device.feederId).push(device);
    for (const root of this.feeders.filter((each) => each.parentId === null)) this.stepTree(root, byFeeder, now, seconds, sun);
  }

  private stepTree(feeder: MockFeeder, byFeeder: Map<string, MockDevice[]>, now: number, seconds: number, sun: number): void {
    const mine = byFeeder.get(feeder.id) ?? [];
    const children = this.childrenOf(feeder.id);
    for (const child of children) this.stepTree(child, byFeeder, now, seconds, sun);
    this.decide(feeder, mine, now, sun);
    for (const device of mine) this.move(device, now, seconds, sun);
    const sum = (pick: (each: MockFeeder) => number) => children.reduce((total, each) => total + pick(each), 0);
    const commanded = mine.filter((device) => !device.optedOut).reduce((total, device) => total + device.powerKw, 0);
    feeder.controlledKw = commanded + sum((each) => each.controlledKw);
    const optedOut = mine.filter((device) => device.optedOut).reduce((total, device) => total + device.powerKw, 0);
    feeder.loadKw = feeder.baseKw + commanded + optedOut + sum((each) => each.loadKw);
    feeder.reservedKw += sum((each) => each.reservedKw);
    feeder.allocatedKw += sum((each) => each.allocatedKw);
    feeder.curtailedKw += sum((each) => each.curtailedKw);
    if (feeder.mode === 'DISABLED') return;
    feeder.lastDecisionMs = now;
    const { limitKw, binding } = this.bindingOf(feeder, now);
    const { loadKw, curtailedKw, reservedKw, allocatedKw, waterLevel } = feeder;
    const kept = { atMs: now, loadKw, limitKw, curtailedKw, baseKw: loadKw - feeder.controlledKw, reservedKw, allocatedKw, waterLevel };
    feeder.history.push({ ...kept, binding: curtailedKw > 0.05 ? binding : 'NONE' } satisfies FeederSample);
    if (feeder.history.length > HISTORY_MAX) feeder.history.splice(0, 1000);
  }

  private decide(feeder: MockFeeder, mine: MockDevice[], now: number, sun: number): void {
    const limit = this.limitOf(feeder, now);
    const pv = mine.filter((device) => device.type === 'PV').reduce((sum, device) => sum + device.ratedKw * sun, 0);
    const silent = mine.filter((device) => device.freshness !== 'FRESH');
    feeder.reservedKw = silent.reduce((sum, device) => sum + Math.max(0, device.powerKw, device.type === 'PV' ? 0 : 1), 0);
    for (const device of mine) {
      if (device.override && device.override.untilMs <= now) device.override = null;
      const isFull = (device.soc ?? 0) >= (device.targetSoc ?? 0.9) + 0.1;
      device.weight = device.priority * (1 + Math.max(0, (device.targetSoc ?? 0.5) - (device.soc ?? 0.5)));
      device.wantedKw = device.type === 'PV' ? -device.ratedKw * sun : isFull ? 0 : device.ratedKw * (0.4 + device.priority / 16);
      device.reason = isFull && device.type !== 'PV' ? 'TARGET_REACHED' : 'SATISFIED';
    }
    const flexible = mine.filter((device) => device.type !== 'PV' && device.freshness === 'FRESH' && !device.optedOut && !device.override);
    const fixed = mine.filter((device) => device.override !== null || device.optedOut).reduce((sum, device) => sum + (device.override?.powerKw ?? device.wantedKw), 0);
    const budget = Math.max(0, limit * FILL - feeder.baseKw - feeder.reservedKw - fixed + pv);
    const wanted = flexible.reduce((sum, device) => sum + device.wantedKw, 0);
    const share = Math.min(1, budget / Math.max(0.001, wanted));
    for (const device of flexible) command(device, device.wantedKw * share, share < 1 ? 'FAIR_SHARE' : device.reason);
    for (const device of mine) settle(device, feeder, sun);
    feeder.allocatedKw = mine.reduce((sum, device) => sum + (device.type === 'PV' ? device.wantedKw : (device.setpointKw ?? 0)), 0);
    feeder.curtailedKw = flexible.reduce((sum, device) => sum + Math.max(0, device.wantedKw - (device.setpointKw ?? device.wantedKw)), 0);
    feeder.waterLevel = share < 1 && flexible.length > 0 ? budget / flexible.reduce((sum, device) => sum + device.weight, 0) : null;
    feeder.unmetKw = Math.max(0, feeder.baseKw + feeder.reservedKw + fixed - pv - limit);
  }

  private move(device: MockDevice, now: number, seconds: number, sun: number): void {
    if (device.freshness === 'OFFLINE' || device.freshness === 'MISSING') return;
    const noise = (this.random() - 0.5) * 0.06;
    if (device.type === 'PV') {
      device.powerKw = -device.ratedKw * sun + noise;
    } else {
      const target = (device.setpointKw ?? device.wantedKw) * (1 + device.bias * 0.1) + device.bias * 0.2;
      device.powerKw += (target - device.powerKw) * Math.min(1, seconds / 6) + noise;
    }
    if (device.soc !== null) device.soc = device.soc > 0.92 ? 0.25 : device.soc + (device.powerKw * seconds) / 3600 / 60;
    if (device.freshness === 'FRESH') device.lastSeenMs = now;
    const error = device.powerKw - (device.setpointKw ?? device.powerKw);
    if (device.type !== 'PV') {
      device.errorSum += error;
      device.absErrorSum += Math.abs(error);
      device.samples += 1;
    }
    const list = this.samples.get(device.id) ?? [];
    const { powerKw, setpointKw, soc, wantedKw, reason } = device;
    list.push({ atMs: now, powerKw, setpointKw, soc, wantedKw, reason });
    if (list.length > DEVICE_HISTORY_MAX) list.splice(0, 200);
    this.samples.set(device.id, list);
  }
}

function grouped<Item>(groups: Map<string, Item[]>, key: string): Item[] {
  const group = groups.get(key) ?? [];
  groups.set(key, group);
  return group;
}

export function ownLimit(feeder: MockFeeder): number {
  return feeder.importLimitKw ?? DEFAULT_LIMIT_KW;
}

export function isOn({ start, end, cancelled }: Pick<MockEvent, 'start' | 'end' | 'cancelled'>, now: number): boolean {
  return !cancelled && Date.parse(start) <= now && now < Date.parse(end);
}

/** A charger that cannot run at so little waits for its turn. */
function command(device: MockDevice, kw: number, reason: string): void {
  const waits = device.minPowerKw !== null && kw < device.minPowerKw;
  device.setpointKw = waits ? 0 : Math.round(kw * 100) / 100;
  device.reason = waits && device.wantedKw > 0 ? 'ROTATION' : reason;
}

/** What stands above the shares: overrides, opted-out devices, silence, the feeder's mode. */
function settle(device: MockDevice, feeder: MockFeeder, sun: number): void {
  if (device.type === 'PV') device.setpointKw = -device.ratedKw;
  if (device.freshness === 'MISSING') [device.setpointKw, device.reason] = [null, 'MISSING'];
  else if (device.freshness !== 'FRESH') [device.setpointKw, device.reason] = [0, 'STALE'];
  if (device.override) [device.setpointKw, device.reason] = [device.override.powerKw, 'OVERRIDE'];
  if (device.optedOut) [device.setpointKw, device.reason] = [null, 'OPTED_OUT'];
  if (feeder.stopped !== null) [device.setpointKw, device.reason] = [device.type === 'PV' ? -device.ratedKw * sun : device.fallbackKw, 'NOT_COMMANDED'];
  if (feeder.mode === 'DISABLED' || feeder.mode === 'MANUAL') {
    if (!device.override) [device.setpointKw, device.reason] = [null, 'NOT_COMMANDED'];
  }
  if (device.bias >= 0.8) device.reason = 'NON_COMPLIANT';
}
