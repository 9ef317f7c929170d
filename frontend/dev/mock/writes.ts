//! The mutations of the mock: they check as the API does, change the fleet, and leave a trace.
import { randomUUID } from 'node:crypto';
import { ADMINS, iso, need, OPERATORS, refuse, refuseField } from './answers';
import type { Context } from './answers';
import type { Fleet } from './fleet';
import type { Audit } from './past';
import type { FeederMode, MockDevice, MockEvent, MockFeeder, MockProgram, SimulationMode } from './things';
import { deviceView, eventView, feederView, programView } from './views';

export const POLICIES = ['water-fill', 'optimizer', 'pro-rata', 'equal-share', 'lifo', 'deficit'];
const LONGEST_OVERRIDE_S = 86_400;

type EventInput = Pick<MockEvent, 'feederId' | 'start' | 'end' | 'limitKw' | 'type' | 'rampSeconds'>;
type ProgramInput = Omit<MockProgram, 'id'>;
/** Absent stays, null is taken back. */
type Patch<Item> = { [Key in keyof Item]?: Item[Key] | null };

interface FeederInput {
  id: string;
  parentId?: string | null;
  importLimitKw?: number | null;
  exportLimitKw?: number | null;
  mode?: FeederMode | null;
  policy?: string | null;
}

interface DeviceInput {
  id: string;
  feederId?: string | null;
  priority?: number | null;
  targetSoc?: number | null;
  fallbackKw?: number | null;
  optedOut?: boolean | null;
}

function present<Item extends object>(patch: Patch<Item>): Partial<Item> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null && value !== undefined)) as Partial<Item>;
}

function checkSpan(start: string, end: string): void {
  if (Date.parse(end) <= Date.parse(start)) refuseField('end', `must be after the start ${start}; you gave ${end}`);
}

function checkLimit(field: string, value: number | null | undefined): void {
  if (value !== null && value !== undefined && value < 0) refuseField(field, `must be at least 0; you gave ${value}`);
}

