//! How the mock's fleet is made: the same on every start.
import type { DeviceType, MockDevice, MockFeeder } from './things';

/** Small, seeded and good enough. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

function feeder(now: number, id: string, parentId: string | null, importLimitKw: number | null, baseShare: number): MockFeeder {
  return {
    id,
    parentId,
    mode: 'AUTOMATIC',
    policy: null,
    importLimitKw,
    exportLimitKw: importLimitKw === null ? null : importLimitKw * 0.6,
    stopped: null,
    degraded: null,
    baseKw: (importLimitKw ?? 0) * baseShare,
    loadKw: 0,
    controlledKw: 0,
    reservedKw: 0,
    allocatedKw: 0,
    curtailedKw: 0,
    unmetKw: 0,
    waterLevel: null,
    lastDecisionMs: now,
    history: [],
  };
}

/**
 * A substation with two feeders, and a feeder of its own whose control is stopped. `extra` adds as many more in areas
 * of ten, for looks at a large tree.
 */
export function makeFeeders(now: number, scale: number, extra: number): MockFeeder[] {
  const made = [
    feeder(now, 'substation-1', null, 420 * scale, 0),
    feeder(now, 'feeder-a', 'substation-1', 240 * scale, 0.28),
    feeder(now, 'feeder-b', 'substation-1', 150 * scale, 0.28),
    feeder(now, 'feeder-c', null, 60 * scale, 0.2),
  ];
  const stopped = made.at(-1);
  if (stopped) stopped.stopped = '5 decisions in a row failed: the log did not take them';
  for (let index = 0; index < extra; index += 1) {
    const area = `area-${String(Math.floor(index / 10) + 1).padStart(2, '0')}`;
    if (index % 10 === 0) made.push(feeder(now, area, null, 900, 0));
    else made.push(feeder(now, `${area}-${index % 10}`, area, 70 + ((index * 37) % 60), 0.2 + ((index * 13) % 50) / 100));
  }
  return made;
}

/** Of nine devices five are on the first feeder, three on the second, one on the third; large trees share evenly. */
function homeOf(index: number, homes: readonly MockFeeder[]): string {
  const few = index % 9 < 5 ? 0 : index % 9 < 8 ? 1 : 2;
  const at = homes.length <= 3 || index < 100 ? few : index % homes.length;
  return homes[at]?.id ?? 'feeder-a';
}

export function makeDevice(index: number, now: number, random: () => number, homes: readonly MockFeeder[]): MockDevice {
  const physical = index < 3;
  const type = physical ? (['PV', 'BATTERY', 'EV'] as const)[index] : (['EV', 'PV', 'EV', 'BATTERY', 'EV'] as const)[index % 5];
  const kind: DeviceType = type ?? 'EV';
  const prefix = physical ? `pi-${kind.toLowerCase()}` : kind.toLowerCase();
  const rated = kind === 'EV' ? (random() < 0.3 ? 11 : 7.4) : kind === 'PV' ? 3 + Math.round(random() * 60) / 10 : 5;
  const stored = kind === 'BATTERY' || kind === 'EV';
  return {
    id: `${prefix}-${String(index + 1).padStart(3, '0')}`,
    type: kind,
    origin: physical ? 'PHYSICAL' : 'SIMULATED',
    feederId: homeOf(index, homes),
    siteId: physical ? 'lab' : null,
    ratedKw: rated,
    minPowerKw: kind === 'EV' ? 1.4 : null,
    priority: 1 + Math.floor(random() * 10),
    targetSoc: stored ? 0.8 : null,
    fallbackKw: kind === 'EV' ? 1.4 : 0,
    optedOut: index === 17,
    override: null,
    freshness: index === 40 ? 'OFFLINE' : index === 71 ? 'STALE' : index === 99 ? 'MISSING' : 'FRESH',
    lastSeenMs: now - (index === 40 ? 4_000_000 : index === 71 ? 45_000 : 500),
    powerKw: 0,
    setpointKw: index === 99 ? null : 0,
    wantedKw: 0,
    weight: 1,
    reason: 'SATISFIED',
    soc: stored ? 0.2 + random() * 0.5 : null,
    bias: index === 23 ? 0.9 : index === 56 ? -0.7 : (random() - 0.5) * 0.15,
    errorSum: 0,
    absErrorSum: 0,
    samples: 0,
  };
}
