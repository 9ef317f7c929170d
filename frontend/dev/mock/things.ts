//! What the mock's world consists of.

export type DeviceType = 'PV' | 'BATTERY' | 'EV' | 'METER';
export type Freshness = 'FRESH' | 'STALE' | 'MISSING' | 'OFFLINE';
export type FeederMode = 'AUTOMATIC' | 'MANUAL' | 'SHADOW' | 'DISABLED';
export type SimulationMode = 'DAY' | 'NIGHT' | 'AUTO';

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
  fallbackKw: number;
  optedOut: boolean;
  override: { powerKw: number; untilMs: number } | null;
  freshness: Freshness;
  lastSeenMs: number;
  powerKw: number;
  setpointKw: number | null;
  wantedKw: number;
  weight: number;
  reason: string;
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
  cancelledAt: string | null;
  createdBy: string;
}

export interface MockProgram {
  id: string;
  name: string;
  mode: 'FIXED_CAP' | 'PRICE_ELASTIC';
  feederIds: string[];
  start: string;
  end: string;
  targetShedKw: number;
  incentivePerKwh: number;
  penaltyPerKwh: number;
  active: boolean;
}

export interface FeederSample {
  atMs: number;
  loadKw: number;
  limitKw: number;
  curtailedKw: number;
  baseKw: number;
  reservedKw: number;
  allocatedKw: number;
  waterLevel: number | null;
  binding: string;
}

export interface DeviceSample {
  atMs: number;
  powerKw: number;
  setpointKw: number | null;
  soc: number | null;
  wantedKw: number;
  reason: string;
}

export interface MockFeeder {
  id: string;
  parentId: string | null;
  mode: FeederMode;
  /** null: the default policy. */
  policy: string | null;
  /** null: the default limit. */
  importLimitKw: number | null;
  exportLimitKw: number | null;
  stopped: string | null;
  degraded: string | null;
  baseKw: number;
  loadKw: number;
  controlledKw: number;
  reservedKw: number;
  allocatedKw: number;
  curtailedKw: number;
  unmetKw: number;
  waterLevel: number | null;
  lastDecisionMs: number;
  history: FeederSample[];
}
