//! A state of charge as what it is: a reading with an age, of one session, that energy has to explain.

use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::{DeviceType, Telemetry};
use schemas::{Soc, Timestamp};

use crate::report::MS_PER_HOUR;

/// Nothing said of it for so long, it is unknown.
const AGE_MAX_MS: i64 = 60_000;
/// A car that comes within less of a sample without it is another one.
const SESSION_GAP_MS: i64 = 30_000;
/// So much of its size goes in or out of storage, in parts of 100, and its charge must have moved.
const UNMOVED_PERCENT: i64 = 3;

/// Takes in what a sample that steers says of it.
pub(crate) fn hear(device: &mut Device, sample: &Telemetry, at: Timestamp) {
    note_energy(device, at);
    match sample.soc {
        Some(soc) => {
            if device.soc != Some(soc) {
                device.soc_unmoved_wms = 0;
            }
            (device.soc, device.soc_at) = (Some(soc), Some(at));
        }
        None if device.soc_at.is_none_or(|since| at.since(since) > age_max_ms(device)) => {
            device.soc = None;
        }
        None => {}
    }
}

/// A car's charge goes with the car: one that says nothing of it has none a moment later.
fn age_max_ms(device: &Device) -> i64 {
    let of_type = if device.device_type == DeviceType::Ev { SESSION_GAP_MS } else { AGE_MAX_MS };
    of_type.max(device.period_ms.saturating_mul(5) / 2)
}

fn note_energy(device: &mut Device, at: Timestamp) {
    let (Some(last), Some(power)) = (device.last_steering, device.power_w) else { return };
    // What it took in a time when it was not heard nobody knows.
    let span = at.since(last).clamp(0, AGE_MAX_MS);
    device.soc_unmoved_wms = device.soc_unmoved_wms.saturating_add(power.0.saturating_mul(span));
}

/// The state of charge that counts: none where nobody has said it lately, or where it stands still while energy flows.
pub(crate) fn known(device: &Device, now: Timestamp) -> Option<Soc> {
    let soc = device.soc?;
    // A snapshot of before ages were kept has none.
    let aged = device.soc_at.is_some_and(|at| now.since(at) > age_max_ms(device));
    let sticks = device.device_type == DeviceType::Battery
        && device.capabilities.energy_wh.is_some_and(|size| {
            let most = size.0.saturating_mul(MS_PER_HOUR) / 100 * UNMOVED_PERCENT;
            device.soc_unmoved_wms.abs() > most
        });
    (!aged && !sticks).then_some(soc)
}

#[cfg(test)]
mod tests;