export function writes(fleet: Fleet, audit: Audit) {
  const feeder = (id: string): MockFeeder => fleet.feeder(id) ?? refuse(`there is no feeder ${id}`, 'NOT_FOUND');
  const device = (id: string): MockDevice => fleet.devices.find((each) => each.id === id) ?? refuse(`there is no device ${id}`, 'NOT_FOUND');
  const event = (id: string): MockEvent => fleet.events.find((each) => each.id === id) ?? refuse('no such event', 'NOT_FOUND');
  const program = (id: string): MockProgram => fleet.programs.find((each) => each.id === id) ?? refuse('no such program', 'NOT_FOUND');

  const checkFeeder = (input: FeederInput) => {
    checkLimit('importLimitKw', input.importLimitKw);
    checkLimit('exportLimitKw', input.exportLimitKw);
    if (input.policy && !POLICIES.includes(input.policy)) refuseField('policy', `must be one of ${POLICIES.join(', ')}; you gave ${input.policy}`);
    if (input.parentId && fleet.subtree(input.id).has(input.parentId)) refuseField('parentId', `${input.parentId} is ${input.id} or below it`);
    if (input.parentId) feeder(input.parentId);
  };

  return {
    createEvent: ({ input }: { input: EventInput }, context: Context) => {
      const user = need(context, OPERATORS);
      feeder(input.feederId);
      checkSpan(input.start, input.end);
      checkLimit('limitKw', input.limitKw);
      const { feederId, start, end, limitKw, type, rampSeconds } = input;
      const made: MockEvent = { feederId, start, end, limitKw, type, rampSeconds, id: randomUUID(), cancelled: false, cancelledAt: null, createdBy: user.name };
      fleet.events.push(made);
      audit.note(user.name, 'EVENT', made.id, null, made);
      return eventView(made);
    },
    updateEvent: ({ id, input }: { id: string; input: Patch<Omit<EventInput, 'feederId'>> }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = event(id);
      const next = { ...found, ...present<Omit<EventInput, 'feederId'>>(input) };
      if (found.cancelled) refuse('the event is cancelled', 'BAD_USER_INPUT');
      checkSpan(next.start, next.end);
      checkLimit('limitKw', next.limitKw);
      audit.note(user.name, 'EVENT', id, found, next);
      return eventView(Object.assign(found, next));
    },
    cancelEvent: ({ id }: { id: string }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = event(id);
      audit.note(user.name, 'EVENT', id, { cancelled: found.cancelled }, { cancelled: true });
      return eventView(Object.assign(found, { cancelled: true, cancelledAt: iso(Date.now()) }));
    },
    createDrProgram: ({ input }: { input: ProgramInput }, context: Context) => {
      const user = need(context, OPERATORS);
      checkSpan(input.start, input.end);
      if (input.name.trim() === '') refuseField('name', 'must not be empty');
      const { name, mode, start, end, targetShedKw, incentivePerKwh, penaltyPerKwh, active } = input;
      const made: MockProgram = { id: randomUUID(), name, mode, feederIds: [...input.feederIds], start, end, targetShedKw, incentivePerKwh, penaltyPerKwh, active };
      fleet.programs.push(made);
      audit.note(user.name, 'PROGRAM', made.id, null, made);
      return programView(fleet, made);
    },
    updateDrProgram: ({ id, input }: { id: string; input: Patch<ProgramInput> }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = program(id);
      const next = { ...found, ...present<ProgramInput>(input) };
      checkSpan(next.start, next.end);
      if (next.targetShedKw < 0) refuseField('targetShedKw', `must be at least 0; you gave ${next.targetShedKw}`);
      audit.note(user.name, 'PROGRAM', id, found, next);
      return programView(fleet, Object.assign(found, next));
    },
    setDrProgramActive: ({ id, active }: { id: string; active: boolean }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = program(id);
      audit.note(user.name, 'PROGRAM', id, { active: found.active }, { active });
      return programView(fleet, Object.assign(found, { active }));
    },
    deleteDrProgram: ({ id }: { id: string }, context: Context) => {
      const user = need(context, ADMINS);
      fleet.programs.splice(fleet.programs.indexOf(program(id)), 1);
      audit.note(user.name, 'PROGRAM', id, null, { deleted: true });
      return id;
    },
    setFeeder: ({ input }: { input: FeederInput }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = feeder(input.id);
      checkFeeder(input);
      const { importLimitKw, exportLimitKw, mode, policy, parentId } = found;
      if (input.importLimitKw !== undefined) found.importLimitKw = input.importLimitKw;
      if (input.exportLimitKw !== undefined) found.exportLimitKw = input.exportLimitKw;
      if (input.policy !== undefined) found.policy = input.policy;
      if (input.parentId !== undefined) found.parentId = input.parentId;
      if (input.mode !== undefined) found.mode = input.mode ?? 'AUTOMATIC';
      audit.note(user.name, 'FEEDER', input.id, { importLimitKw, exportLimitKw, mode, policy, parentId }, input);
      fleet.step(Date.now(), 0.1);
      return feederView(fleet, found);
    },
    removeFeeder: ({ id }: { id: string }, context: Context) => {
      const user = need(context, ADMINS);
      const found = feeder(id);
      if (fleet.childrenOf(id).length > 0 || fleet.devices.some((each) => each.feederId === id)) refuse(`feeder ${id} is not empty`, 'BAD_USER_INPUT');
      fleet.feeders.splice(fleet.feeders.indexOf(found), 1);
      audit.note(user.name, 'FEEDER', id, null, { removed: true });
      return id;
    },
    setDevice: ({ input }: { input: DeviceInput }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = device(input.id);
      if (input.priority !== undefined && input.priority !== null && (input.priority < 1 || input.priority > 10)) {
        refuseField('priority', `must be 1 to 10; you gave ${input.priority}`);
      }
      if (input.targetSoc !== undefined && input.targetSoc !== null && (input.targetSoc < 0 || input.targetSoc > 1)) {
        refuseField('targetSoc', `must be 0 to 1; you gave ${input.targetSoc}`);
      }
      if (input.feederId) feeder(input.feederId);
      const { feederId, priority, targetSoc, fallbackKw, optedOut } = found;
      if (input.feederId) found.feederId = input.feederId;
      if (input.priority !== undefined) found.priority = input.priority ?? 5;
      if (input.targetSoc !== undefined) found.targetSoc = input.targetSoc;
      if (input.fallbackKw !== undefined) found.fallbackKw = input.fallbackKw ?? 0;
      if (input.optedOut !== undefined) found.optedOut = input.optedOut ?? false;
      audit.note(user.name, 'DEVICE', input.id, { feederId, priority, targetSoc, fallbackKw, optedOut }, input);
      return deviceView(fleet, found);
    },
    overrideSetpoint: ({ deviceId, powerKw, forSeconds }: { deviceId: string; powerKw: number; forSeconds: number }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = device(deviceId);
      if (forSeconds < 1 || forSeconds > LONGEST_OVERRIDE_S) refuseField('forSeconds', `must be 1 to ${LONGEST_OVERRIDE_S}; you gave ${forSeconds}`);
      if (Math.abs(powerKw) > found.ratedKw) refuseField('powerKw', `must be at most ${found.ratedKw} either way; you gave ${powerKw}`);
      audit.note(user.name, 'OVERRIDE', deviceId, found.override, { powerKw, forSeconds });
      found.override = { powerKw, untilMs: Date.now() + forSeconds * 1000 };
      return deviceView(fleet, found);
    },
    clearOverride: ({ deviceId }: { deviceId: string }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = device(deviceId);
      audit.note(user.name, 'OVERRIDE', deviceId, found.override, { cleared: true });
      found.override = null;
      return deviceView(fleet, found);
    },
    resumeControl: ({ feederId }: { feederId: string }, context: Context) => {
      const user = need(context, OPERATORS);
      const found = feeder(feederId);
      audit.note(user.name, 'FEEDER', feederId, { stopped: found.stopped }, { resumed: true });
      found.stopped = null;
      return feederView(fleet, found);
    },
    setSimulationMode: ({ mode }: { mode: SimulationMode }, context: Context) => {
      const user = need(context, OPERATORS);
      audit.note(user.name, 'SIMULATION', 'simulation', { mode: fleet.simulation.mode }, { mode });
      fleet.simulation = { mode, updatedMs: Date.now() };
      return simulationView(fleet);
    },
    retireDevice: ({ id }: { id: string }, context: Context) => {
      const user = need(context, OPERATORS);
      fleet.devices.splice(fleet.devices.indexOf(device(id)), 1);
      audit.note(user.name, 'DEVICE', id, null, { retired: true });
      return id;
    },
    replaceDevice: ({ id, by }: { id: string; by: string }, context: Context) => {
      const user = need(context, OPERATORS);
      const old = device(id);
      const next = fleet.devices.find((each) => each.id === by) ?? refuse(`by: there is no device ${by}`, 'NOT_FOUND');
      if (next === old) refuseField('by', `${by} is there already`);
      if (next.type !== old.type) refuseField('by', `device ${by} calls itself ${next.type}, and ${id} is ${old.type}`);
      Object.assign(next, { feederId: old.feederId, priority: old.priority, targetSoc: old.targetSoc, optedOut: old.optedOut });
      fleet.devices.splice(fleet.devices.indexOf(old), 1);
      audit.note(user.name, 'DEVICE', id, null, { replacedBy: by });
      return deviceView(fleet, next);
    },
  };
}

/** As the demo does at night: so far that it is ten in the morning there, and always something. */
const HOURS_AHEAD = (34 - new Date().getHours()) % 24 || 1;

export function simulationView({ simulation: { mode, updatedMs } }: Fleet) {
  return { mode, overridden: mode !== 'AUTO', updatedAt: updatedMs === null ? null : iso(updatedMs), hoursAhead: HOURS_AHEAD };
}
