//! What a device could use, at least and at most, and how heavily it weighs.

use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::DeviceType;
use schemas::registry::{self, DEFAULT_PRIORITY};
use schemas::{Soc, Timestamp, Watts};

use crate::device::{draws_nothing, rated_w, shown_rating, start_w, tolerance};
use crate::soc;

/// Beyond the reserve or below the target by so much storage begins again, in parts per 10 000: a charge that flickers
/// there moves nothing.
const SOC_HYSTERESIS: i32 = 200;
/// A device that takes less than it may for so many windows shows its need.
const NEED_WINDOWS: i32 = 4;
/// Most that a departure time multiplies a weight by, in thousandths.
const URGENCY_MAX_MILLI: i64 = 20_000;

/// Bounds and weight of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    /// Least power, W: negative where it may discharge.
    pub(crate) low_w: Watts,
    /// What it could use, W.
    pub(crate) high_w: Watts,
    /// Smallest running power, W; 0 where there is none.
    pub(crate) min_w: Watts,
    /// Rating, W.
    pub(crate) rated_w: Watts,
    /// Weight, in thousandths.
    pub(crate) weight_milli: i64,
    /// Why it wants no more.
    pub(crate) reason: Reason,
}

impl Want {
    /// Of a device that was never heard.
    pub(crate) const UNHEARD: Self = Self {
        low_w: Watts::ZERO,
        high_w: Watts::ZERO,
        min_w: Watts::ZERO,
        rated_w: Watts::ZERO,
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
    let soc = soc::known(device, now);
    let min_w = device.capabilities.min_power_w.unwrap_or_default();
    // Found out by probing upward, where it names none: a little more than it was ever seen to take.
    let probed = || rated_w(device, settings).max(device.peak_w / 4 * 5).max(min_w);
    let rated_w = device.capabilities.import_cap().unwrap_or_else(probed);
    let min_w = min_w.clamp(Watts::ZERO, rated_w);
    let rests_full = device.reason == Some(Reason::TargetReached);
    let full = Soc(target.0 - if rests_full { SOC_HYSTERESIS } else { 0 });
    let (high_w, reason) = if soc.is_some_and(|soc| soc >= full) {
        (Watts::ZERO, Reason::TargetReached)
    } else {
        (device.need_w.map_or(rated_w, |need| need.min(rated_w)), Reason::Satisfied)
    };
    let discharges = device.setpoint_w.is_some_and(|setpoint| setpoint < Watts::ZERO);
    let reserve = settings.min_soc_reserve.0 + if discharges { 0 } else { SOC_HYSTERESIS };
    // What is not known to be there is not given.
    let may_discharge =
        device.device_type == DeviceType::Battery && soc.is_some_and(|soc| soc.0 > reserve);
    let discharge = device.capabilities.export_cap().unwrap_or_default();
    let high_w = if high_w > Watts::ZERO { high_w.max(min_w) } else { Watts::ZERO };
    Want {
        low_w: if may_discharge { -discharge } else { Watts::ZERO },
        high_w,
        min_w,
        rated_w,
        weight_milli: weight(device, registered, settings, soc.zip(Some(target)), now),
        reason,
    }
}

/// Notes, at the end of a window, what the device shows to need: one that takes less than it may for some windows in a
/// row wants a little more than it takes, not what it claims. One that takes all it may has an unknown need again. Of
/// generation it is what the sun gives.
pub(crate) fn note_need(device: &mut Device, window_start: Timestamp, settings: &ControlSettings) {
    // Of one that speaks seldom the window's mean is mostly what it said before.
    let seldom = device.period_ms > settings.interval_ms;
    let seen = if seldom { device.power_w } else { device.mean_w };
    let (Some(seen), Some(setpoint)) = (seen, device.setpoint_w) else { return };
    let generates = device.device_type.generates();
    let (takes, may_take) = if generates { (-seen, -setpoint) } else { (seen, setpoint) };
    if may_take <= Watts::ZERO || !shows_itself(device, window_start, settings) {
        return;
    }
    let tolerance = tolerance(device);
    if takes + tolerance >= may_take {
        (device.idle_windows, device.need_w) = (0, None);
        return;
    }
    device.idle_windows = (device.idle_windows + 1).min(NEED_WINDOWS);
    if device.idle_windows < NEED_WINDOWS && !seldom {
        return;
    }
    let cap = &device.capabilities;
    let rated =
        if generates { cap.export_cap().unwrap_or(device.peak_w) } else { shown_rating(device) };
    // Wider than the tolerance, or the probe itself would look like all that it may take.
    let probe = (rated / 10).max(tolerance * 2);
    // A car that comes to a charger which names no smallest power would wait for ever for one that is too small for it.
    let may_start = device.device_type == DeviceType::Ev && cap.min_power_w.is_none();
    let most = rated_w(device, settings);
    let probe =
        if may_start && draws_nothing(seen, most) { probe.max(start_w(most)) } else { probe };
    let need = takes.max(Watts::ZERO) + probe;
    // Noise moves nothing.
    if device.need_w.is_none_or(|known| (known - need).abs() > probe / 2) {
        device.need_w = Some(need);
    }
}

/// Whether the window says anything of what the device takes of its setpoint: one that speaks seldom has to have spoken
/// in it, and to have had time to follow.
fn shows_itself(device: &Device, window_start: Timestamp, settings: &ControlSettings) -> bool {
    if device.period_ms <= settings.interval_ms {
        return true;
    }
    let Some(spoke) = device.last_steering.filter(|at| *at >= window_start) else { return false };
    device.setpoint_since.is_some_and(|since| spoke.since(since) >= 2 * settings.interval_ms)
}

/// Priority × urgency, in thousandths, at least 1.
///
/// Urgency rises with the gap to the target, with a boost below the reserve, and with the power that a
/// departure needs (energy still missing ÷ time left) against the rating.
fn weight(
    device: &Device,
    registered: Option<&registry::Device>,
    settings: &ControlSettings,
    soc: Option<(Soc, Soc)>,
    now: Timestamp,
) -> i64 {
    let priority = i64::from(priority(device, registered)).clamp(1, 10);
    // Without respect for priorities the extra quarter goes that they had, not the priorities.
    let unit_milli = if settings.respect_priority { 1_000 } else { 800 };
    let Some((soc, target)) = soc else {
        return unit_milli * priority;
    };
    let gap = i64::from((target.0 - soc.0).max(0));
    let boost = if soc < settings.min_soc_reserve { 5_000 } else { 0 };
    let soc_milli = 1_000 + i64::from(settings.soc_weight_permille) * (gap + boost) / 10_000;
    (priority * (unit_milli * soc_milli / 1_000) * departure_urgency_milli(device, gap, now)
        / 1_000)
        .max(1)
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
    // Of the time that is left so much is not needed, were it charged at its rating: the less, the more urgent.
    let spare_w = i128::from(rated.0) - needed_w;
    let least_spare_w = i128::from(rated.0) * 1_000 / i128::from(URGENCY_MAX_MILLI);
    let milli = i128::from(rated.0) * 1_000 / spare_w.max(least_spare_w).max(1);
    i64::try_from(milli).unwrap_or(URGENCY_MAX_MILLI)
}

#[cfg(test)]
mod tests;
