//! Which phase a program is in, and how a phase looks: its word, tone and mark. Pure.
import { duration, parseTime } from '../lib/time';
import type { Tone } from '../ui/Badge';
import type { IconName } from '../ui/Icon';
import type { Phase as EventPhase } from './eventModel';

/** A program may also be switched off. */
export type Phase = EventPhase | 'off';

export const PHASES: Record<Phase, { text: string; tone: Tone; icon: IconName }> = {
  active: { text: 'Active', tone: 'accent', icon: 'bolt' },
  upcoming: { text: 'Upcoming', tone: 'neutral', icon: 'calendar' },
  off: { text: 'Switched off', tone: 'neutral', icon: 'missing' },
  past: { text: 'Ended', tone: 'quiet', icon: 'inside' },
  cancelled: { text: 'Cancelled', tone: 'quiet', icon: 'close' },
};

/** A program that is switched off does nothing, whatever its time; one that is over is over. */
export function programPhase(program: { start: string; end: string; active: boolean }, now: number): Phase {
  const phase = byTime(program, now);
  return phase === 'past' || program.active ? phase : 'off';
}

function byTime({ start, end }: { start: string; end: string }, now: number): 'active' | 'upcoming' | 'past' {
  if (now >= (parseTime(end) ?? 0)) return 'past';
  return now >= (parseTime(start) ?? 0) ? 'active' : 'upcoming';
}

/** "25 min left", "starts in 2 h" */
export function remaining(phase: Phase, start: string, end: string, now: number): string {
  if (phase === 'active') return `${duration((parseTime(end) ?? now) - now)} left`;
  return phase === 'upcoming' ? `starts in ${duration((parseTime(start) ?? now) - now)}` : '';
}
