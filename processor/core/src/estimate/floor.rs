//! What a device may take, at most and at least, whatever is decided now.

use schemas::records::decision::Freshness;
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, LiveCommand};
use schemas::records::telemetry::{DeviceType, Nature};
use schemas::registry;
use schemas::{Timestamp, Watts};

use super::{Moment, Role};
use crate::bounds::Bounds;
use crate::device::{allows, rated_w, rejects, tolerance};

/// The power that counts: the window's mean, between windows the newest. Of what nobody commands the larger of the two,
/// and generation that is not heard any more as none.
pub(super) fn power(
    device: &Device,
    role: Role,
    freshness: Freshness,
    between_windows: bool,
) -> Watts {
    let newest = device.power_w.unwrap_or_default();
    let mean = device.mean_w.unwrap_or(newest);
    match role {
        Role::Passive(_) if freshness != Freshness::Fresh => newest.max(mean).max(Watts::ZERO),
        Role::Passive(_) if device.device_type != DeviceType::Meter => newest.max(mean),
        Role::Silent(_) if device.device_type.generates() => newest.max(mean).max(Watts::ZERO),
        Role::Passive(_) | Role::Silent(_) | Role::Controlled | Role::Shadow => {
            if between_windows {
                newest
            } else {
                mean
            }
        }
    }
}

/// What a registered device may take that was never heard (G13): what the operator named as its fallback, else what the
/// settings assume of one whose rating nobody knows.
pub(super) fn unheard(
    registered: Option<&registry::Device>,
    device_type: DeviceType,
    settings: &ControlSettings,
) -> Bounds {
    let assumed = settings.unheard_w.max(Watts::ZERO);
    if let Some(named) = registered.and_then(|registered| registered.fallback_w) {
        return Bounds::between(named, Watts::ZERO);
    }
    match device_type.nature() {
        Nature::Takes => Bounds { most: assumed, ..Bounds::NOTHING },
        Nature::Stores => Bounds { least: -assumed, most: assumed },
        Nature::Gives => Bounds { least: -assumed, ..Bounds::NOTHING },
        Nature::Measures | Nature::Free => Bounds::NOTHING,
    }
}

/// What the device may take whatever is decided now. `allowed` is what its live commands allow.
pub(super) fn may_take(
    device: &Device,
    role: Role,
    fallback: Watts,
    allowed: Option<Bounds>,
    moment: &Moment<'_, '_>,
) -> Bounds {
    let most = most(device, role, fallback, allowed.map(|allowed| allowed.most), moment);
    Bounds { least: least(device, fallback, allowed.map(|allowed| allowed.least)), most }
}

/// A live command counts until its lease is over or the device has said that another replaced it; the fallback counts
/// because a lease can lapse; observed power counts while it is above what was commanded, or nothing was. A device that
/// is not heard counts at the larger of all that, until every lease that it may have had is over: then one that is known
/// to keep leases is at its fallback.
fn most(
    device: &Device,
    role: Role,
    fallback: Watts,
    allowed: Option<Watts>,
    moment: &Moment<'_, '_>,
) -> Watts {
    let settings = &moment.registry.settings;
    let (seen, worst) = (observed(device).most, worst(device, settings));
    if matches!(role, Role::Silent(_)) {
        let unheard_ms = device.last_steering.map_or(i64::MAX, |at| moment.now.since(at));
        let keeps_leases = device.capabilities.fallback_w.is_some()
            && !device.non_compliant
            && !device.distrusted
            && !rejects(device);
        let was_commanded = device.setpoint_w.is_some();
        let lapsed = keeps_leases && was_commanded && unheard_ms > 2 * settings.lease_ms;
        let least = if lapsed { fallback } else { seen.max(fallback) };
        // What is not heard gives nothing that counts.
        return allowed.unwrap_or(least).max(least).max(worst).max(Watts::ZERO);
    }
    let allowed = allowed.map(|most| most.max(worst));
    beyond(seen, allowed, fallback.max(worst), tolerance(device))
}

/// The mirror image: the most that it may give.
fn least(device: &Device, fallback: Watts, allowed: Option<Watts>) -> Watts {
    let seen = observed(device).least;
    let seen = match device.capabilities.export_cap() {
        Some(cap) if device.distrusted => seen.min(-cap),
        Some(_) | None => seen,
    };
    -beyond(-seen, allowed.map(|least| -least), -fallback, tolerance(device))
}

/// The most that commands allow, unless it is seen beyond that; without a command what is seen, or what it falls back to.
fn beyond(seen: Watts, allowed: Option<Watts>, fallback: Watts, tolerance: Watts) -> Watts {
    match allowed {
        None => seen.max(fallback),
        Some(most) if seen > most + tolerance => seen,
        Some(most) => most,
    }
}

/// What one may take that is not believed, or that does as it likes: all that it can.
fn worst(device: &Device, settings: &ControlSettings) -> Watts {
    let takes = !device.device_type.generates();
    if takes && (device.distrusted || rejects(device)) {
        rated_w(device, settings)
    } else {
        Watts::MIN
    }
}

/// Whether others yield to the device, which may take `most`: it does not follow (G21), or two intervals after it was told
/// less it may still take more. One that acknowledges must have said that it was told; of another it is enough that it is not
/// seen above.
pub(super) fn is_stuck(
    device: &Device,
    most: Watts,
    settings: &ControlSettings,
    now: Timestamp,
) -> bool {
    if device.non_compliant || rejects(device) {
        return true;
    }
    let Some(told) = device.setpoint_w else { return false };
    let may_take = if device.acknowledges { most } else { observed(device).most.min(most) };
    let tolerance = tolerance(device);
    if told + tolerance >= may_take {
        return false;
    }
    let lower = device.live.iter().filter(|live| allows(live).most + tolerance < most);
    // Telling it the same again is no new decrease.
    let since = |live: &LiveCommand| {
        let since = device.setpoint_since.filter(|_| told == live.setpoint_w);
        since.map_or(live.decided, |since| since.min(live.decided))
    };
    lower.map(since).min().is_some_and(|since| now.since(since) >= 2 * settings.interval_ms)
}

/// What it was seen to take lately.
fn observed(device: &Device) -> Bounds {
    let newest = device.power_w.unwrap_or_default();
    Bounds::between(newest, device.mean_w.unwrap_or(newest))
}
