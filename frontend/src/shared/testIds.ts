//! Test ids of what has no role or label to be found by: charts and repeated rows. Shared with the browser journeys.
export const testIds = {
  feederCard: 'overview.feeder-card',
  feederChart: 'overview.feeder-chart',
  eventRow: 'overview.event-row',
  deviceRow: 'devices.row',
  powerChart: 'device.power-chart',
  socChart: 'device.soc-chart',
  why: 'device.why',
  commandRow: 'device.command-row',
  drTimeline: 'dr.timeline',
  drEvent: 'dr.event',
  drProgram: 'dr.program',
  alarmRow: 'health.alarm-row',
  deadLetterRow: 'health.dead-letter-row',
  waitingRow: 'health.waiting-row',
  auditRow: 'audit.row',
} as const;
