//! One device as the core remembers it: samples, acks, live commands. The state is the snapshot's record itself.

use schemas::records::ack::{Ack, AckStatus};
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, LiveCommand};
use schemas::records::telemetry::{Telemetry, TopicLayout};
use schemas::{Timestamp, Watts};

use crate::window;

/// Commands remembered per device; at this number the oldest is dropped. Leases end long before.
const LIVE_COMMANDS_MAX: usize = 16;

/// What a sample did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It steers.
    Steers,
    /// Too late, or known: history only.
    Late,
}

/// A device never heard before.
pub(crate) fn unheard(sample: &Telemetry) -> Device {
    Device {
        device_id: sample.device_id.clone(),
        device_type: sample.device_type,
        origin: sample.origin,
        feeder_id: sample.feeder_id.clone(),
        site_id: sample.site_id.clone(),
        typed_layout: false,
        capabilities: sample.capabilities.clone(),
        preferences: sample.preferences.clone(),
        last_event: None,
        last_arrival: None,
        last_steering: None,
        power_w: None,
        soc: None,
        offline: false,
        skewed: false,
        readings: Vec::new(),
        mean_w: None,
        live: Vec::new(),
        setpoint_w: None,
        setpoint_since: None,
        reason: None,
        hold_since: None,
        deficit_wms: 0,
        direction: 0,
        direction_since: None,
        running: false,
        running_since: None,
        strikes: 0,
        good: 0,
        non_compliant: false,
        peak_w: Watts::ZERO,
        tracking: Vec::new(),
    }
}

/// Takes a sample in.
pub(crate) fn hear(
    device: &mut Device,
    sample: &Telemetry,
    window_end: Timestamp,
    settings: &ControlSettings,
) -> Heard {
    let steering = steering_time(device, sample, settings.stale_ms);
    device.last_event = Some(sample.ts);
    device.last_arrival = Some(sample.arrival);
    let Some(at) = steering else {
        return Heard::Late;
    };
    if at < window_end || !window::add(&mut device.readings, at, sample.power_w) {
        return Heard::Late;
    }
    if device.last_steering.is_some_and(|last| at <= last) {
        // In the open window but not the newest: it weighs in the mean, nothing more.
        return Heard::Steers;
    }
    device.last_steering = Some(at);
    device.power_w = Some(sample.power_w);
    device.soc = sample.soc.or(device.soc);
    device.offline = !sample.online;
    device.device_type = sample.device_type;
    device.origin = sample.origin;
    device.feeder_id = sample.feeder_id.clone();
    device.site_id = sample.site_id.clone();
    device.typed_layout = sample.layout == TopicLayout::Typed;
    device.capabilities = sample.capabilities.clone();
    device.preferences = sample.preferences.clone();
    device.peak_w = device.peak_w.max(sample.power_w);
    Heard::Steers
}

/// The time by which a sample steers: the device's, or the arrival where its clock is off; none for an old reading
/// that comes late.
///
/// A clock that is off and a backlog after an outage look alike in one sample. They differ in pace: a live device's
/// samples arrive as far apart as they were taken, a backlog arrives in a burst.
fn steering_time(device: &mut Device, sample: &Telemetry, tolerance_ms: i64) -> Option<Timestamp> {
    let lag = sample.arrival.since(sample.ts);
    if lag.abs() <= tolerance_ms {
        device.skewed = false;
        return Some(sample.ts.min(sample.arrival));
    }
    let ahead = lag < 0;
    let live_pace = match (device.last_event, device.last_arrival) {
        (Some(event), Some(arrival)) => {
            let taken_apart = sample.ts.since(event);
            let arrived_apart = sample.arrival.since(arrival);
            taken_apart > 0
                && arrived_apart * 2 >= taken_apart
                && arrived_apart <= taken_apart * 2 + 1_000
        }
        (None, _) | (_, None) => false,
    };
    if ahead || live_pace {
        device.skewed = true;
        return Some(sample.arrival);
    }
    None
}

/// Takes an ack or status in. `setpoint_of` gives the id of a command's setpoint.
pub(crate) fn acknowledge(
    device: &mut Device,
    ack: &Ack,
    setpoint_of: impl Fn(&LiveCommand) -> uuid::Uuid,
) {
    let place =
        ack.setpoint_id.and_then(|id| device.live.iter().position(|live| setpoint_of(live) == id));
    match (ack.status, place) {
        (AckStatus::Online, _) => device.offline = false,
        (AckStatus::Offline, _) => device.offline = true,
        (AckStatus::Accepted, Some(place)) => drop(device.live.drain(..place)),
        (AckStatus::Applied, Some(place)) => {
            device.live[place].applied = true;
            device.live.drain(..place);
        }
        (AckStatus::Rejected | AckStatus::Expired | AckStatus::Superseded, Some(place)) => {
            device.live.remove(place);
        }
        (
            AckStatus::Accepted
            | AckStatus::Applied
            | AckStatus::Rejected
            | AckStatus::Expired
            | AckStatus::Superseded,
            None,
        ) => {}
    }
}

/// Remembers a command as possibly in force.
pub(crate) fn command(device: &mut Device, command: LiveCommand) {
    device.live.push(command);
    if device.live.len() > LIVE_COMMANDS_MAX {
        device.live.remove(0);
    }
}

/// Forgets commands whose lease is over, and those that the device has been seen to have left for the newest one.
pub(crate) fn prune_commands(
    device: &mut Device,
    now: Timestamp,
    interval_ms: i64,
    tolerance: Watts,
) {
    device.live.retain(|live| live.until > now);
    let (Some(newest), Some(power)) = (device.live.last().copied(), device.power_w) else {
        return;
    };
    let observed_since =
        device.last_steering.is_some_and(|at| at.since(newest.decided) >= interval_ms);
    if observed_since && power <= newest.setpoint_w + tolerance {
        device.live.retain(|live| {
            (live.epoch, live.seq) == (newest.epoch, newest.seq)
                || live.setpoint_w <= power + tolerance
        });
    }
}

/// How far a device's power may stray from its setpoint and still follow it: 5 % of its rating, at least 200 W.
pub(crate) fn tolerance(device: &Device) -> Watts {
    let rated = device.capabilities.import_cap().unwrap_or(device.peak_w);
    Watts((rated.0 / 20).max(200))
}
