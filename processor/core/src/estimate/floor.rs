//! What a device may take, at most and at least, whatever is decided now.

use schemas::records::decision::Freshness;
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, LiveCommand};
use schemas::records::telemetry::{DeviceType, Nature};
use schemas::registry;
use schemas::{Timestamp, Watts};

use super::Role;
use crate::device::{rated_w, rejects, tolerance};

/// The power that counts: the window's mean, between windows the newest. Of what nobody commands the larger of the two,
/// and generation that is not heard any more as none.
pub(super) fn power(
    device: &Device,
    role: Role,
    freshness: Freshness,
    between_windows: bool,
) -> i64 {
    let newest = device.power_w.unwrap_or(Watts::ZERO).0;
    let mean = device.mean_w.map_or(newest, |mean| mean.0);
    match role {
        Role::Passive(_) if freshness != Freshness::Fresh => newest.max(mean).max(0),
        Role::Passive(_) if device.device_type != DeviceType::Meter => newest.max(mean),
        Role::Silent(_) if device.device_type.generates() => newest.max(mean).max(0),
        Role::Passive(_) | Role::Silent(_) | Role::Controlled | Role::Shadow => {
            if between_windows {
                newest
            } else {
                mean
            }
        }
    }
}

/// What a registered device may take, at most and at least, that was never heard (G13): what the operator named as its
/// fallback, else what the settings assume of one whose rating nobody knows.
pub(super) fn unheard(
    registered: Option<&registry::Device>,
    device_type: DeviceType,
    settings: &ControlSettings,
) -> (i64, i64) {
    let assumed = settings.unheard_w.0.max(0);
    let named = registered.and_then(|registered| registered.fallback_w);
    let (most, least) = match (named, device_type.nature()) {
        (Some(named), _) => (named.0, named.0),
        (None, Nature::Takes) => (assumed, 0),
        (None, Nature::Stores) => (assumed, -assumed),
        (None, Nature::Gives) => (0, -assumed),
        (None, Nature::Measures | Nature::Free) => (0, 0),
    };
    (most.max(0), least.min(0))
}

/// What the device may take whatever is decided now. `most` is what its live commands allow.
///
/// A live command counts until its lease is over or the device has said that another replaced it; the fallback counts
/// because a lease can lapse; observed power counts while it is above what was commanded, or nothing was. A device that
/// is not heard counts at the larger of all that, until every lease that it may have had is over: then one that is known
/// to keep leases is at its fallback.
pub(super) fn floor(
    device: &Device,
    role: Role,
    fallback: Watts,
    most: Option<Watts>,
    settings: &ControlSettings,
    now: Timestamp,
) -> i64 {
    let observed = observed_most(device);
    if matches!(role, Role::Silent(_)) {
        let unheard_ms = device.last_steering.map_or(i64::MAX, |at| now.since(at));
        let keeps_leases = device.capabilities.fallback_w.is_some()
            && !device.non_compliant
            && !device.distrusted
            && !rejects(device);
        let was_commanded = device.setpoint_w.is_some();
        let lapsed = keeps_leases && was_commanded && unheard_ms > 2 * settings.lease_ms;
        let least = if lapsed { fallback } else { observed.max(fallback) };
        // What is not heard gives nothing that counts.
        return most.unwrap_or(least).max(least).max(worst(device, settings)).0.max(0);
    }
    let most = most.map(|most| most.max(worst(device, settings)));
    match most {
        None => observed.max(fallback).max(worst(device, settings)).0,
        Some(most) if observed > most + tolerance(device) => observed.0,
        Some(most) => most.0,
    }
}

/// What one may take that is not believed, or that does as it likes: all that it can.
fn worst(device: &Device, settings: &ControlSettings) -> Watts {
    let takes = !device.device_type.generates();
    if takes && (device.distrusted || rejects(device)) {
        rated_w(device, settings)
    } else {
        Watts(i64::MIN)
    }
}

/// Whether others yield to the device: it does not follow (G21), or two intervals after it was told less it may still take
/// more. One that acknowledges must have said that it was told; of another it is enough that it is not seen above.
pub(super) fn is_stuck(
    device: &Device,
    floor_w: i64,
    settings: &ControlSettings,
    now: Timestamp,
) -> bool {
    if device.non_compliant || rejects(device) {
        return true;
    }
    let Some(told_w) = device.setpoint_w else { return false };
    let may_take_w =
        if device.acknowledges { floor_w } else { observed_most(device).0.min(floor_w) };
    let tolerance = tolerance(device);
    if (told_w + tolerance).0 >= may_take_w {
        return false;
    }
    let most = |live: &LiveCommand| (live.setpoint_w.max(live.fallback_w) + tolerance).0;
    let lower = device.live.iter().filter(|live| most(live) < floor_w);
    // Telling it the same again is no new decrease.
    let told = |live: &LiveCommand| {
        let since = device.setpoint_since.filter(|_| told_w == live.setpoint_w);
        since.map_or(live.decided, |since| since.min(live.decided))
    };
    lower.map(told).min().is_some_and(|since| now.since(since) >= 2 * settings.interval_ms)
}

/// The most that it was seen to take lately.
fn observed_most(device: &Device) -> Watts {
    device.power_w.unwrap_or(Watts::ZERO).max(device.mean_w.unwrap_or(Watts(i64::MIN)))
}

/// The mirror image: the least it may take, or the most it may give. `least` is what its live commands allow.
pub(super) fn least(device: &Device, fallback: Watts, least: Option<Watts>) -> i64 {
    let observed =
        device.power_w.unwrap_or(Watts::ZERO).min(device.mean_w.unwrap_or(Watts(i64::MAX)));
    let observed = match device.capabilities.export_cap() {
        Some(cap) if device.distrusted => observed.min(Watts(-cap.0)),
        Some(_) | None => observed,
    };
    match least {
        None => observed.min(fallback).0,
        Some(least) if observed < least - tolerance(device) => observed.0,
        Some(least) => least.0,
    }
}
