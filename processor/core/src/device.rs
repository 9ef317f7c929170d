//! One device as the core remembers it: samples, acks, live commands. The state is the snapshot's record itself.

use schemas::records::ack::{Ack, AckStatus};
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, LiveCommand};
use schemas::records::telemetry::{Telemetry, TopicLayout};
use schemas::registry::Registry;
use schemas::{Timestamp, Watts};

use crate::bounds::Bounds;
use crate::{belief, claims, soc, window};

/// Commands remembered per device; beyond this number the oldest are merged. Leases end long before.
const LIVE_COMMANDS_MAX: usize = 16;

/// What a sample did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It steers.
    Steers,
    /// Too late, or known: history only.
    Late,
    /// It cannot be true, or comes from one that is not believed yet: history only.
    Doubted,
}

/// A device counts as silent after so many of its own periods, in halves.
const STALE_HALF_PERIODS: i64 = 5;
/// The longest period at which a device is controlled as it should be.
const PERIOD_MAX_MS: i64 = 60_000;

/// A device never heard before.
pub(crate) fn unheard(sample: &Telemetry) -> Device {
    Device {
        device_id: sample.device_id.clone(),
        device_type: sample.device_type,
        origin: sample.origin,
        feeder_id: sample.feeder_id.clone(),
        site_id: sample.site_id.clone(),
        typed_layout: false,
        capabilities: claims::settled(&sample.capabilities).0,
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
        carried_w: Watts::ZERO,
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
        doubt: 0,
        distrusted: false,
        contradicts: false,
        rejections: 0,
        offline_since: None,
        gap_ms: 0,
        period_ms: 0,
        soc_at: None,
        soc_unmoved_wms: 0,
        overshoot_w: Watts::ZERO,
        over_before_w: Watts::ZERO,
        power_before_w: None,
        zigzags: 0,
    }
}

/// Takes a sample in.
pub(crate) fn hear(
    device: &mut Device,
    sample: &Telemetry,
    window_end: Timestamp,
    registry: &Registry,
) -> Heard {
    let before = device.last_event.zip(device.last_arrival);
    let steering = steering(before, sample, registry.settings.stale_ms);
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
    let (capabilities, contradicts) = claims::settled(&sample.capabilities);
    device.contradicts = contradicts;
    if !belief::believes(device, sample, &capabilities, registry) {
        return Heard::Doubted;
    }
    if !window::add(&mut device.readings, at, sample.power_w) {
        return Heard::Late;
    }
    // Too late for its window, it never rewrites what was decided; the newest word of a device still counts as that.
    let heard = if at < window_end { Heard::Late } else { Heard::Steers };
    if device.last_steering.is_some_and(|last| at <= last) {
        // Not the newest: it weighs in the mean, nothing more.
        return heard;
    }
    note_period(device, at);
    belief::pass_over_spike(device, sample);
    soc::hear(device, sample, at);
    device.last_steering = Some(at);
    device.power_before_w = device.power_w;
    device.power_w = Some(sample.power_w);
    // A status that came after the sample says more.
    if device.offline_since.is_none_or(|since| sample.arrival > since) {
        device.offline = !sample.online;
        device.offline_since = None;
    }
    device.origin = sample.origin;
    device.feeder_id = sample.feeder_id.clone();
    device.site_id = sample.site_id.clone();
    device.typed_layout = sample.layout == TopicLayout::Typed;
    device.capabilities = capabilities;
    device.preferences = sample.preferences.clone();
    device.peak_w = device.peak_w.max(sample.power_w);
    heard
}

/// Notes how far apart its samples are: one that is missing does not count.
fn note_period(device: &mut Device, at: Timestamp) {
    let Some(last) = device.last_steering else { return };
    let gap = at.since(last);
    device.period_ms = if device.gap_ms == 0 { gap } else { gap.min(device.gap_ms) };
    device.gap_ms = gap;
}

/// The period of one that does not speak in every window, as far as it is controlled by it; 0 of all others.
pub(crate) fn slow_period_ms(device: &Device, settings: &ControlSettings) -> i64 {
    if device.period_ms > settings.interval_ms { device.period_ms.min(PERIOD_MAX_MS) } else { 0 }
}

