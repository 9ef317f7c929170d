//! One device as the core remembers it: samples, acks, live commands. The state is the snapshot's record itself.

use schemas::records::ack::{Ack, AckStatus};
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, LiveCommand};
use schemas::records::telemetry::{Telemetry, TopicLayout};
use schemas::{Timestamp, Watts};

use crate::window;

/// Commands remembered per device; beyond this number the oldest are merged. Leases end long before.
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
        carried_w: 0,
        wants_since: None,
        direction: 0,
        direction_since: None,
        running: false,
        running_since: None,
        strikes: 0,
        good: 0,
        non_compliant: false,
        peak_w: Watts::ZERO,
        acknowledges: false,
        idle_windows: 0,
        need_w: None,
        allowed_w: None,
        allowed_before_w: None,
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
    let before = device.last_event.zip(device.last_arrival);
    let steering = steering(before, sample, settings.stale_ms);
    if steering != Steering::Old || device.last_event.is_none_or(|last| sample.ts > last) {
        device.last_event = Some(sample.ts);
        device.last_arrival = Some(sample.arrival);
    }
    let at = match steering {
        Steering::Device(at) => at,
        Steering::Arrival(at) => at,
        Steering::Old => return Heard::Late,
    };
    device.skewed = matches!(steering, Steering::Arrival(_));
    if !window::add(&mut device.readings, at, sample.power_w) {
        return Heard::Late;
    }
    // Too late for its window, it never rewrites what was decided; the newest word of a device still counts as that.
    let heard = if at < window_end { Heard::Late } else { Heard::Steers };
    if device.last_steering.is_some_and(|last| at <= last) {
        // Not the newest: it weighs in the mean, nothing more.
        return heard;
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
    heard
}

/// The time by which a sample steers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steering {
    /// The device's.
    Device(Timestamp),
    /// Its arrival: the device's clock is off.
    Arrival(Timestamp),
    /// None: an old reading that comes late.
    Old,
}

/// The time by which a sample steers, from the event time and arrival of the one before.
///
/// A clock that is off and a backlog after an outage look alike in one sample. They differ in pace: a live device's
/// samples arrive as far apart as they were taken, a backlog arrives in a burst.
pub(crate) fn steering(
    before: Option<(Timestamp, Timestamp)>,
    sample: &Telemetry,
    tolerance_ms: i64,
) -> Steering {
    let lag = sample.arrival.since(sample.ts);
    if lag.abs() <= tolerance_ms {
        return Steering::Device(sample.ts.min(sample.arrival));
    }
    let live_pace = before.is_some_and(|(event, arrival)| {
        let taken_apart = sample.ts.since(event);
        let arrived_apart = sample.arrival.since(arrival);
        taken_apart > 0
            && arrived_apart * 2 >= taken_apart
            && arrived_apart <= taken_apart * 2 + 1_000
    });
    if lag < 0 || live_pace { Steering::Arrival(sample.arrival) } else { Steering::Old }
}

/// Takes an ack or status in. `setpoint_of` gives the id of a command's setpoint.
pub(crate) fn acknowledge(
    device: &mut Device,
    ack: &Ack,
    setpoint_of: impl Fn(&LiveCommand) -> uuid::Uuid,
) {
    let place =
        ack.setpoint_id.and_then(|id| device.live.iter().position(|live| setpoint_of(live) == id));
    device.acknowledges |= ack.setpoint_id.is_some();
    match (ack.status, place) {
        (AckStatus::Online, _) => device.offline = false,
        (AckStatus::Offline, _) => device.offline = true,
        (AckStatus::Accepted | AckStatus::Applied, Some(place)) => {
            device.live[place].applied = true;
            device.live.drain(..place);
        }
        // It does not take it, it came too late, or its lease has lapsed: in no case is it in force.
        (AckStatus::Rejected | AckStatus::Expired, Some(place)) => {
            device.live.remove(place);
        }
        // What has replaced it says so by itself. A repeated message may be called superseded by itself, too.
        (AckStatus::Superseded, Some(_)) => {}
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

/// Remembers a command as possibly in force. Where there are too many, the two oldest become one that allows what either
/// did for as long as either did.
pub(crate) fn command(device: &mut Device, command: LiveCommand) {
    device.live.push(command);
    if device.live.len() > LIVE_COMMANDS_MAX {
        let older = device.live.remove(0);
        let merged = &mut device.live[0];
        let most = |live: &LiveCommand| live.setpoint_w.max(live.fallback_w);
        let least = |live: &LiveCommand| live.setpoint_w.min(live.fallback_w);
        let (most, least) = (most(&older).max(most(merged)), least(&older).min(least(merged)));
        (merged.setpoint_w, merged.fallback_w) = (most, least);
        merged.until = merged.until.max(older.until);
        merged.decided = older.decided;
    }
}

/// Forgets commands whose lease is over.
///
/// Power that drops is no reason to forget one: a car that was full for a while comes back to whatever command is in
/// force. Only an ack says that a command was replaced, or the end of its lease.
pub(crate) fn prune_commands(device: &mut Device, now: Timestamp) {
    device.live.retain(|live| live.until > now);
}

/// The most and the least that the commands which may be in force allow; none when there is none.
pub(crate) fn commanded(device: &Device, now: Timestamp) -> Option<(Watts, Watts)> {
    let live = || device.live.iter().filter(|live| live.until > now);
    let most = live().map(|live| live.setpoint_w.max(live.fallback_w)).max()?;
    let least = live().map(|live| live.setpoint_w.min(live.fallback_w)).min()?;
    Some((most, least))
}

/// How far a device's power may stray from its setpoint and still follow it: 5 % of its rating, at least 200 W.
pub(crate) fn tolerance(device: &Device) -> Watts {
    let rated = device.capabilities.import_cap().unwrap_or(device.peak_w);
    Watts((rated.0 / 20).max(200))
}
