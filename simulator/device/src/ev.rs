//! An EV charger and the cars that come and go.
//!
//! The charger is the device: it stays and keeps its setpoint while no car is there. A car draws what it likes up
//! to what the charger allows; below its smallest current it does not charge at all.

use schemas::Timestamp;

use crate::chance::Chance;

/// Below this power a car does not charge (6 A on one phase).
pub(crate) const MIN_KW: f64 = 1.4;
/// Above this state of charge a car takes less and less.
const TAPER_FROM: f64 = 0.85;
/// What it still takes when it is full up to the last percent.
const TAPER_LEAST: f64 = 0.15;
const FULL: f64 = 0.995;
/// A car never comes home emptier than this.
const SOC_HOME_MIN: f64 = 0.08;
const HOUR_S: f64 = 3600.0;

/// What the cars of a charger do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EvHabits {
    /// One car that is always there.
    Stays,
    /// Cars leave when their time has come, and come back with less.
    ComesAndGoes {
        /// Mean time away, s.
        away_s: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bay {
    Plugged { departs: Option<Timestamp> },
    Empty { returns: Timestamp },
}

/// One charger.
#[derive(Debug, Clone)]
pub struct Charger {
    max_kw: f64,
    capacity_kwh: f64,
    target_soc: f64,
    habits: EvHabits,
    /// Cars take a little less than they are offered; this charger's take this part of it.
    uptake: f64,
    soc: f64,
    bay: Bay,
}

impl Charger {
    /// A charger of this power with a car of this size plugged in.
    #[must_use]
    pub fn new(max_kw: f64, capacity_kwh: f64, soc: f64, target_soc: f64) -> Self {
        Self {
            max_kw,
            capacity_kwh,
            target_soc: target_soc.clamp(0.0, 1.0),
            habits: EvHabits::Stays,
            uptake: 1.0,
            soc: soc.clamp(0.0, 1.0),
            bay: Bay::Plugged { departs: None },
        }
    }

    /// The same charger with cars that come and go; `now` is the moment at which the story starts.
    #[must_use]
    pub fn with_habits(mut self, habits: EvHabits, now: Timestamp, chance: &mut Chance) -> Self {
        self.habits = habits;
        self.uptake = chance.between(0.975, 1.0);
        if let EvHabits::ComesAndGoes { away_s } = habits {
            self.bay = if chance.happens(0.3) {
                Bay::Empty { returns: later(now, chance.wait(away_s / 2.0)) }
            } else {
                Bay::Plugged { departs: Some(self.next_departure(now, chance)) }
            };
        }
        self
    }

    /// Its greatest power, kW.
    #[must_use]
    pub fn max_kw(&self) -> f64 {
        self.max_kw
    }

    /// The size of the car's battery, kWh.
    #[must_use]
    pub fn capacity_kwh(&self) -> f64 {
        self.capacity_kwh
    }

    /// The car's state of charge, a fraction; none without a car.
    #[must_use]
    pub fn soc(&self) -> Option<f64> {
        self.is_plugged().then_some(self.soc)
    }

    /// The state of charge that its owner wants.
    #[must_use]
    pub fn target_soc(&self) -> f64 {
        self.target_soc
    }

    /// When the car leaves, where it has said so.
    #[must_use]
    pub fn departs(&self) -> Option<Timestamp> {
        match self.bay {
            Bay::Plugged { departs } => departs,
            Bay::Empty { .. } => None,
        }
    }

    /// Whether a car is there.
    #[must_use]
    pub fn is_plugged(&self) -> bool {
        matches!(self.bay, Bay::Plugged { .. })
    }

    pub(crate) fn evolve(&mut self, now: Timestamp, chance: &mut Chance) {
        let EvHabits::ComesAndGoes { away_s } = self.habits else {
            return;
        };
        match self.bay {
            Bay::Plugged { departs: Some(at) } if now >= at => {
                self.bay = Bay::Empty { returns: later(now, chance.wait(away_s)) };
            }
            Bay::Empty { returns } if now >= returns => {
                let driven_kwh = chance.between(8.0, 35.0);
                self.soc = (self.soc - driven_kwh / self.capacity_kwh).max(SOC_HOME_MIN);
                self.bay = Bay::Plugged { departs: Some(self.next_departure(now, chance)) };
            }
            Bay::Plugged { .. } | Bay::Empty { .. } => {}
        }
    }

    /// Time for what is missing at nearly full power, and then some.
    fn next_departure(&self, now: Timestamp, chance: &mut Chance) -> Timestamp {
        let missing_kwh = (self.target_soc - self.soc).max(0.05) * self.capacity_kwh;
        let needed_s = missing_kwh / (self.max_kw * 0.85) * HOUR_S;
        later(now, needed_s * chance.between(0.95, 1.3) + chance.wait(0.2 * HOUR_S))
    }

    /// What the car would take if it were offered everything.
    pub(crate) fn appetite_kw(&self) -> f64 {
        if !self.is_plugged() || self.soc >= FULL {
            return 0.0;
        }
        let taper = ((1.0 - self.soc) / (1.0 - TAPER_FROM)).clamp(TAPER_LEAST, 1.0);
        (self.max_kw * taper * self.uptake).max(MIN_KW.min(self.max_kw))
    }

    /// What it takes when it is offered `kw`: nothing below its smallest power.
    pub(crate) fn accept_kw(&self, kw: f64) -> f64 {
        let offered = (kw * self.uptake).min(self.appetite_kw());
        // The smallest power is a matter of the offer, not of what the car makes of it.
        if kw + 1e-9 < MIN_KW.min(self.max_kw) { 0.0 } else { offered.max(0.0) }
    }

    /// The nearest power to `kw` that the car can take for `dt_s` seconds.
    pub(crate) fn bound(&self, kw: f64, dt_s: f64) -> f64 {
        if !self.is_plugged() {
            return 0.0;
        }
        let room_kwh = (1.0 - self.soc).max(0.0) * self.capacity_kwh;
        kw.clamp(0.0, (room_kwh * HOUR_S / dt_s.max(1.0)).min(self.max_kw))
    }

    pub(crate) fn charge(&mut self, kw: f64, dt_s: f64) {
        if self.is_plugged() {
            self.soc = (self.soc + kw * dt_s / HOUR_S / self.capacity_kwh).clamp(0.0, 1.0);
        }
    }
}

fn later(now: Timestamp, seconds: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "hours, not ages")]
    let ms = (seconds * 1000.0) as i64;
    now.plus_ms(ms)
}
