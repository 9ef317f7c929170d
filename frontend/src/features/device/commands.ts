//! The command ledger: how far each command has come, and how long each stage took. Pure.
import type { CommandFragment, CommandStage } from '../../shared/gql/graphql';
import { parseTime } from '../../shared/lib/time';
import type { Tone } from '../../shared/ui/Badge';
import type { IconName } from '../../shared/ui/Icon';

export type Command = CommandFragment;

interface StageLook {
  text: string;
  tone: Tone;
  icon: IconName;
  title: string;
}

export const STAGES: Record<CommandStage, StageLook> = {
  DECIDED: { text: 'Decided', tone: 'quiet', icon: 'stale', title: 'Decided; nothing more is known of it' },
  SENT: { text: 'Sent', tone: 'neutral', icon: 'up', title: 'Handed to the broker' },
  ACKED: { text: 'Acknowledged', tone: 'neutral', icon: 'inside', title: 'The device has it' },
  APPLIED: { text: 'Applied', tone: 'ok', icon: 'inside', title: 'The device says that it follows' },
  OBSERVED: { text: 'Observed', tone: 'ok', icon: 'inside', title: 'Its power shows that it follows' },
  REJECTED: { text: 'Rejected', tone: 'bad', icon: 'over', title: 'The device refuses it' },
  EXPIRED: { text: 'Expired', tone: 'warn', icon: 'stale', title: 'Its time ended before the device had it' },
  SUPERSEDED: { text: 'Superseded', tone: 'quiet', icon: 'close', title: 'A newer command took its place' },
};

export interface StageTime {
  name: string;
  at: number;
  /** Since it was decided, ms. */
  after: number;
}

/** The stages that a command has reached, with how long after the decision. */
export function stageTimes(command: Command): StageTime[] {
  const decided = parseTime(command.decidedAt) ?? 0;
  const reached: [string, string | null][] = [
    ['sent', command.sentAt],
    ['acknowledged', command.ackedAt],
    ['applied', command.appliedAt],
    ['observed', command.observedAt],
  ];
  return reached.flatMap(([name, text]) => {
    const at = parseTime(text);
    return at === null ? [] : [{ name, at, after: Math.max(0, at - decided) }];
  });
}

/** "80 ms", "1.2 s", "12 s", "2 min" */
export function latency(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
