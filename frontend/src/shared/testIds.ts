//! Test ids of what has no role or label to be found by: charts and repeated rows. Shared with the browser journeys.
export const testIds = {
  feederLine: 'feeders.line',
  feederChart: 'feeders.chart',
  eventRow: 'events.row',
  deviceRow: 'devices.row',
  fairnessRow: 'violations.fairness-row',
  powerChart: 'device.power-chart',
  socChart: 'device.soc-chart',
} as const;
