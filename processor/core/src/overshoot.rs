//! What a device that follows takes beyond its setpoint, within its tolerance: together that can be much. One that rounds
//! up to whole amperes does it again and again; noise does it once.

use schemas::Watts;
use schemas::records::snapshot::DeviceSnapshot as Device;

use crate::device::tolerance;

/// Less than this is noise, W, and less than one part in so many of its setpoint.
const LEAST: Watts = Watts(40);
const NOISE_PART: i64 = 100;
/// Of what was learned this part is forgotten in each window: one in so many.
const FORGOTTEN: i64 = 512;

/// What it takes beyond its setpoint now; nothing is seen of it while that changes.
fn seen(device: &Device) -> Option<Watts> {
    let (Some(mean), Some(allowed)) = (device.mean_w, device.allowed_w) else {
        return Some(Watts::ZERO);
    };
    if allowed <= Watts::ZERO || device.non_compliant {
        return Some(Watts::ZERO);
    }
    let is_steady = device.allowed_before_w == Some(allowed);
    let beyond = mean - allowed;
    let follows = beyond.abs() <= tolerance(device);
    is_steady.then_some(if follows { beyond } else { Watts::ZERO })
}

/// Learns, when a window has closed, what is taken again and again; it is forgotten while nothing is.
pub(crate) fn note(device: &mut Device) {
    let learned = device.overshoot_w;
    let least = least_w(device);
    let last = device.over_before_w;
    let again = seen(device).filter(|now| *now >= least && last >= least);
    let forgotten = learned - (learned / FORGOTTEN).max(Watts(1));
    let learned = again.map_or(forgotten, |now| now.max(last).max(learned));
    device.overshoot_w = if learned >= least { learned } else { Watts::ZERO };
    if let Some(now) = seen(device) {
        device.over_before_w = now;
    }
}

/// Less than this is noise.
fn least_w(device: &Device) -> Watts {
    device.allowed_w.map_or(LEAST, |allowed| (allowed / NOISE_PART).max(LEAST))
}

/// What counts beyond its setpoint: what was learned, or what was seen last, where that is more.
pub(crate) fn of(device: &Device) -> Watts {
    let last = seen(device).unwrap_or(device.over_before_w.max(Watts::ZERO));
    let told = device.allowed_w.is_some_and(|allowed| allowed > Watts::ZERO);
    let learned = device.overshoot_w;
    if told && learned > Watts::ZERO && !device.non_compliant { last.max(learned) } else { last }
}

#[cfg(test)]
mod tests;
