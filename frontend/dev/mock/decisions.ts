//! Decisions of the past, put together again from what the mock keeps: nothing is stored twice.
import { connection, inside, iso } from './answers';
import type { Page, Span } from './answers';
import type { Fleet } from './fleet';
import type { DeviceSample, FeederSample, MockDevice, MockFeeder } from './things';
import { DEFAULT_POLICY } from './views';

const WINDOW_MS = 5000;
/** Commands are told of for so long. */
const LEDGER_MAX = 200;

function rootOf(fleet: Fleet, feeder: MockFeeder): MockFeeder {
  const parent = feeder.parentId === null ? undefined : fleet.feeder(feeder.parentId);
  return parent ? rootOf(fleet, parent) : feeder;
}

function sampleAt(fleet: Fleet, device: MockDevice, atMs: number): DeviceSample | undefined {
  return fleet.samples.get(device.id)?.findLast((sample) => sample.atMs <= atMs);
}

function deviceOf(feeder: MockFeeder, device: MockDevice, sample: FeederSample, then: DeviceSample | undefined) {
  const setpointKw = then?.setpointKw ?? 0;
  const wantedKw = then?.wantedKw ?? 0;
  const held = (then?.reason === 'FAIR_SHARE' || then?.reason === 'ROTATION') && sample.binding !== 'NONE';
  return {
    deviceId: device.id,
    wantedKw,
    shareKw: setpointKw,
    setpointKw,
    weight: device.weight,
    deficitKwh: held ? Math.max(0, wantedKw - setpointKw) * 0.2 : 0,
    reason: then?.reason ?? device.reason,
    bindingConstraint: held ? (sample.binding === 'ANCESTOR' ? (feeder.parentId ?? feeder.id) : feeder.id) : '',
    marginal: held ? device.weight / 400 : 0,
    sampleAgeMs: device.freshness === 'MISSING' ? null : Math.max(0, sample.atMs - Math.min(device.lastSeenMs, sample.atMs)) + 400,
  };
}

export function decisionView(fleet: Fleet, feeder: MockFeeder, sample: FeederSample) {
  const ids = fleet.subtree(feeder.id);
  const { binding, limitKw, baseKw, reservedKw, loadKw, allocatedKw } = sample;
  return {
    __typename: 'Decision',
    id: `${feeder.id}@${sample.atMs}`,
    rootId: rootOf(fleet, feeder).id,
    feederId: feeder.id,
    parentId: feeder.parentId,
    tree: () => treeAt(fleet, feeder, sample.atMs),
    trigger: 'WINDOW',
    at: iso(sample.atMs),
    windowStart: iso(sample.atMs - WINDOW_MS),
    windowEnd: iso(sample.atMs),
    policy: feeder.policy ?? DEFAULT_POLICY,
    mode: feeder.mode,
    degraded: feeder.degraded,
    stopped: feeder.stopped,
    shadow: feeder.mode === 'SHADOW',
    limitKw,
    loadKw,
    uncontrolledKw: baseKw,
    reservedKw,
    headroomKw: limitKw - loadKw,
    allocatedKw,
    unmetKw: feeder.unmetKw,
    bindingConstraint: binding,
    rung: feeder.unmetKw > 0 ? 'ALARM' : binding === 'NONE' ? 'NORMAL' : 'TRIM',
    certified: true,
    latencyMs: 4 + (sample.atMs % 7),
    devices: (page: Page) => {
      const mine = fleet.devices.filter((device) => ids.has(device.feederId) && device.type !== 'METER');
      return connection(mine, page, (device) => deviceOf(feeder, device, sample, sampleAt(fleet, device, sample.atMs)));
    },
  };
}

/** The same decision about every feeder of the tree. */
function treeAt(fleet: Fleet, feeder: MockFeeder, atMs: number): object[] {
  const ids = fleet.subtree(rootOf(fleet, feeder).id);
  return fleet.feeders
    .filter(({ id }) => ids.has(id))
    .flatMap((each) => {
      const sample = each.history.findLast((other) => other.atMs <= atMs);
      return sample ? [decisionView(fleet, each, sample)] : [];
    });
}

export function decisions(fleet: Fleet, args: Partial<Span> & Page & { feederId: string }) {
  const feeder = fleet.feeder(args.feederId);
  const kept = (feeder?.history ?? []).filter((sample) => inside(sample.atMs, args)).reverse();
  return connection(kept, args, (sample) => feeder && decisionView(fleet, feeder, sample));
}

