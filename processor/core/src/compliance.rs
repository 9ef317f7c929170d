//! Whether a device follows its setpoints (G21): observed, not claimed. Must not know what it is allotted.

use schemas::Timestamp;
use schemas::records::snapshot::DeviceSnapshot as Device;

use crate::device::tolerance;

/// Windows in a row without following after which a device counts as non-compliant.
const STRIKES: i32 = 2;
/// Windows in a row of following after which it does not any more.
const GOOD_WINDOWS: i32 = 3;

/// Looks at the window that has just closed: did the device take more than any command that may have been in force in it?
pub(crate) fn note(device: &mut Device, window_start: Timestamp) {
    // In force when the window began, or since.
    let (Some(mean), Some(before), Some(since)) =
        (device.mean_w, device.allowed_before_w, device.allowed_w)
    else {
        return;
    };
    let bound = before.max(since) + tolerance(device);
    if mean <= bound {
        device.good = (device.good + 1).min(GOOD_WINDOWS);
        device.strikes = 0;
    } else {
        device.good = 0;
        // Not blamed is who is there or on the way, who was not heard in the window, or who acknowledges and has not got
        // the message.
        let heard = device.last_steering.is_some_and(|at| at >= window_start);
        let follows =
            device.power_w.is_some_and(|power| power <= bound || power + tolerance(device) < mean);
        let told = !device.acknowledges || device.live.iter().any(|live| live.applied);
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
