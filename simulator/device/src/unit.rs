//! The three kinds of device behind one face: what it wishes, what it can, what it tells about itself.

use schemas::mqtt::edge::watts_from_edge;
use schemas::records::telemetry::{Capabilities, DeviceType, Preferences};
use schemas::{Soc, Timestamp, WattHours, Watts};

use crate::battery::Battery;
use crate::chance::Chance;
use crate::ev::{self, Charger};
use crate::pv::Pv;
use crate::sky::Conditions;

/// What a device is made of.
#[derive(Debug, Clone)]
pub enum Unit {
    /// Panels and an inverter.
    Pv(Pv),
    /// A battery.
    Battery(Battery),
    /// An EV charger.
    Ev(Charger),
}

impl Unit {
    /// The contract's word for it.
    #[must_use]
    pub fn device_type(&self) -> DeviceType {
        match self {
            Self::Pv(_) => DeviceType::Pv,
            Self::Battery(_) => DeviceType::Battery,
            Self::Ev(_) => DeviceType::Ev,
        }
    }

    /// Its greatest power, kW.
    #[must_use]
    pub fn max_kw(&self) -> f64 {
        match self {
            Self::Pv(pv) => pv.max_kw(),
            Self::Battery(battery) => battery.max_kw(),
            Self::Ev(charger) => charger.max_kw(),
        }
    }

    /// Its state of charge, a fraction; none where there is none, or no car.
    #[must_use]
    pub fn soc(&self) -> Option<f64> {
        match self {
            Self::Pv(_) => None,
            Self::Battery(battery) => Some(battery.soc()),
            Self::Ev(charger) => charger.soc(),
        }
    }

    pub(crate) fn evolve(
        &mut self,
        now: Timestamp,
        dt_s: f64,
        conditions: Conditions,
        chance: &mut Chance,
    ) {
        match self {
            Self::Pv(pv) => pv.evolve(now, dt_s, conditions, chance),
            Self::Battery(battery) => battery.evolve(now, conditions),
            Self::Ev(charger) => charger.evolve(now, chance),
        }
    }

    /// What it does when nobody commands it.
    pub(crate) fn wish_kw(&self) -> f64 {
        match self {
            Self::Pv(pv) => pv.available_kw(),
            Self::Battery(battery) => battery.wish_kw(),
            Self::Ev(charger) => charger.appetite_kw(),
        }
    }

    /// What it makes of a command: a PV and a charger may stay below it, a battery follows it.
    pub(crate) fn obey_kw(&self, command_kw: f64) -> f64 {
        match self {
            Self::Pv(pv) => command_kw.clamp(0.0, pv.available_kw()),
            Self::Battery(battery) => command_kw.clamp(-battery.max_kw(), battery.max_kw()),
            Self::Ev(charger) => charger.accept_kw(command_kw.max(0.0)),
        }
    }

    /// The nearest power to `kw` that is physically possible for `dt_s` seconds.
    pub(crate) fn bound_kw(&self, kw: f64, dt_s: f64) -> f64 {
        match self {
            Self::Pv(pv) => kw.clamp(0.0, pv.available_kw()),
            Self::Battery(battery) => battery.bound(kw, dt_s),
            Self::Ev(charger) => charger.bound(kw, dt_s),
        }
    }

    /// Moves the energy of `dt_s` seconds at `kw`.
    pub(crate) fn charge(&mut self, kw: f64, dt_s: f64) {
        match self {
            Self::Pv(_) => {}
            Self::Battery(battery) => battery.charge(kw, dt_s),
            Self::Ev(charger) => charger.charge(kw, dt_s),
        }
    }

    pub(crate) fn capabilities(&self, ramp_kw_per_s: f64, fallback_kw: f64) -> Capabilities {
        let max = Watts::from_kw(self.max_kw());
        let none = Some(Watts::ZERO);
        let mut own = Capabilities {
            ramp_w_per_s: Watts::from_kw(ramp_kw_per_s),
            fallback_w: watts_from_edge(self.device_type(), fallback_kw),
            ..Capabilities::default()
        };
        match self {
            Self::Pv(_) => {
                (own.max_export_w, own.max_import_w) = (max, none);
            }
            Self::Battery(battery) => {
                (own.max_charge_w, own.max_discharge_w) = (max, max);
                (own.max_import_w, own.max_export_w) = (max, max);
                own.energy_wh = WattHours::from_kwh(battery.capacity_kwh());
            }
            Self::Ev(charger) => {
                (own.max_charge_w, own.max_discharge_w) = (max, none);
                (own.max_import_w, own.max_export_w) = (max, none);
                own.min_power_w = Watts::from_kw(ev::MIN_KW.min(charger.max_kw()));
                own.energy_wh = WattHours::from_kwh(charger.capacity_kwh());
            }
        }
        own
    }

    pub(crate) fn preferences(&self, priority: Option<i32>) -> Preferences {
        match self {
            Self::Pv(_) | Self::Battery(_) => {
                Preferences { priority, target_soc: None, departure: None }
            }
            Self::Ev(charger) => Preferences {
                priority,
                target_soc: Soc::from_fraction(charger.target_soc()),
                departure: charger.departs(),
            },
        }
    }
}
