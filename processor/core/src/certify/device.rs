//! What holds for one device: bounds (G4), ramp (G9), state of charge (G10), lease (G12).

use schemas::Watts;

use super::{Finding, Load, Promise};

pub(super) fn check(load: &Load<'_, '_>, promise: &Promise<'_>, findings: &mut Vec<Finding>) {
    let Some(device) = load.device.filter(|_| !load.non_compliant()) else { return };
    let id = load.seen.device_id;
    let mut find = |what: String| findings.push(Finding::of_device(load.index, id, &what));
    let (x, last) = (load.setpoint_w, load.last_w());
    let overridden = load.seen.override_w.is_some();
    let told = load.told_w().unwrap_or_default();
    if let Some(rated) = device.rated_w.filter(|rated| x > told.max(*rated)) {
        find(format!("setpoint {x} is above its rating of {rated}"));
    }
    if x < load.bare_least_w() && !load.seen.stuck {
        find(format!("setpoint {x} is below the {} that it can give", load.bare_least_w()));
    }
    let min = device.min_w;
    if x > Watts::ZERO && x < min && !overridden {
        find(format!("setpoint {x} is below its minimum of {min}"));
    }
    let (least, most) = (load.least_w(), load.lapsed_w(load.cap_w()));
    if !(least.min(load.bare_least_w())..=most.max(least)).contains(&load.share_w) {
        find(format!("share {} is outside of {least} to {most}", load.share_w));
    }
    if let Some((soc, target)) = device.charge {
        let settings = promise.settings;
        if x < Watts::ZERO && soc <= settings.min_soc_reserve {
            find("would be discharged below the reserve".to_owned());
        }
        if x > Watts::ZERO && soc >= target && !overridden && !load.seen.stuck {
            find("would be charged above its target".to_owned());
        }
    }
    if x > last && x > highest_w(load, min, promise) && !overridden {
        find(format!("would rise from {last} to {x} at once"));
    }
    // One that was not commanded may go on as it does.
    let allowed = load.told_w().unwrap_or(load.seen.may.most);
    if promise.decreases_only && x > allowed.max(load.bare_least_w()) {
        find(format!("would rise from {allowed} to {x} where nobody may rise"));
    }
    if promise.settings.lease_ms <= 0 {
        find("its setpoint has no lease".to_owned());
    }
}

/// Where a rise may lead within one interval: a ramp's step above the last setpoint, and to the smallest running power.
fn highest_w(load: &Load<'_, '_>, min: Watts, promise: &Promise<'_>) -> Watts {
    (step_w(load, promise) + load.last_w().max(load.bare_least_w())).max(min)
}

/// The ramp's step in one interval; never less than a change worth sending.
pub(super) fn step_w(load: &Load<'_, '_>, promise: &Promise<'_>) -> Watts {
    let settings = promise.settings;
    let ramp = load.device.and_then(|device| device.ramp_w_per_s);
    let step = match ramp {
        Some(ramp) => ramp * settings.interval_ms / 1_000,
        None => load.seen.want.rated_w * i64::from(settings.ramp_permille) / 1_000,
    };
    step.max(settings.deadband_w).max(Watts(1))
}
