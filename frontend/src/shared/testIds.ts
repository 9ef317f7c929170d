//! Test ids of what has no role or label to be found by: charts and repeated rows. Shared with the browser journeys.
export const testIds = {
  feederCard: 'overview.feeder-card',
  feederChart: 'overview.feeder-chart',
  eventRow: 'overview.event-row',
  deviceRow: 'devices.row',
  powerChart: 'device.power-chart',
  socChart: 'device.soc-chart',
} as const;
