//! The one place where the contract's kW become load-convention watts, and back.
//!
//! Outside, a `pv` reports generation as +, everything else consumption (charging, import) as +. Inside, + takes
//! power from the feeder. Rounding is to whole watts, half away from zero ([`Watts::from_kw`]).

use crate::records::telemetry::DeviceType;
use crate::units::Watts;

/// The load-convention power of what a device of this type calls `kw`; `None` when it is not finite or absurd.
#[must_use]
pub fn watts_from_edge(device_type: DeviceType, kw: f64) -> Option<Watts> {
    Watts::from_kw(kw).map(|watts| Watts(watts.0 * device_type.edge_sign()))
}

/// The unit that a number seems to be a present time in, where that is not milliseconds: counted from the epoch in that
/// unit it falls into the years that devices of ours can live in.
#[must_use]
pub fn time_unit(number: f64) -> Option<&'static str> {
    const FROM_S: f64 = 1.5e9;
    const TO_S: f64 = 4.2e9;
    let units = [(1.0, "seconds"), (1.0e6, "microseconds"), (1.0e9, "nanoseconds")];
    units
        .into_iter()
        .find(|(per_s, _)| (FROM_S..TO_S).contains(&(number / per_s)))
        .map(|(_, unit)| unit)
}

/// What a device of this type calls this load-convention power, in kW.
#[must_use]
pub fn kw_to_edge(device_type: DeviceType, watts: Watts) -> f64 {
    Watts(watts.0.saturating_mul(device_type.edge_sign())).kw()
}
