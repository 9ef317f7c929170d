//! Whether a device's readings are believed: held against what it can do, against what it is registered as, and against
//! each other. One wild reading is passed over; when they go on, the device counts at its worst until a few in a row can
//! be true. Must not know what anybody is allotted.

use schemas::Watts;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::{Capabilities, DeviceType, Telemetry};
use schemas::registry::Registry;

use crate::claims;
use crate::device::tolerance;

/// What a reading that cannot be true adds to the doubt; each that can takes one away.
const DOUBT_STEP: i32 = 2;
/// From here on the device is not believed, until nothing of the doubt is left.
const DISTRUST: i32 = 4;
/// A meter's reading that jumps by less, or by less than a half, is no spike.
const SPIKE_W: i64 = 5_000;
/// A meter's reading is at most so many times the feeder's limit, or the most that it has said, and that is at least this.
const METER_TIMES: i64 = 5;
const FEEDER_LEAST: Watts = Watts(20_000);
/// So many samples in a row that jump back to the one before the last come from two devices.
const ZIGZAGS: i32 = 12;
/// Good samples until one that was two is one again.
const TWINS_DOUBT: i32 = 300;

/// Weighs a sample; says whether it may steer.
pub(crate) fn believes(
    device: &mut Device,
    sample: &Telemetry,
    claims: &Capabilities,
    registry: &Registry,
) -> bool {
    let plausible = sample.device_type == device.device_type
        && claims::is_plausible(sample.power_w, claims, device.device_type)
        && (device.device_type != DeviceType::Meter || fits_its_feeder(device, sample, registry));
    if plausible {
        device.doubt = (device.doubt - 1).max(0);
    } else if device.doubt < DISTRUST {
        device.doubt += DOUBT_STEP;
    }
    note_zigzag(device, sample);
    if device.doubt >= DISTRUST {
        device.distrusted = true;
    } else if device.doubt == 0 {
        device.distrusted = false;
    }
    plausible && !device.distrusted
}

/// No meter sees many times what its feeder is built for, or what it has seen before.
fn fits_its_feeder(device: &Device, sample: &Telemetry, registry: &Registry) -> bool {
    let registered = registry.devices.get(&sample.device_id);
    let feeder_id = registered.map_or(&sample.feeder_id, |registered| &registered.feeder_id);
    let limits = registry.feeders.get(feeder_id).map(|feeder| {
        registry.import_limit(feeder).max(feeder.export_limit_w.unwrap_or(Watts::ZERO))
    });
    let known = limits.unwrap_or(Watts::ZERO).max(device.peak_w).max(FEEDER_LEAST);
    sample.power_w.0.saturating_abs() <= known.0.saturating_mul(METER_TIMES)
}

/// A meter's single reading far off between two that are alike was none: it counts as the one before it.
pub(crate) fn pass_over_spike(device: &mut Device, sample: &Telemetry) {
    let (Some(spike), Some(before), Some(at)) =
        (device.power_w, device.power_before_w, device.last_steering)
    else {
        return;
    };
    let jump = (spike - before).0.abs();
    let back = (sample.power_w - before).0.abs();
    let is_spike = jump > SPIKE_W.max(before.0.abs() / 2) && back * 4 < jump;
    if device.device_type != DeviceType::Meter || !is_spike {
        return;
    }
    device.power_w = Some(before);
    if let Some(reading) = device.readings.iter_mut().find(|reading| reading.at == at) {
        reading.power_w = before;
    }
}

/// Two publishers under one id speak in turns: each sample jumps away from the last, back to the one before.
fn note_zigzag(device: &mut Device, sample: &Telemetry) {
    let commanded = matches!(device.device_type, DeviceType::Ev | DeviceType::Battery);
    let (Some(last), Some(before)) = (device.power_w, device.power_before_w) else { return };
    if !commanded {
        return;
    }
    let jump = (sample.power_w - last).0.abs();
    if jump <= tolerance(device).0 {
        device.zigzags = 0;
        return;
    }
    let back = (sample.power_w - before).0.abs();
    device.zigzags = if back * 4 < jump { device.zigzags + 1 } else { 0 };
    if device.zigzags >= ZIGZAGS {
        (device.zigzags, device.doubt) = (0, TWINS_DOUBT);
    }
}

#[cfg(test)]
mod tests;
