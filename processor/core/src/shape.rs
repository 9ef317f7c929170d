//! Shaping: ramp, dwell, deadband. It may only lower what it is given.

use schemas::Watts;
use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use crate::estimate::Seen;

/// The most a device may rise in one interval, W.
pub(crate) fn ramp_step_w(seen: &Seen<'_>, settings: &ControlSettings) -> Watts {
    let per_interval = seen.known.ramp_w_per_s.map_or_else(
        || seen.want.rated_w * i64::from(settings.ramp_permille) / 1_000,
        |ramp| ramp * settings.interval_ms / 1_000,
    );
    per_interval.max(settings.deadband_w).max(Watts(1))
}

/// Where a rise begins: at the last setpoint, else at what the device takes.
pub(crate) fn ramp_base_w(seen: &Seen<'_>) -> Watts {
    seen.known.setpoint_w.unwrap_or(seen.power_w)
}

/// The setpoint and why, from what was allotted (`raised_w`, at most `target_w`) and the reason for that.
pub(crate) fn shape(
    seen: &Seen<'_>,
    raised_w: Watts,
    target_w: Watts,
    why: Reason,
    settings: &ControlSettings,
) -> (Watts, Reason) {
    let last = seen.known.setpoint_w;
    let base = ramp_base_w(seen);
    let min_w = seen.want.min_w;
    let overridden = seen.override_w.is_some();
    let (mut setpoint, mut why) = (raised_w, why);
    if setpoint > base && !overridden {
        let ramped = base.max(seen.want.low_w) + ramp_step_w(seen, settings);
        if setpoint > ramped {
            // A device with a minimum starts at its minimum: it cannot run below.
            setpoint = if min_w > Watts::ZERO && base < min_w {
                min_w.max(ramped).min(setpoint)
            } else {
                ramped
            };
            why = Reason::Ramp;
        }
        if let Some(held) = holds_back(seen) {
            (setpoint, why) = (last.unwrap_or(base).min(setpoint), held);
        }
        // All that it can use is worth a message, however little is missing.
        let is_all = setpoint == seen.want.high_w;
        let small = |last: &Watts| setpoint - *last < settings.deadband_w && setpoint > *last;
        if let Some(last) = last.filter(small).filter(|_| !is_all) {
            (setpoint, why) = (last, Reason::Deadband);
        }
    }
    if setpoint > Watts::ZERO && setpoint < min_w {
        // Between nothing and its minimum it cannot run: it waits at nothing.
        setpoint = Watts::ZERO;
        if target_w > Watts::ZERO {
            why = Reason::AwaitsHeadroom;
        }
    }
    (setpoint, why)
}

/// Why the device may not rise now, if it may not: it was lowered a moment ago, or returns later after an event.
fn holds_back(seen: &Seen<'_>) -> Option<Reason> {
    if seen.released_later {
        return Some(Reason::Release);
    }
    seen.known.rests.then_some(Reason::Dwell)
}
