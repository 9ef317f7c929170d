//! A living fleet for development and browser tests: two feeders, a controller that shares a limit, devices that
//! follow with lag and noise. Plausible, not correct: the real controller is elsewhere.

export type DeviceType = 'PV' | 'BATTERY' | 'EV' | 'METER';
export type Freshness = 'FRESH' | 'STALE' | 'MISSING' | 'OFFLINE';

export interface MockDevice {
  id: string;
  type: DeviceType;
  origin: 'PHYSICAL' | 'SIMULATED';
  feederId: string;
  siteId: string | null;
  ratedKw: number;
  minPowerKw: number | null;
  priority: number;
  targetSoc: number | null;
  optedOut: boolean;
  overridden: boolean;
  freshness: Freshness;
  lastSeenMs: number;
  powerKw: number;
  setpointKw: number | null;
  soc: number | null;
  bias: number;
  errorSum: number;
  absErrorSum: number;
  samples: number;
}

export interface MockEvent {
  id: string;
  feederId: string;
  start: string;
  end: string;
  limitKw: number;
  type: string;
  rampSeconds: number;
  cancelled: boolean;
  createdBy: string;
}

export interface FeederSample {
  atMs: number;
  loadKw: number;
  limitKw: number;
  curtailedKw: number;
}

export interface DeviceSample {
  atMs: number;
  powerKw: number;
  setpointKw: number | null;
  soc: number | null;
}

export interface MockFeeder {
  id: string;
  importLimitKw: number;
  baseKw: number;
  loadKw: number;
  reservedKw: number;
  lastDecisionMs: number;
  history: FeederSample[];
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HISTORY_STEP_MS = 60_000;
const HISTORY_MAX = 20_000;
const DEVICE_HISTORY_MAX = 2000;

/** Small, seeded and good enough: the same fleet on every start. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

export class Fleet {
  readonly devices: MockDevice[] = [];
  readonly feeders: MockFeeder[];
  readonly events: MockEvent[] = [];
  readonly samples = new Map<string, DeviceSample[]>();
  private readonly random = seeded(20261123);

  constructor(count: number, now: number) {
    this.feeders = ['feeder-a', 'feeder-b'].map((id, index) => ({
      id,
      importLimitKw: index === 0 ? 240 : 180,
      baseKw: 0,
      loadKw: 0,
      reservedKw: 0,
      lastDecisionMs: now,
      history: [],
    }));
    for (let index = 0; index < count; index += 1) this.devices.push(this.makeDevice(index, now));
    const scale = count / 200;
    for (const feeder of this.feeders) {
      feeder.importLimitKw *= scale;
      feeder.baseKw = feeder.importLimitKw * 0.28;
    }
    this.prehistory(now);
  }

  private makeDevice(index: number, now: number): MockDevice {
    const physical = index < 3;
    const type = physical ? (['PV', 'BATTERY', 'EV'] as const)[index] : (['EV', 'PV', 'EV', 'BATTERY', 'EV'] as const)[index % 5];
    const kind: DeviceType = type ?? 'EV';
    const prefix = physical ? `pi-${kind.toLowerCase()}` : kind.toLowerCase();
    const rated = kind === 'EV' ? (this.random() < 0.3 ? 11 : 7.4) : kind === 'PV' ? 3 + Math.round(this.random() * 60) / 10 : 5;
    const stored = kind === 'BATTERY' || kind === 'EV';
    return {
      id: `${prefix}-${String(index + 1).padStart(3, '0')}`,
      type: kind,
      origin: physical ? 'PHYSICAL' : 'SIMULATED',
      feederId: index % 9 < 5 ? 'feeder-a' : 'feeder-b',
      siteId: physical ? 'lab' : null,
      ratedKw: rated,
      minPowerKw: kind === 'EV' ? 1.4 : null,
      priority: 1 + Math.floor(this.random() * 10),
      targetSoc: stored ? 0.8 : null,
      optedOut: index === 17,
      overridden: false,
      freshness: index === 40 ? 'OFFLINE' : index === 71 ? 'STALE' : index === 99 ? 'MISSING' : 'FRESH',
      lastSeenMs: now - (index === 40 ? 4_000_000 : index === 71 ? 45_000 : 500),
      powerKw: 0,
      setpointKw: index === 99 ? null : 0,
      soc: stored ? 0.2 + this.random() * 0.5 : null,
      bias: index === 23 ? 0.9 : index === 56 ? -0.7 : (this.random() - 0.5) * 0.15,
      errorSum: 0,
      absErrorSum: 0,
      samples: 0,
    };
  }

  /** Yesterday in one-minute steps, so that every range has something to show. */
  private prehistory(now: number): void {
    for (const feeder of this.feeders) {
      for (let atMs = now - DAY_MS; atMs < now - HOUR_MS; atMs += HISTORY_STEP_MS) {
        const hours = (atMs / 3_600_000) % 24;
        const wave = 0.62 + 0.22 * Math.sin(((hours - 9) / 12) * Math.PI) + 0.08 * Math.sin(atMs / 1_500_000);
        const wasEvent = feeder.id === 'feeder-a' && Math.abs(now - atMs - 3 * 3_600_000) < 1_800_000;
        const limitKw = feeder.importLimitKw * (wasEvent ? 0.6 : 1);
        const loadKw = Math.min(limitKw * 0.985, feeder.importLimitKw * (wave + (this.random() - 0.5) * 0.03));
        feeder.history.push({ atMs, loadKw, limitKw, curtailedKw: 0 });
      }
    }
    for (let atMs = now - HOUR_MS; atMs < now; atMs += 10_000) this.step(atMs, 10);
  }

