//! Shaping: ramp, dwell, deadband. It may only lower what it is given.

use schemas::Timestamp;
use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use crate::estimate::Seen;

/// The most a device may rise in one interval, W.
pub(crate) fn ramp_step_w(seen: &Seen<'_>, settings: &ControlSettings) -> i64 {
    let named = seen.device.and_then(|device| device.capabilities.ramp_w_per_s);
    let per_interval = named.map_or_else(
        || seen.want.rated_w.saturating_mul(i64::from(settings.ramp_permille)) / 1_000,
        |ramp| ramp.0.saturating_mul(settings.interval_ms) / 1_000,
    );
    per_interval.max(settings.deadband_w.0).max(1)
}

/// Where a rise begins: at the last setpoint, else at what the device takes.
pub(crate) fn ramp_base_w(seen: &Seen<'_>) -> i64 {
    let last = seen.device.and_then(|device| device.setpoint_w);
    last.map_or(seen.power_w, |last| last.0)
}

/// The setpoint and why, from what was allotted (`raised_w`, at most `target_w`) and the reason for that.
pub(crate) fn shape(
    seen: &Seen<'_>,
    raised_w: i64,
    target_w: i64,
    why: Reason,
    settings: &ControlSettings,
    now: Timestamp,
) -> (i64, Reason) {
    let last = seen.device.and_then(|device| device.setpoint_w).map(|last| last.0);
    let base = ramp_base_w(seen);
    let min_w = seen.want.min_w;
    let overridden = seen.override_w.is_some();
    let (mut setpoint, mut why) = (raised_w, why);
    if setpoint > base && !overridden {
        let ramped = base.max(seen.want.low_w) + ramp_step_w(seen, settings);
        if setpoint > ramped {
            // A device with a minimum starts at its minimum: it cannot run below.
            setpoint =
                if min_w > 0 && base < min_w { min_w.max(ramped).min(setpoint) } else { ramped };
            why = Reason::Ramp;
        }
        if let Some(held) = holds_back(seen, settings, now) {
            (setpoint, why) = (last.unwrap_or(base).min(setpoint), held);
        }
        if let Some(last) =
            last.filter(|last| setpoint - last < settings.deadband_w.0 && setpoint > *last)
        {
            (setpoint, why) = (last, Reason::Deadband);
        }
    }
    if setpoint > 0 && setpoint < min_w {
        // Between nothing and its minimum it cannot run: it waits at nothing.
        setpoint = 0;
        if target_w > 0 {
            why = Reason::AwaitsHeadroom;
        }
    }
    (setpoint, why)
}

/// Why the device may not rise now, if it may not: it was lowered a moment ago, or returns later after an event.
fn holds_back(seen: &Seen<'_>, settings: &ControlSettings, now: Timestamp) -> Option<Reason> {
    if seen.released_later {
        return Some(Reason::Release);
    }
    rests(seen, settings, now).then_some(Reason::Dwell)
}

/// Whether the device was lowered less than a dwell time ago.
pub(crate) fn rests(seen: &Seen<'_>, settings: &ControlSettings, now: Timestamp) -> bool {
    let lowered = seen.device.filter(|device| device.direction < 0);
    let since = lowered.and_then(|device| device.direction_since);
    since.is_some_and(|since| now.since(since) < settings.dwell_ms)
}