export function decision(fleet: Fleet, id: string) {
  const [feederId = '', at = ''] = id.split('@');
  const feeder = fleet.feeder(feederId);
  const sample = feeder?.history.find((each) => each.atMs === Number(at));
  return feeder && sample ? decisionView(fleet, feeder, sample) : null;
}

export function newestDecision(fleet: Fleet, feederId: string) {
  const feeder = fleet.feeder(feederId);
  const sample = feeder?.history.at(-1);
  return feeder && sample ? decisionView(fleet, feeder, sample) : null;
}

const SENTENCES: Record<string, string> = {
  SATISFIED: 'It gets what it wants.',
  FAIR_SHARE: 'It is held to its fair share.',
  ROTATION: 'Its share is below the least at which it runs: it waits for its turn.',
  TARGET_REACHED: 'It has reached its target charge.',
  STALE: 'It has not been heard for too long: it is told 0 kW until it is.',
  MISSING: 'It was never heard: nothing is sent, its power stays reserved.',
  OVERRIDE: 'An operator has set its power.',
  OPTED_OUT: 'It is opted out: it counts as load that nobody commands.',
  NOT_COMMANDED: 'Its feeder is not commanded at present.',
  NON_COMPLIANT: 'It does not follow its setpoints: it counts at what it really draws.',
};

export function explain(fleet: Fleet, { deviceId, at }: { deviceId: string; at?: string | null }) {
  const device = fleet.devices.find((each) => each.id === deviceId);
  const feeder = device && fleet.feeder(device.feederId);
  const atMs = at ? Date.parse(at) : Date.now();
  const sample = feeder?.history.findLast((each) => each.atMs <= atMs);
  const then = device && sampleAt(fleet, device, atMs);
  if (!device || !feeder || !sample || !then) return null;
  const row = deviceOf(feeder, device, sample, then);
  const binds = row.bindingConstraint !== '';
  const held = fleet.devices.filter((each) => each.feederId === feeder.id && each.reason === 'FAIR_SHARE').length;
  const limit = binds ? ` The limit of ${row.bindingConstraint} (${sample.limitKw.toFixed(1)} kW) binds and is shared with ${held} others.` : '';
  return {
    deviceId,
    at: iso(sample.atMs),
    sentence: `${deviceId} was told ${row.setpointKw.toFixed(2)} kW and wanted ${row.wantedKw.toFixed(2)} kW. ${SENTENCES[row.reason] ?? ''}${limit}`,
    decision: decisionView(fleet, feeder, sample),
    device: row,
    boundFeederId: binds ? row.bindingConstraint : null,
    boundLimitKw: binds ? sample.limitKw : null,
    sharedWith: binds ? held : 0,
  };
}

function ledgerOf(fleet: Fleet, device: MockDevice, span: Partial<Span>) {
  const samples = (fleet.samples.get(device.id) ?? []).filter((sample) => inside(sample.atMs, span));
  const changes = samples.filter((sample, index) => sample.setpointKw !== null && sample.setpointKw !== samples[index - 1]?.setpointKw);
  return changes.slice(-LEDGER_MAX).reverse().map((sample, index) => {
    const at = (ms: number) => iso(sample.atMs + ms);
    const newest = index === 0 && Date.now() - sample.atMs < 4000;
    const rejected = sample.reason === 'NON_COMPLIANT' && index % 4 === 1;
    const stage = newest ? 'ACKED' : rejected ? 'REJECTED' : index > 0 ? 'SUPERSEDED' : 'OBSERVED';
    return {
      id: `${device.id}#${sample.atMs}`,
      deviceId: device.id,
      feederId: device.feederId,
      decisionId: `${device.feederId}@${sample.atMs}`,
      setpointKw: sample.setpointKw,
      validUntil: at(20_000),
      stage,
      decidedAt: at(0),
      sentAt: at(12),
      ackedAt: at(70),
      appliedAt: newest || rejected ? null : at(240),
      observedAt: newest || rejected ? null : at(2100),
      reason: rejected ? 'power out of range' : null,
    };
  });
}

export function commands(fleet: Fleet, args: Partial<Span> & Page & { deviceId?: string | null; feederId?: string | null }) {
  const mine = fleet.devices.filter((each) => (args.deviceId ? each.id === args.deviceId : each.feederId === args.feederId)).slice(0, 50);
  const rows = mine.flatMap((device) => ledgerOf(fleet, device, args));
  rows.sort((a, b) => b.decidedAt.localeCompare(a.decidedAt));
  return connection(rows, args, (row) => row);
}
