//! A photovoltaic inverter: it gives what the sun gives, or less when told to.

use schemas::Timestamp;

use crate::chance::Chance;
use crate::sky::Conditions;

/// How long a cloud's shade lasts, s.
const CLOUD_MEMORY_S: f64 = 600.0;
/// How much of the sun clouds take, on average, and how much that varies.
const CLOUD_MEAN: f64 = 0.15;
const CLOUD_DEVIATION: f64 = 0.08;
/// The darkest cloud leaves this much.
const CLOUD_MAX: f64 = 0.9;

/// One inverter with its panels.
#[derive(Debug, Clone)]
pub struct Pv {
    max_kw: f64,
    /// Share of the sun that clouds take.
    shade: f64,
    /// What the sun gives now, kW.
    available_kw: f64,
}

impl Pv {
    /// An inverter that gives at most `max_kw`.
    #[must_use]
    pub fn new(max_kw: f64, chance: &mut Chance) -> Self {
        let shade = (CLOUD_MEAN + CLOUD_DEVIATION * chance.bell()).clamp(0.0, CLOUD_MAX);
        Self { max_kw, shade, available_kw: 0.0 }
    }

    /// Its greatest power, kW.
    #[must_use]
    pub fn max_kw(&self) -> f64 {
        self.max_kw
    }

    /// What the sun gives at the moment, kW.
    #[must_use]
    pub fn available_kw(&self) -> f64 {
        self.available_kw
    }

    pub(crate) fn evolve(
        &mut self,
        now: Timestamp,
        dt_s: f64,
        conditions: Conditions,
        chance: &mut Chance,
    ) {
        // Shade wanders around its mean and forgets where it was within minutes.
        let memory = (-dt_s / CLOUD_MEMORY_S).exp();
        let kick = CLOUD_DEVIATION * (1.0 - memory * memory).sqrt() * chance.bell();
        self.shade = (CLOUD_MEAN + (self.shade - CLOUD_MEAN) * memory + kick).clamp(0.0, CLOUD_MAX);
        self.available_kw = self.max_kw * conditions.sun(now) * (1.0 - self.shade);
    }
}