/// How far apart its samples may be and it was heard all the time.
pub(crate) fn usual_gap_ms(device: &Device, settings: &ControlSettings) -> i64 {
    let usual_ms = 2 * settings.interval_ms.max(settings.lateness_ms);
    usual_ms.max(slow_period_ms(device, settings) * 6 / 5)
}

/// Whether it has said lately what it takes, for one that speaks as it does.
pub(crate) fn is_heard(device: &Device, now: Timestamp, settings: &ControlSettings) -> bool {
    device.last_steering.is_some_and(|at| now.since(at) <= usual_gap_ms(device, settings))
}

/// How old its last sample may be before it counts as not heard: what the settings say, for one that speaks seldom a
/// little more than two of its own periods.
pub(crate) fn stale_after_ms(device: &Device, settings: &ControlSettings) -> i64 {
    let period = device.period_ms.min(PERIOD_MAX_MS);
    settings.stale_ms.max(period * STALE_HALF_PERIODS / 2)
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

/// Before it nobody had such a device: a clock that was never set, or seconds given as milliseconds.
const EARLIEST: Timestamp = Timestamp(946_684_800_000);
/// Samples of one time that arrive so far apart are no burst.
const LIVE_APART_MS: i64 = 500;

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
    if sample.ts < EARLIEST && sample.arrival >= EARLIEST {
        return Steering::Arrival(sample.arrival);
    }
    if lag.abs() <= tolerance_ms {
        return Steering::Device(sample.ts.min(sample.arrival));
    }
    let live_pace = before.is_some_and(|(event, arrival)| {
        let taken_apart = sample.ts.since(event);
        let arrived_apart = sample.arrival.since(arrival);
        // Readings of a backlog were taken one after the other: a clock that stands still is none.
        let stands_still = taken_apart == 0 && arrived_apart >= LIVE_APART_MS;
        stands_still
            || taken_apart > 0
                && arrived_apart * 2 >= taken_apart
                && arrived_apart <= taken_apart * 2 + 1_000
    });
    if lag < 0 || live_pace { Steering::Arrival(sample.arrival) } else { Steering::Old }
}

/// Within this a device does what it has said it does, ms: until then it may still do what it was told before.
const REACTS_MS: i64 = 2_000;

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
        (AckStatus::Online, _) => (device.offline, device.offline_since) = (false, None),
        // What arrived after it has been heard already, or says otherwise.
        (AckStatus::Offline, _) if device.last_arrival.is_some_and(|at| at > ack.arrival) => {}
        (AckStatus::Offline, _) => {
            (device.offline, device.offline_since) = (true, Some(ack.arrival));
        }
        (AckStatus::Accepted | AckStatus::Applied, Some(place)) => {
            device.rejections = 0;
            device.live[place].applied = true;
            // It has begun to do it, no more: what it was told before may be seen for a moment yet.
            let over = ack.arrival.plus_ms(REACTS_MS);
            device.live[..place].iter_mut().for_each(|live| live.until = live.until.min(over));
        }
        // It came too late, or its lease has lapsed: it is not in force.
        (AckStatus::Expired, Some(place)) => {
            device.live.remove(place);
        }
        // It does not take it, and says nothing of what it does instead: what it may take is no less.
        (AckStatus::Rejected, Some(_)) => device.rejections = device.rejections.saturating_add(1),
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
        let either = allows(&older).or(allows(merged));
        (merged.setpoint_w, merged.fallback_w) = (either.most, either.least);
        merged.until = merged.until.max(older.until);
        merged.decided = older.decided;
    }
}

