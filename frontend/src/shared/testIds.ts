//! Test ids of what has no role or label to be found by: charts and repeated rows. Shared with the browser journeys.
export const testIds = {
  feederLine: 'feeders.line',
  feederChart: 'feeders.chart',
  eventRow: 'events.row',
  deviceRow: 'devices.row',
  fairnessRow: 'violations.fairness-row',
  powerChart: 'device.power-chart',
  socChart: 'device.soc-chart',
  why: 'device.why',
  commandRow: 'device.command-row',
  drTimeline: 'dr.timeline',
  drProgram: 'dr.program',
  alarmRow: 'health.alarm-row',
  deadLetterRow: 'health.dead-letter-row',
  waitingRow: 'health.waiting-row',
  auditRow: 'audit.row',
} as const;
