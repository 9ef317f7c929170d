//! How the columns of the table are called: over the table, where there is little room, and in a list to choose from.
import type { SortKey } from './model';

export const HEADS: Record<SortKey, string> = {
  id: 'Device',
  type: 'Type',
  feeder: 'Feeder',
  state: 'State',
  power: 'Actual against setpoint',
  error: 'Tracking error',
  soc: 'Charge',
  priority: 'Priority',
  seen: 'Last seen',
};

export const SORT_NAMES: Record<SortKey, string> = { ...HEADS, power: 'Actual power', soc: 'State of charge' };
