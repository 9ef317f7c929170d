//! Which programs act on a feeder, and in which order they are told. Pure.
import { programPhase } from '../../shared/events/programPhase';
import type { Phase } from '../../shared/events/programPhase';
import type { FeederProgramsQuery } from '../../shared/gql/graphql';

export type Program = FeederProgramsQuery['drPrograms'][number];

interface Placed {
  id: string;
  parentId: string | null;
}

export interface Acting {
  program: Program;
  phase: Phase;
  /** The feeder that it acts on: this one, or one above whose limit this one shares. */
  on: string;
}

const ORDER: Partial<Record<Phase, number>> = { active: 0, upcoming: 1, off: 2 };

/** The feeder and those above it, the nearest first. */
export function wayUp(feeders: readonly Placed[], id: string): string[] {
  const parent = feeders.find((feeder) => feeder.id === id)?.parentId ?? null;
  return parent === null || parent === id ? [id] : [id, ...wayUp(feeders, parent)];
}

/** Programs that are on, to come or switched off, and act on the feeder or above it. One that names none acts on the top. */
export function acting(programs: readonly Program[], feeders: readonly Placed[], id: string, now: number): Acting[] {
  const way = wayUp(feeders, id);
  const found = programs.flatMap((program) => {
    const phase = programPhase(program, now);
    const on = program.feederIds.length === 0 ? way.at(-1) : way.find((each) => program.feederIds.includes(each));
    return ORDER[phase] === undefined || on === undefined ? [] : [{ program, phase, on }];
  });
  return found.sort((a, b) => (ORDER[a.phase] ?? 0) - (ORDER[b.phase] ?? 0) || a.program.start.localeCompare(b.program.start));
}
