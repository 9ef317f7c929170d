//! The alarms that stand now. A new one is told at once; one that has gone is noticed with the next question.
import { useLiveQuery, useLiveUpdates } from '../lib/live';
import { AlarmRaised, AlarmsQuery } from './queries';

const ASK_EVERY_MS = 10_000;

export function useAlarms(feederId: string | null = null) {
  // The cache forgets its lists of alarms when one is raised, and so they are asked for again.
  useLiveUpdates({ query: AlarmRaised, variables: {} });
  return useLiveQuery({ query: AlarmsQuery, variables: { feederId }, everyMs: ASK_EVERY_MS });
}
