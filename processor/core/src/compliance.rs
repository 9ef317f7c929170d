//! Whether a device follows its setpoints (G21): observed, not claimed. Must not know what it is allotted.

use schemas::Timestamp;
use schemas::records::snapshot::DeviceSnapshot as Device;

use crate::device::tolerance;

/// Windows in a row without following after which a device counts as non-compliant.
const STRIKES: i32 = 2;
/// Windows in a row of following after which it does not any more.
const GOOD_WINDOWS: i32 = 3;

/// Looks at the window that has just closed: did the device take more (generation: give more) than any command that may
/// have been in force in it?
pub(crate) fn note(device: &mut Device, window_start: Timestamp) {
    // In force when the window began, or since.
    let (Some(mean), Some(before), Some(since)) =
        (device.mean_w, device.allowed_before_w, device.allowed_w)
    else {
        return;
    };
    // Of generation the other way round: what it gives beyond what it may.
    let generates = device.device_type.generates();
    let sign = if generates { -1 } else { 1 };
    let tolerance = tolerance(device).0;
    let bound = (before.0 * sign).max(since.0 * sign) + tolerance;
    let mean = mean.0 * sign;
    if mean <= bound {
        device.good = (device.good + 1).min(GOOD_WINDOWS);
        device.strikes = 0;
    } else {
        device.good = 0;
        // Not blamed is who is there or on the way, who was not heard in the window, or who acknowledges and has not got
        // the message. Who refuses it has.
        let heard = device.last_steering.is_some_and(|at| at >= window_start);
        let power = device.power_w.map(|power| power.0 * sign);
        let follows = power.is_some_and(|power| power <= bound || power + tolerance < mean);
        let told = !device.acknowledges
            || device.rejections > 0
            || device.live.iter().any(|live| live.applied);
        if heard && told && !follows {
            device.strikes = (device.strikes + 1).min(STRIKES);
        }
    }
    if device.strikes >= STRIKES {
        device.non_compliant = true;
    } else if device.good >= GOOD_WINDOWS {
        device.non_compliant = false;
    }
}