/// What the clock of the processor said when it was ahead counts as of now: nothing stays fresh, or in force, for longer
/// than that by it.
pub(crate) fn heed_clock(device: &mut Device, now: Timestamp) {
    // One that was told nothing for long may still rest, or run, since a moment that is to come.
    let last = device.live.last().map(|live| live.decided).max(device.last_steering);
    let changed = device.setpoint_since.max(device.direction_since).max(device.running_since);
    if last.max(changed).is_none_or(|last| last <= now) {
        return;
    }
    let no_later = |at: &mut Option<Timestamp>| *at = at.map(|at| at.min(now));
    [&mut device.last_steering, &mut device.last_arrival, &mut device.soc_at]
        .into_iter()
        .for_each(no_later);
    [&mut device.setpoint_since, &mut device.direction_since, &mut device.running_since]
        .into_iter()
        .for_each(no_later);
    device.readings.retain(|reading| reading.at <= now);
    for live in device.live.iter_mut().filter(|live| live.decided > now) {
        live.until = now.plus_ms(live.until.since(live.decided));
        live.decided = now;
    }
}

/// Forgets commands whose lease is over.
///
/// Power that drops is no reason to forget one: a car that was full for a while comes back to whatever command is in
/// force. Only an ack says that a command was replaced, or the end of its lease.
pub(crate) fn prune_commands(device: &mut Device, now: Timestamp) {
    device.live.retain(|live| live.until > now);
}

/// What a command allows: what it tells, and what the device does when its lease lapses.
pub(crate) fn allows(live: &LiveCommand) -> Bounds {
    Bounds::between(live.setpoint_w, live.fallback_w)
}

/// What the commands which may be in force allow; none when there is none.
pub(crate) fn commanded(device: &Device, now: Timestamp) -> Option<Bounds> {
    let live = device.live.iter().filter(|live| live.until > now);
    live.map(allows).reduce(Bounds::or)
}

/// One ampere, on one phase and on three, W: chargers follow in whole ones, and some round up.
const AMPERE: Watts = Watts(230);
/// What one phase can give, W: a charger that takes more has three.
const ONE_PHASE_MAX: Watts = Watts(7_400);

/// A device strays at least so far from its setpoint and follows it.
const TOLERANCE_LEAST: Watts = Watts(200);

/// On how many phases a charger of that rating stands.
fn phases(rated: Watts) -> i64 {
    if rated > ONE_PHASE_MAX { 3 } else { 1 }
}

/// How far a device's power may stray from its setpoint and still follow it: 5 % of its rating, at least 200 W, and for a
/// charger at least an ampere.
pub(crate) fn tolerance(device: &Device) -> Watts {
    let rated = shown_rating(device);
    let follows_amperes = device.device_type.follows_amperes();
    let step = if follows_amperes { AMPERE * phases(rated) } else { Watts::ZERO };
    (rated / 20).max(TOLERANCE_LEAST).max(step)
}

/// Whether it has said more than once in a row that it does not take what it is told.
pub(crate) fn rejects(device: &Device) -> bool {
    device.rejections > 1
}

/// What a charger takes for itself, W, or one part in so many of its rating: no car is charged with that.
const IDLE: Watts = Watts(60);
const IDLE_PART: i64 = 100;
/// Least current that a charger may offer a car, A (IEC 61851-1).
const LEAST_OFFER_A: i64 = 6;

/// Whether a charger of that rating draws nothing but what it takes for itself.
pub(crate) fn draws_nothing(power_w: Watts, rated_w: Watts) -> bool {
    power_w <= IDLE.max(rated_w / IDLE_PART)
}

/// The power with which a car starts whose charger names no smallest one, W: six amperes on as many phases as the rating
/// needs.
pub(crate) fn start_w(rated_w: Watts) -> Watts {
    rated_w.min(AMPERE * LEAST_OFFER_A * phases(rated_w))
}

/// The rating that it names, else the most that it was seen to take.
pub(crate) fn shown_rating(device: &Device) -> Watts {
    device.capabilities.import_cap().unwrap_or(device.peak_w)
}

/// The most that the device can take, as far as it is known.
pub(crate) fn rated_w(device: &Device, settings: &ControlSettings) -> Watts {
    let unnamed = || settings.unheard_w.max(device.peak_w);
    device.capabilities.import_cap().unwrap_or_else(unnamed)
}

#[cfg(test)]
mod tests;
