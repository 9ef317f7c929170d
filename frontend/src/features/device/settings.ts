//! What an operator may set of a device: the drafts, their checks, and what is said before it is done. Pure.
import type { DeviceInput } from '../../shared/gql/graphql';
import { kw, parseNumber, percent } from '../../shared/lib/format';
import { duration, parseTime, zonedTime } from '../../shared/lib/time';
import { orderWords } from './model';
import type { Facts } from './model';
import type { Thresholds } from '../../shared/lib/thresholds';

export interface SettingsDraft {
  feederId: string;
  priority: string;
  /** In per cent; empty where none is set. */
  targetSoc: string;
  fallbackKw: string;
  optedOut: boolean;
}

export type SettingsProblems = Partial<Record<keyof SettingsDraft, string>>;
export const SETTINGS_FIELDS: readonly (keyof SettingsDraft)[] = ['feederId', 'priority', 'targetSoc', 'fallbackKw', 'optedOut'];

const PRIORITY_MAX = 10;

export function stores(device: Pick<Facts, 'type'>): boolean {
  return device.type === 'BATTERY' || device.type === 'EV';
}

export function settingsOf(device: Facts): SettingsDraft {
  return {
    feederId: device.feederId,
    priority: String(device.priority),
    targetSoc: device.targetSoc === null ? '' : String(Math.round(device.targetSoc * 1000) / 10),
    fallbackKw: device.fallbackKw === null ? '' : String(device.fallbackKw),
    optedOut: device.optedOut,
  };
}

export function checkSettings(draft: SettingsDraft, before: SettingsDraft): SettingsProblems {
  const problems: SettingsProblems = {};
  if (draft.feederId === '') problems.feederId = 'Choose a feeder.';
  const priority = parseNumber(draft.priority);
  if (priority === null || !Number.isInteger(priority) || priority < 1 || priority > PRIORITY_MAX) {
    problems.priority = 'A whole number from 1 to 10.';
  }
  const target = parseNumber(draft.targetSoc);
  if (draft.targetSoc.trim() === '' ? before.targetSoc !== '' : target === null || target < 0 || target > 100) {
    problems.targetSoc = 'From 0 to 100 %.';
  }
  if (draft.fallbackKw.trim() === '' ? before.fallbackKw !== '' : parseNumber(draft.fallbackKw) === null) {
    problems.fallbackKw = 'A power in kW; + takes from the feeder, − gives to it.';
  }
  return problems;
}

/** Only what was changed; call for a draft without problems. */
export function settingsInput(id: string, before: SettingsDraft, draft: SettingsDraft): DeviceInput {
  const target = parseNumber(draft.targetSoc);
  const fallback = parseNumber(draft.fallbackKw);
  return {
    id,
    ...(draft.feederId !== before.feederId ? { feederId: draft.feederId } : {}),
    ...(draft.priority !== before.priority ? { priority: Number(draft.priority) } : {}),
    ...(draft.targetSoc !== before.targetSoc && target !== null ? { targetSoc: target / 100 } : {}),
    ...(draft.fallbackKw !== before.fallbackKw && fallback !== null ? { fallbackKw: fallback } : {}),
    ...(draft.optedOut !== before.optedOut ? { optedOut: draft.optedOut } : {}),
  };
}

export function isChanged(input: DeviceInput): boolean {
  return Object.keys(input).length > 1;
}

/** What the changes will do, one sentence each. */
export function settingsPreview(input: DeviceInput): string {
  const sentences = [
    input.feederId ? `Moves to ${input.feederId} and counts there from the next decision.` : '',
    input.priority ? `Priority becomes ${input.priority} of 10.` : '',
    typeof input.targetSoc === 'number' ? `It is charged up to ${percent(input.targetSoc)}.` : '',
    typeof input.fallbackKw === 'number' ? `Without a setpoint it is expected at ${kw(input.fallbackKw)}.` : '',
    input.optedOut === true ? 'It is counted as load that nobody commands.' : '',
    input.optedOut === false ? 'It is commanded again.' : '',
  ];
  return sentences.filter(Boolean).join(' ');
}

/** What takes the changes back; nothing where a value was set that had none before: there is no way to say that. */
export function undoInput(id: string, before: SettingsDraft, draft: SettingsDraft): DeviceInput | undefined {
  const gone = (['targetSoc', 'fallbackKw'] as const).some((key) => before[key] === '' && draft[key] !== '');
  return gone ? undefined : settingsInput(id, draft, before);
}

// --- override ------------------------------------------------------------------------------------------------------

export interface OverrideDraft {
  powerKw: string;
  minutes: string;
}

export type OverrideProblems = Partial<Record<keyof OverrideDraft, string>>;

export const LENGTHS = [
  { minutes: '15', label: '15 min' },
  { minutes: '60', label: '1 h' },
  { minutes: '240', label: '4 h' },
] as const;

type Rated = Pick<Facts, 'ratedKw' | 'type'>;

export function checkOverride(draft: OverrideDraft, device: Rated, { overrideMaxS }: Pick<Thresholds, 'overrideMaxS'>): OverrideProblems {
  const problems: OverrideProblems = {};
  const power = parseNumber(draft.powerKw);
  const rated = device.ratedKw;
  if (power === null) problems.powerKw = 'Enter a power in kW.';
  else if (rated !== null && Math.abs(power) > rated) problems.powerKw = `It is rated at ${kw(rated)}.`;
  else if (device.type === 'PV' && power > 0) problems.powerKw = 'Solar gives power: 0 or below.';
  const minutes = parseNumber(draft.minutes);
  if (minutes === null || minutes < 1) problems.minutes = 'At least 1 minute.';
  else if (minutes * 60 > overrideMaxS) problems.minutes = `At most ${duration(overrideMaxS * 1000)}.`;
  return problems;
}

export function overrideVariables(id: string, draft: OverrideDraft): { deviceId: string; powerKw: number; forSeconds: number } {
  return { deviceId: id, powerKw: parseNumber(draft.powerKw) ?? 0, forSeconds: Math.round((parseNumber(draft.minutes) ?? 0) * 60) };
}

export function overridePreview(id: string, draft: OverrideDraft, now: number): string {
  const { powerKw, forSeconds } = overrideVariables(id, draft);
  const until = zonedTime(now + forSeconds * 1000, now);
  return `${id} is told to ${orderWords(powerKw)} until ${until} (${duration(forSeconds * 1000)}). The feeder’s limit still holds; others yield for it.`;
}

/** An override that stood, for as long as it would still have stood; null when it would be over. */
export function restoreOverride(id: string, was: NonNullable<Facts['override']>, now: number) {
  const forSeconds = Math.floor(((parseTime(was.until) ?? 0) - now) / 1000);
  return forSeconds < 1 ? null : { deviceId: id, powerKw: was.powerKw, forSeconds };
}
