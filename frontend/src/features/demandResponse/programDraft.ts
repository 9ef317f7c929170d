//! The form of a program: what may be typed, what is sent, and the sentence that says it beforehand. Pure.
import type { FeederFacts } from '../../shared/feeders/model';
import type { DrProgramInput, DrProgramPatch } from '../../shared/gql/graphql';
import { parseNumber } from '../../shared/lib/format';
import { duration, fromLocalInput, isPassedOver, toLocalInput, toRfc3339, zonedSpan, zonedTime } from '../../shared/lib/time';
import { sayShape } from './model';
import type { PriceMost, Program, Shape } from './model';
import type { Thresholds } from '../../shared/lib/thresholds';

export interface ProgramDraft {
  name: string;
  mode: Program['mode'];
  feederIds: readonly string[];
  start: string;
  end: string;
  targetShedKw: string;
  incentivePerKwh: string;
  penaltyPerKwh: string;
  active: boolean;
}

export type ProgramProblems = Partial<Record<keyof ProgramDraft, string>>;

export const PROGRAM_FIELDS: readonly (keyof ProgramDraft)[] = [
  'name', 'mode', 'feederIds', 'start', 'end', 'targetShedKw', 'incentivePerKwh', 'penaltyPerKwh', 'active',
];

const HOUR_MS = 3_600_000;

/** The next full hour, for an hour. */
export function newProgram(now: number): ProgramDraft {
  const start = Math.ceil((now + 1) / HOUR_MS) * HOUR_MS;
  return {
    name: '',
    mode: 'FIXED_CAP',
    feederIds: [],
    start: toLocalInput(start),
    end: toLocalInput(start + HOUR_MS),
    targetShedKw: '',
    incentivePerKwh: '0',
    penaltyPerKwh: '0',
    active: true,
  };
}

export function draftOf(program: Program): ProgramDraft {
  return {
    name: program.name,
    mode: program.mode,
    feederIds: program.feederIds,
    start: toLocalInput(Date.parse(program.start)),
    end: toLocalInput(Date.parse(program.end)),
    targetShedKw: String(program.targetShedKw),
    incentivePerKwh: String(program.incentivePerKwh),
    penaltyPerKwh: String(program.penaltyPerKwh),
    active: program.active,
  };
}

export function checkProgram(draft: ProgramDraft, now: number, { programNameMax }: Pick<Thresholds, 'programNameMax'>): ProgramProblems {
  const problems: ProgramProblems = {};
  const name = draft.name.trim();
  if (name === '') problems.name = 'Give it a name.';
  else if (name.length > programNameMax) problems.name = `At most ${programNameMax} characters.`;

  const start = checkTime(draft.start, 'start', now, problems);
  const end = checkTime(draft.end, 'end', now, problems);
  if (start !== null && end !== null && end <= start) problems.end = 'The end must come after the start.';
  else if (end !== null && end <= now) problems.end = 'The end is in the past.';

  const shed = parseNumber(draft.targetShedKw);
  const optional = draft.mode === 'PRICE_ELASTIC' && draft.targetShedKw.trim() === '';
  if (!optional) {
    if (shed === null) problems.targetShedKw = 'Enter a power in kW.';
    else if (shed < 0) problems.targetShedKw = 'Cannot be below 0 kW.';
    else if (shed === 0 && draft.mode === 'FIXED_CAP') problems.targetShedKw = 'A fixed cap of 0 kW does nothing.';
  }
  for (const key of ['incentivePerKwh', 'penaltyPerKwh'] as const) {
    const value = parseNumber(draft[key]);
    if (value === null || value < 0) problems[key] = 'A number, 0 or more.';
  }
  return problems;
}

function checkTime(text: string, key: 'start' | 'end', now: number, problems: ProgramProblems): number | null {
  const at = fromLocalInput(text);
  if (at === null) problems[key] = `Choose the ${key}.`;
  else if (isPassedOver(text)) {
    problems[key] = `This time does not exist: the clocks are put forward then. What comes next is ${zonedTime(at, now)}.`;
  }
  return at;
}

export function shapeOf(draft: ProgramDraft): Shape {
  return {
    mode: draft.mode,
    feederIds: draft.feederIds,
    targetShedKw: parseNumber(draft.targetShedKw) ?? 0,
    incentivePerKwh: parseNumber(draft.incentivePerKwh) ?? 0,
    penaltyPerKwh: parseNumber(draft.penaltyPerKwh) ?? 0,
  };
}

/** Call only for a draft without problems. */
export function programInput(draft: ProgramDraft): DrProgramInput {
  const shape = shapeOf(draft);
  return {
    name: draft.name.trim(),
    ...shape,
    feederIds: [...shape.feederIds],
    start: toRfc3339(fromLocalInput(draft.start) ?? 0),
    end: toRfc3339(fromLocalInput(draft.end) ?? 0),
    active: draft.active,
  };
}

/** Only what was changed: what somebody else has changed meanwhile stays. Times in the form have no seconds. */
export function programPatch(before: ProgramDraft, draft: ProgramDraft): DrProgramPatch {
  const changed = Object.entries(programInput(draft)).filter(([key]) => {
    const field = key as keyof ProgramDraft;
    return field !== 'active' && JSON.stringify(before[field]) !== JSON.stringify(draft[field]);
  });
  return Object.fromEntries(changed);
}

/** The program in a sentence, before it is made. */
export function programPreview(draft: ProgramDraft, feeders: readonly FeederFacts[], now: number, most: PriceMost): string {
  const start = fromLocalInput(draft.start) ?? now;
  const end = fromLocalInput(draft.end) ?? now;
  const [from, until] = zonedSpan(start, end, now);
  const off = draft.active ? '' : ' It is switched off: it acts once it is activated.';
  return `${sayShape(shapeOf(draft), feeders, most)}, from ${from} until ${until} (${duration(end - start)}).${off}`;
}

/** What switching a program on or off will do. */
export function activationSentence(program: Program, feeders: readonly FeederFacts[], now: number, most: PriceMost): string {
  const isTime = Date.parse(program.start) <= now && now < Date.parse(program.end);
  const [from, until] = zonedSpan(Date.parse(program.start), Date.parse(program.end), now);
  if (program.active) return isTime ? 'It stops now: the feeders return to their own limits.' : 'It will not act until it is activated again.';
  const what = sayShape(program, feeders, most);
  return isTime ? `${what}, from now until ${until}.` : `${what}, from ${from} until ${until}.`;
}
