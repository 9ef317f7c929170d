//! What a device could use, at least and at most, and how heavily it weighs.

use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::DeviceType;
use schemas::registry::{self, DEFAULT_PRIORITY};
use schemas::{Soc, Timestamp, Watts};

use crate::device::tolerance;

/// Rating assumed for a device that names none and has drawn nothing yet, W.
const UNKNOWN_RATING_W: i64 = 1_000;
/// A device that takes less than it may for so many windows shows its need.
const NEED_WINDOWS: i32 = 4;
/// Most that a departure time multiplies a weight by, in thousandths.
const URGENCY_MAX_MILLI: i64 = 4_000;

/// Bounds and weight of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    /// Least power, W: negative where it may discharge.
    pub(crate) low_w: i64,
    /// What it could use, W.
    pub(crate) high_w: i64,
    /// Smallest running power, W; 0 where there is none.
    pub(crate) min_w: i64,
    /// Rating, W.
    pub(crate) rated_w: i64,
    /// Weight, in thousandths.
    pub(crate) weight_milli: i64,
    /// Why it wants no more.
    pub(crate) reason: Reason,
}

impl Want {
    /// Of a device that was never heard.
    pub(crate) const UNHEARD: Self = Self {
        low_w: 0,
        high_w: 0,
        min_w: 0,
        rated_w: 0,
        weight_milli: 1_000,
        reason: Reason::Missing,
    };
}

/// Target state of charge: the operator's, the owner's, else the settings'.
pub(crate) fn target_soc(
    device: &Device,
    registered: Option<&registry::Device>,
    settings: &ControlSettings,
) -> Soc {
    registered
        .and_then(|registered| registered.target_soc)
        .or(device.preferences.target_soc)
        .unwrap_or(settings.target_soc)
}

/// Priority: the operator's, the owner's, else 1.
pub(crate) fn priority(device: &Device, registered: Option<&registry::Device>) -> i32 {
    registered
        .and_then(|registered| registered.priority)
        .or(device.preferences.priority)
        .unwrap_or(DEFAULT_PRIORITY)
}

/// What the device could use now.
pub(crate) fn want(
    device: &Device,
    registered: Option<&registry::Device>,
    settings: &ControlSettings,
    now: Timestamp,
) -> Want {
    let target = target_soc(device, registered, settings);
    let rated_w = device
        .capabilities
        .import_cap()
        .map_or_else(|| device.peak_w.0.max(UNKNOWN_RATING_W), |cap| cap.0);
    let min_w = device.capabilities.min_power_w.map_or(0, |min| min.0.clamp(0, rated_w));
    let at_target = device.soc.is_some_and(|soc| soc >= target);
    let (high_w, reason) = if at_target {
        (0, Reason::TargetReached)
    } else {
        (device.need_w.map_or(rated_w, |need| need.0.min(rated_w)), Reason::Satisfied)
    };
    let may_discharge = device.device_type == DeviceType::Battery
        && device.soc.is_some_and(|soc| soc > settings.min_soc_reserve);
    let discharge = device.capabilities.export_cap().map_or(0, |cap| cap.0);
    let high_w = if high_w > 0 { high_w.max(min_w) } else { 0 };
    Want {
        low_w: if may_discharge { -discharge } else { 0 },
        high_w,
        min_w,
        rated_w,
        weight_milli: weight(device, registered, settings, target, now),
        reason,
    }
}

/// Notes, at the end of a window, what the device shows to need: one that takes less than it may for some windows in a
/// row wants a little more than it takes, not what it claims. One that takes all it may has an unknown need again.
pub(crate) fn note_need(device: &mut Device) {
    let (Some(mean), Some(setpoint)) = (device.mean_w, device.setpoint_w) else { return };
    if setpoint.0 <= 0 {
        return;
    }
    let tolerance = tolerance(device);
    if mean + tolerance >= setpoint {
        (device.idle_windows, device.need_w) = (0, None);
        return;
    }
    device.idle_windows = (device.idle_windows + 1).min(NEED_WINDOWS);
    if device.idle_windows < NEED_WINDOWS {
        return;
    }
    let rated = device.capabilities.import_cap().unwrap_or(device.peak_w).0;
    // Wider than the tolerance, or the probe itself would look like all that it may take.
    let probe = (rated / 10).max(2 * tolerance.0);
    let need = Watts(mean.0.max(0) + probe);
    // Noise moves nothing.
    if device.need_w.is_none_or(|known| (known - need).0.abs() > probe / 2) {
        device.need_w = Some(need);
    }
}

/// Priority × urgency, in thousandths, at least 1.
///
/// Urgency rises with the gap to the target, with a boost below the reserve, and with the power that a
/// departure needs (energy still missing ÷ time left) against the rating.
fn weight(
    device: &Device,
    registered: Option<&registry::Device>,
    settings: &ControlSettings,
    target: Soc,
    now: Timestamp,
) -> i64 {
    let priority = if settings.respect_priority {
        i64::from(priority(device, registered)).clamp(1, 10)
    } else {
        1
    };
    let Some(soc) = device.soc else {
        return 1_000 * priority;
    };
    let gap = i64::from((target.0 - soc.0).max(0));
    let boost = if soc < settings.min_soc_reserve { 5_000 } else { 0 };
    let soc_milli = 1_000 + i64::from(settings.soc_weight_permille) * (gap + boost) / 10_000;
    (priority * soc_milli * departure_urgency_milli(device, gap, now) / 1_000).max(1)
}

fn departure_urgency_milli(device: &Device, gap: i64, now: Timestamp) -> i64 {
    let (Some(departure), Some(capacity), Some(rated)) = (
        device.preferences.departure,
        device.capabilities.energy_wh,
        device.capabilities.import_cap(),
    ) else {
        return 1_000;
    };
    let left_ms = departure.since(now);
    if left_ms <= 0 || rated.0 <= 0 {
        return 1_000;
    }
    let missing_wh = i128::from(capacity.0) * i128::from(gap) / 10_000;
    let needed_w = missing_wh * 3_600_000 / i128::from(left_ms);
    let milli = 1_000 + i64::try_from(needed_w * 1_000 / i128::from(rated.0)).unwrap_or(i64::MAX);
    milli.min(URGENCY_MAX_MILLI)
}
