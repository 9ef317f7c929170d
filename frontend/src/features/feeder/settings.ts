//! Changing a feeder: the form, what it asks of the API, what that will do in words, and how it is taken back. Pure.
import { kw } from '../../shared/lib/format';
import type { FeederFacts } from '../../shared/feeders/model';
import type { FeederInput, FeederMode } from '../../shared/gql/graphql';

export interface SettingsDraft {
  importLimit: string;
  /** No limit of its own: the default holds. */
  importDefault: boolean;
  exportLimit: string;
  exportNone: boolean;
  mode: FeederMode;
  /** '' is the default. */
  policy: string;
  /** '' stands at the top. */
  parentId: string;
}

export const FIELDS = ['importLimitKw', 'exportLimitKw', 'mode', 'policy', 'parentId'] as const;
export type SettingsProblems = Partial<Record<(typeof FIELDS)[number], string>>;

export function draftOf(feeder: FeederFacts): SettingsDraft {
  return {
    importLimit: String(feeder.importLimitKw),
    importDefault: feeder.importLimitIsDefault,
    exportLimit: feeder.exportLimitKw === null ? '' : String(feeder.exportLimitKw),
    exportNone: feeder.exportLimitKw === null,
    mode: feeder.mode,
    policy: feeder.policyIsDefault ? '' : feeder.policy,
    parentId: feeder.parentId ?? '',
  };
}

function number(text: string): number | null {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? null : value;
}

function limitProblem(text: string): string | undefined {
  const value = number(text);
  if (value === null) return 'Enter a limit in kW.';
  return value < 0 ? 'A limit cannot be below 0 kW.' : undefined;
}

export function checkSettings(draft: SettingsDraft): SettingsProblems {
  const importProblem = draft.importDefault ? undefined : limitProblem(draft.importLimit);
  const exportProblem = draft.exportNone ? undefined : limitProblem(draft.exportLimit);
  return {
    ...(importProblem ? { importLimitKw: importProblem } : {}),
    ...(exportProblem ? { exportLimitKw: exportProblem } : {}),
  };
}

/** Only what differs: what is absent stays, null takes back. Call for a draft without problems; null when nothing differs. */
export function toInput(draft: SettingsDraft, feeder: FeederFacts): FeederInput | null {
  const before = formerOf(feeder, FIELDS);
  const after: Omit<FeederInput, 'id'> = {
    importLimitKw: draft.importDefault ? null : number(draft.importLimit),
    exportLimitKw: draft.exportNone ? null : number(draft.exportLimit),
    mode: draft.mode,
    policy: draft.policy === '' ? null : draft.policy,
    parentId: draft.parentId === '' ? null : draft.parentId,
  };
  const changed = FIELDS.filter((field) => after[field] !== before[field]);
  if (changed.length === 0) return null;
  return { id: feeder.id, ...Object.fromEntries(changed.map((field) => [field, after[field]])) };
}

/** What a feeder has in these fields now: the input that takes a change back. */
export function formerOf(feeder: FeederFacts, fields: readonly string[]): FeederInput {
  const all: Record<(typeof FIELDS)[number], FeederInput[(typeof FIELDS)[number]]> = {
    importLimitKw: feeder.importLimitIsDefault ? null : feeder.importLimitKw,
    exportLimitKw: feeder.exportLimitKw,
    mode: feeder.mode,
    policy: feeder.policyIsDefault ? null : feeder.policy,
    parentId: feeder.parentId,
  };
  return { id: feeder.id, ...Object.fromEntries(Object.entries(all).filter(([field]) => fields.includes(field))) };
}

const MODES: Record<FeederMode, string> = {
  AUTOMATIC: 'Control commands its devices again.',
  MANUAL: 'Control sends only what operators set; the limit is then theirs to keep.',
  SHADOW: 'Decisions go on, but nothing is sent: devices go to their fallbacks as their leases lapse.',
  DISABLED: 'Control leaves it alone: devices go to their fallbacks as their leases lapse, and nobody keeps the limit.',
};

function importWords(feeder: FeederFacts, limit: number | null): string {
  if (limit === null) return `Its own import limit of ${kw(feeder.importLimitKw)} is taken back: the default limit holds.`;
  const from = feeder.importLimitIsDefault ? 'the default' : kw(feeder.importLimitKw);
  const over = feeder.loadKw - limit;
  const fits = over > 0 ? `Its load is ${kw(over)} above that: devices are told to take less at once.` : 'Its present load is within that.';
  return `The import limit goes from ${from} to ${kw(limit)}. ${fits}`;
}

function exportWords(feeder: FeederFacts, limit: number | null): string {
  if (limit === null) return 'The export limit is taken back: nothing limits what it gives.';
  return `The export limit goes from ${feeder.exportLimitKw === null ? 'none' : kw(feeder.exportLimitKw)} to ${kw(limit)}.`;
}

/** What a change will do, one sentence for each field. */
export function effects(feeder: FeederFacts, input: FeederInput): string[] {
  const told: string[] = [];
  if (input.importLimitKw !== undefined) told.push(importWords(feeder, input.importLimitKw));
  if (input.exportLimitKw !== undefined) told.push(exportWords(feeder, input.exportLimitKw));
  if (input.mode) told.push(MODES[input.mode]);
  if (input.policy !== undefined) told.push(`From the next decision on shares are made by ${input.policy ?? 'the default policy'}.`);
  if (input.parentId === null) told.push('It stands at the top: no limit above holds for it any more.');
  else if (input.parentId !== undefined) told.push(`It moves below ${input.parentId}, whose limits hold for it too.`);
  return told;
}

/** Nobody keeps the limit afterwards, or load is shed at once: said with a warning. */
export function isGrave(feeder: FeederFacts, input: FeederInput): boolean {
  const sheds = input.importLimitKw !== undefined && input.importLimitKw !== null && input.importLimitKw < feeder.loadKw;
  return sheds || (input.mode !== undefined && input.mode !== null && input.mode !== 'AUTOMATIC');
}
