//! A battery: both directions, losses, and limits of its state of charge that it never passes.

use schemas::Timestamp;

use crate::sky::Conditions;

/// The part of its power that it uses when nobody commands it.
const OWN_PART: f64 = 0.3;
/// Left to itself it discharges at night down to here, and no further.
const OWN_NIGHT_FLOOR: f64 = 0.3;

/// One battery with its inverter.
#[derive(Debug, Clone)]
pub struct Battery {
    max_kw: f64,
    capacity_kwh: f64,
    /// Of charging and of discharging, each.
    efficiency: f64,
    soc_min: f64,
    soc_max: f64,
    soc: f64,
    wish_kw: f64,
}

impl Battery {
    /// A battery of this power and size, filled to `soc`.
    #[must_use]
    pub fn new(max_kw: f64, capacity_kwh: f64, soc: f64) -> Self {
        let (soc_min, soc_max) = (0.1, 0.95);
        Self {
            max_kw,
            capacity_kwh,
            efficiency: 0.95,
            soc_min,
            soc_max,
            soc: soc.clamp(soc_min, soc_max),
            wish_kw: 0.0,
        }
    }

    /// Its greatest power either way, kW.
    #[must_use]
    pub fn max_kw(&self) -> f64 {
        self.max_kw
    }

    /// Its size, kWh.
    #[must_use]
    pub fn capacity_kwh(&self) -> f64 {
        self.capacity_kwh
    }

    /// Its state of charge, a fraction.
    #[must_use]
    pub fn soc(&self) -> f64 {
        self.soc
    }

    /// The least and the greatest state of charge.
    #[must_use]
    pub fn soc_limits(&self) -> (f64, f64) {
        (self.soc_min, self.soc_max)
    }

    pub(crate) fn evolve(&mut self, now: Timestamp, conditions: Conditions) {
        self.wish_kw = if conditions.is_day(now) {
            OWN_PART * self.max_kw * conditions.sun(now)
        } else if self.soc > OWN_NIGHT_FLOOR {
            -OWN_PART * self.max_kw
        } else {
            0.0
        };
    }

    pub(crate) fn wish_kw(&self) -> f64 {
        self.wish_kw
    }

    /// The nearest power to `kw` that it can hold for `dt_s` seconds.
    pub(crate) fn bound(&self, kw: f64, dt_s: f64) -> f64 {
        let hours = dt_s.max(1.0) / 3600.0;
        let room_kwh = (self.soc_max - self.soc).max(0.0) * self.capacity_kwh;
        let store_kwh = (self.soc - self.soc_min).max(0.0) * self.capacity_kwh;
        let most = (room_kwh / (self.efficiency * hours)).min(self.max_kw);
        let least = -(store_kwh * self.efficiency / hours).min(self.max_kw);
        kw.clamp(least, most)
    }

    pub(crate) fn charge(&mut self, kw: f64, dt_s: f64) {
        let stored = if kw > 0.0 { kw * self.efficiency } else { kw / self.efficiency };
        let soc = self.soc + stored * dt_s / 3600.0 / self.capacity_kwh;
        self.soc = soc.clamp(self.soc_min, self.soc_max);
    }
}