  limitOf(feeder: MockFeeder, now: number): number {
    const active = this.events.filter(
      (event) => event.feederId === feeder.id && !event.cancelled && Date.parse(event.start) <= now && now < Date.parse(event.end),
    );
    return Math.min(feeder.importLimitKw, ...active.map((event) => event.limitKw));
  }

  /** Decides and moves every device by `seconds`. */
  step(now: number, seconds: number): void {
    const sun = Math.max(0, 0.55 + 0.35 * Math.sin(now / 240_000));
    for (const feeder of this.feeders) {
      const mine = this.devices.filter((device) => device.feederId === feeder.id);
      this.decide(feeder, mine, now, sun);
      for (const device of mine) this.move(device, now, seconds, sun);
      feeder.loadKw = feeder.baseKw + mine.reduce((sum, device) => sum + device.powerKw, 0);
      feeder.lastDecisionMs = now;
      feeder.history.push({ atMs: now, loadKw: feeder.loadKw, limitKw: this.limitOf(feeder, now), curtailedKw: 0 });
      if (feeder.history.length > HISTORY_MAX) feeder.history.splice(0, 1000);
    }
  }

  private decide(feeder: MockFeeder, mine: MockDevice[], now: number, sun: number): void {
    const limit = this.limitOf(feeder, now);
    const pv = mine.filter((device) => device.type === 'PV').reduce((sum, device) => sum + device.ratedKw * sun, 0);
    const silent = mine.filter((device) => device.freshness !== 'FRESH');
    feeder.reservedKw = silent.reduce((sum, device) => sum + Math.max(0, device.powerKw, device.type === 'PV' ? 0 : 1), 0);
    const flexible = mine.filter((device) => device.type !== 'PV' && device.freshness === 'FRESH' && !device.optedOut);
    const wanted = flexible.map((device) => ({ device, kw: (device.soc ?? 0) < 0.9 ? device.ratedKw * (0.4 + device.priority / 16) : 0 }));
    const budget = Math.max(0, limit * 0.96 - feeder.baseKw - feeder.reservedKw + pv);
    const share = Math.min(1, budget / Math.max(1, wanted.reduce((sum, each) => sum + each.kw, 0)));
    for (const { device, kw } of wanted) device.setpointKw = Math.round(kw * share * 100) / 100;
  }

  private move(device: MockDevice, now: number, seconds: number, sun: number): void {
    if (device.freshness === 'OFFLINE' || device.freshness === 'MISSING') return;
    const noise = (this.random() - 0.5) * 0.06;
    if (device.type === 'PV') {
      device.setpointKw = -device.ratedKw;
      device.powerKw = -device.ratedKw * sun + noise;
    } else {
      const target = (device.setpointKw ?? 0) * (1 + device.bias * 0.1) + device.bias * 0.2;
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
    list.push({ atMs: now, powerKw: device.powerKw, setpointKw: device.setpointKw, soc: device.soc });
    if (list.length > DEVICE_HISTORY_MAX) list.splice(0, 200);
    this.samples.set(device.id, list);
  }
}
