//! What holds for one device: bounds (G4), ramp (G9), state of charge (G10), lease (G12).

use super::{Finding, Load, Promise};

pub(super) fn check(load: &Load<'_, '_>, promise: &Promise<'_>, findings: &mut Vec<Finding>) {
    let Some(device) = load.device.filter(|_| !load.non_compliant()) else { return };
    let id = load.seen.device_id;
    let mut find = |what: String| findings.push(Finding::of_device(load.index, id, &what));
    let (x, last) = (load.setpoint_w, load.last_w());
    let overridden = load.seen.override_w.is_some();
    let rated = device.rated_w;
    if x > rated.max(load.told_w().unwrap_or(0)) {
        find(format!("setpoint {x} W is above its rating of {rated} W"));
    }
    if x < load.bare_least_w() && !load.seen.stuck {
        find(format!("setpoint {x} W is below the {} W that it can give", load.bare_least_w()));
    }
    let min = device.min_w;
    if x > 0 && x < min && !overridden {
        find(format!("setpoint {x} W is below its minimum of {min} W"));
    }
    let (least, most) = (load.least_w(), load.lapsed_w(load.cap_w()));
    if !(least.min(load.bare_least_w())..=most.max(least)).contains(&load.share_w) {
        find(format!("share {} W is outside of {least} W to {most} W", load.share_w));
    }
    if let Some((soc, target)) = device.charge {
        let settings = promise.settings;
        if x < 0 && soc <= settings.min_soc_reserve {
            find("would be discharged below the reserve".to_owned());
        }
        if x > 0 && soc >= target && !overridden && !load.seen.stuck {
            find("would be charged above its target".to_owned());
        }
    }
    if x > last && x > highest_w(load, min, promise) && !overridden {
        find(format!("would rise from {last} W to {x} W at once"));
    }
    // One that was not commanded may go on as it does.
    let allowed = load.told_w().unwrap_or(load.seen.floor_w);
    if promise.decreases_only && x > allowed.max(load.bare_least_w()) {
        find(format!("would rise from {allowed} W to {x} W where nobody may rise"));
    }
    if promise.settings.lease_ms <= 0 {
        find("its setpoint has no lease".to_owned());
    }
}

/// Where a rise may lead within one interval: a ramp's step above the last setpoint, and to the smallest running power.
fn highest_w(load: &Load<'_, '_>, min: i64, promise: &Promise<'_>) -> i64 {
    step_w(load, promise).saturating_add(load.last_w().max(load.bare_least_w())).max(min)
}

/// The ramp's step in one interval; never less than a change worth sending.
pub(super) fn step_w(load: &Load<'_, '_>, promise: &Promise<'_>) -> i64 {
    let settings = promise.settings;
    let ramp = load.device.and_then(|device| device.ramp_w_per_s);
    let step = match ramp {
        Some(ramp) => ramp.saturating_mul(settings.interval_ms) / 1_000,
        None => load.seen.want.rated_w.saturating_mul(i64::from(settings.ramp_permille)) / 1_000,
    };
    step.max(settings.deadband_w.0).max(1)
}
