//! Where the parts of a limit meter lie, as shares of its width. Pure.

interface Metered {
  loadKw: number;
  reservedKw: number;
  effectiveLimitKw: number;
  importLimitKw: number;
}

export interface MeterGeometry {
  low: number;
  high: number;
  zero: number;
  loadFrom: number;
  loadTo: number;
  reservedTo: number;
  limit: number;
}

/** The scale reaches a little beyond the limit, so that "over" can be seen, and below zero when the feeder exports. */
const BEYOND = 1.12;

export function meterGeometry({ loadKw, reservedKw, effectiveLimitKw, importLimitKw }: Metered): MeterGeometry {
  const low = Math.min(0, loadKw * BEYOND, effectiveLimitKw * BEYOND);
  const high = Math.max(importLimitKw, effectiveLimitKw, loadKw + reservedKw, 0.1) * BEYOND;
  const share = (kilowatts: number) => Math.min(1, Math.max(0, (kilowatts - low) / (high - low)));
  const loadTo = share(Math.max(loadKw, 0));
  return {
    low,
    high,
    zero: share(0),
    loadFrom: share(Math.min(loadKw, 0)),
    loadTo,
    reservedTo: Math.max(loadTo, share(Math.max(loadKw, 0) + Math.max(reservedKw, 0))),
    limit: share(effectiveLimitKw),
  };
}
