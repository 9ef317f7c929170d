//! One feeder tree as a state machine: inputs in log order, a decision at a tick.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemas::records::ack::Ack;
use schemas::records::decision::{Decision, DeviceDecision, Emit, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{
    DeviceSnapshot as Device, LiveCommand, NodeSnapshot, TrackingBucket,
};
use schemas::records::telemetry::Telemetry;
use schemas::registry::Registry;
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use crate::bounds::Bounds;
use crate::certify;
use crate::device::{self, Heard};
use crate::devices::Devices;
use crate::estimate::{Moment, Role, estimate};
use crate::limits::limits;
use crate::plan::{Plan, Planned, plan, stop};
use crate::policy::{Policy, WaterFill};
use crate::topology::Topology;
use crate::{compliance, correction, overshoot, policy, report, standing, wants, window};

/// Slices of the rolling tracking window.
const TRACKING_SLICES: i64 = 10;
/// Of a deficit this part is forgiven each decision: one in so many.
const DEFICIT_FORGIVEN: i64 = 256;
/// A deficit is at most the rating for so long.
const DEFICIT_MAX_MS: i64 = 3_600_000;

/// What comes in between decisions. Operators' changes come with the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "telemetry is nearly all there is")]
pub enum Input {
    /// A sample.
    Telemetry(Telemetry),
    /// An ack or status.
    Ack(Ack),
}

/// The tick that a decision is made at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The clock reading.
    pub now: Timestamp,
    /// Why now.
    pub trigger: Trigger,
    /// Which decision of the tree is made.
    pub no: DecisionNo,
    /// The claim's writer.
    pub writer: Uuid,
    /// What has been consumed.
    pub positions: Positions,
}

/// The state of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub(crate) root: FeederId,
    pub(crate) devices: Devices,
    pub(crate) nodes: BTreeMap<FeederId, NodeSnapshot>,
    pub(crate) window_end: Timestamp,
    pub(crate) latest: Option<Timestamp>,
    pub(crate) decided_at: Timestamp,
    pub(crate) late_samples: i64,
    pub(crate) restarted_at: Option<Timestamp>,
}

impl Tree {
    /// A tree that nothing is known of yet.
    #[must_use]
    pub fn new(root: FeederId) -> Self {
        Self {
            root,
            devices: Devices::default(),
            nodes: BTreeMap::new(),
            window_end: Timestamp(0),
            latest: None,
            decided_at: Timestamp(0),
            late_samples: 0,
            restarted_at: None,
        }
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> &FeederId {
        &self.root
    }

    /// How many devices it knows.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// Takes an input in, in log order.
    pub fn apply(&mut self, input: &Input, registry: &Registry) {
        match input {
            // It waits for an operator, or was retired: control does not know it.
            Input::Telemetry(sample) if registry.is_outside(&sample.device_id) => {}
            Input::Telemetry(sample) => {
                let window_end = self.window_end;
                let device_id = &sample.device_id;
                let device = self.devices.get_or_insert(device_id, || unheard(sample, registry));
                match device::hear(device, sample, window_end, registry) {
                    Heard::Steers => self.latest = self.latest.max(device.last_steering),
                    Heard::Late => self.late_samples += 1,
                    Heard::Doubted => {}
                }
            }
            Input::Ack(ack) => {
                let root = &self.root;
                if let Some(device) = self.devices.get_mut(&ack.device_id) {
                    let device_id = device.device_id.clone();
                    device::acknowledge(device, ack, |live| {
                        live.no().setpoint_id(root, &device_id)
                    });
                }
            }
        }
    }

    /// When the next decision is due, and why then: `latest` is the latest event time heard, applied or not.
    #[must_use]
    pub fn next_deadline(
        &self,
        settings: &ControlSettings,
        now: Timestamp,
        latest: Option<Timestamp>,
    ) -> (Timestamp, Trigger) {
        let end = self.next_window_end(settings, now);
        let complete = end.plus_ms(settings.lateness_ms);
        if latest.is_some_and(|latest| latest >= complete) {
            return (complete, Trigger::Window);
        }
        (complete.plus_ms(settings.idle_ms), Trigger::Idle)
    }

    /// The end of the window that closes next. Windows missed by an outage are skipped: the last complete one counts.
    fn next_window_end(&self, settings: &ControlSettings, now: Timestamp) -> Timestamp {
        let wait = settings.lateness_ms + settings.idle_ms;
        let newest = now.plus_ms(-wait).window_start(settings.interval_ms);
        // A clock that was set back does not stop decisions until it is there again.
        let next = self.window_end.plus_ms(settings.interval_ms);
        next.min(now.plus_ms(settings.interval_ms)).max(newest)
    }

    /// Decides: closes the window (unless the trigger asks for a decrease in between), plans, and remembers what the
    /// plan commands.
    pub fn decide(&mut self, registry: &Registry, tick: Tick) -> Decision {
        // The registry takes no unknown name in; a log that has one all the same was written by another version.
        let policy = policy::by_name(self.policy_name(registry));
        let policy = policy.unwrap_or_else(|| Box::new(WaterFill));
        self.decide_with(registry, tick, policy.as_ref())
    }

    /// Decides by another policy than the one that is set: for comparisons.
    pub fn decide_with(
        &mut self,
        registry: &Registry,
        tick: Tick,
        policy: &dyn Policy,
    ) -> Decision {
        let settings = &registry.settings;
        let decreases_only = matches!(tick.trigger, Trigger::Overload | Trigger::Operator);
        self.note_outage(settings, tick.now);
        let window = self.next_window(settings, tick.now);
        let topology = Topology::of(registry, &self.root);
        // A setpoint sent now may be in force for as long as its lease, should nothing follow it.
        let horizon = tick.now.plus_ms(settings.lease_ms + 2 * settings.interval_ms);
        let limits = limits(registry, &topology, tick.now, horizon);
        standing::note_restrictions(&mut self.nodes, &topology, &limits, tick.now);
        let resumes = standing::resumes(&topology, registry);
        let moment = Moment {
            registry,
            nodes: &self.nodes,
            now: tick.now,
            restarted_at: self.restarted_at,
            between_windows: decreases_only,
        };
        let closes = (!decreases_only).then_some(window);
        if registry.has_outside() {
            // What a retired device held is free.
            self.devices.retain(|device| !registry.is_outside(&device.device_id));
        }
        self.devices.sort();
        let count = self.devices.len();
        let mut witness = certify::witness(registry, &topology, count, tick.now, decreases_only);
        let mut view = estimate(
            &moment,
            &topology,
            limits,
            &mut self.devices,
            |device| look_back(device, settings, closes, tick.now),
            |device_id, device| witness.see(device_id, device),
        );
        standing::hold_bases(&mut self.nodes, &mut view, settings, !decreases_only);
        let world = witness.conclude(&self.nodes);
        let mut plan = plan(&mut view, policy, &world, settings, decreases_only);
        if !decreases_only {
            correction::note(&mut self.nodes, &view, &plan, settings);
        }
        let root = standing::node(&mut self.nodes, &self.root);
        if !decreases_only {
            standing::count_cycle(root, plan.certified, resumes, settings);
        }
        let stopped = root.stopped.clone();
        if stopped.is_some() {
            stop(&view, &mut plan, &world);
        }
        // In between windows it is about the time since the last one.
        let window = closes.unwrap_or((self.window_end, tick.now));
        let context = report::Context { root: &self.root, registry, tick, window, stopped };
        let decision = report::report(&context, &view, &plan, policy.name());
        self.remember(&decision, &plan, settings, tick);
        self.window_end = closes.map_or(self.window_end, |(_, end)| end);
        self.decided_at = tick.now;
        decision
    }

    fn policy_name<'r>(&self, registry: &'r Registry) -> &'r str {
        let own = registry.feeders.get(&self.root).and_then(|feeder| feeder.policy.as_deref());
        own.unwrap_or(&registry.settings.policy)
    }

    /// After an outage longer than the leases devices count as not heard until they are heard again.
    fn note_outage(&mut self, settings: &ControlSettings, now: Timestamp) {
        if self.decided_at > Timestamp(0) && now.since(self.decided_at) > settings.lease_ms {
            self.restarted_at = Some(now);
        }
    }

    /// The window that closes next.
    fn next_window(&self, settings: &ControlSettings, now: Timestamp) -> (Timestamp, Timestamp) {
        let end = self.next_window_end(settings, now);
        (end.plus_ms(-settings.interval_ms), end)
    }

    /// Remembers what was decided of each device. One that was not decided any more, because an operator moved it to another
    /// tree, is forgotten when its last lease is over.
    fn remember(
        &mut self,
        decision: &Decision,
        plan: &Plan,
        settings: &ControlSettings,
        tick: Tick,
    ) {
        // Both stand in the order of ids.
        let mut all = decision.devices.iter().zip(&plan.devices).peekable();
        self.devices.retain(|device| {
            while let Some((decided, planned)) = all.peek().copied() {
                let order = decided.device_id.cmp(&device.device_id);
                if order.is_le() {
                    all.next();
                }
                match order {
                    // Decided, but never heard.
                    Ordering::Less => {}
                    Ordering::Equal => {
                        remember_device(device, decided, planned, settings, tick);
                        return true;
                    }
                    Ordering::Greater => break,
                }
            }
            !device.live.is_empty()
        });
    }
}

/// A device heard for the first time: it is what it is registered as.
fn unheard(sample: &Telemetry, registry: &Registry) -> Device {
    let registered = registry.devices.get(&sample.device_id);
    let device_type = registered.map_or(sample.device_type, |device| device.device_type);
    Device { device_type, ..device::unheard(sample) }
}

/// Closes the window of a device, unless the decision is one in between, and forgets its commands that are over.
fn look_back(
    device: &mut Device,
    settings: &ControlSettings,
    closes: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
) {
    if let Some((start, end)) = closes {
        let hold_ms = device::stale_after_ms(device, settings);
        device.mean_w = window::close(&mut device.readings, start, end, hold_ms);
        note_tracking(device, settings, end);
        compliance::note(device, start);
        wants::note_need(device, start, settings);
        overshoot::note(device);
        device.allowed_before_w = device.allowed_w;
    }
    device::heed_clock(device, now);
    device::prune_commands(device, now);
}

fn remember_device(
    device: &mut Device,
    decided: &DeviceDecision,
    planned: &Planned,
    settings: &ControlSettings,
    tick: Tick,
) {
    let role = planned.role;
    device.allowed_w = None;
    device.reason = Some(planned.reason);
    device.wants_since =
        (decided.wanted_w > Watts::ZERO).then(|| device.wants_since.unwrap_or(tick.now));
    let silent = matches!(role, Role::Silent(_));
    device.hold_since = silent.then(|| device.hold_since.unwrap_or(tick.now));
    if !matches!(role, Role::Controlled | Role::Silent(_)) {
        device.setpoint_w = None;
        return;
    }
    remember_setpoint(device, planned, settings, tick, role == Role::Controlled);
    if decided.emit != Emit::None
        && let Some(setpoint_w) = decided.setpoint_w
    {
        let command = LiveCommand {
            epoch: tick.no.epoch,
            seq: tick.no.seq,
            setpoint_w,
            decided: tick.now,
            // The lease runs from receipt, and a message may travel for as long as it lives.
            until: tick.now.plus_ms(2 * decided.ttl_ms),
            fallback_w: decided.fallback_w,
            applied: false,
            from_w: device.power_w.unwrap_or(Watts::ZERO),
        };
        device::command(device, command);
    }
    let generates = device.device_type.generates();
    let allowed = |allowed: Bounds| if generates { allowed.least } else { allowed.most };
    device.allowed_w = device::commanded(device, tick.now).map(allowed);
}

fn remember_setpoint(
    device: &mut Device,
    planned: &Planned,
    settings: &ControlSettings,
    tick: Tick,
    heard: bool,
) {
    let Some(setpoint) = planned.setpoint_w else { return };
    let last = device.setpoint_w;
    if last != Some(setpoint) {
        let direction = match last {
            Some(last) if setpoint < last => -1,
            Some(_) => 1,
            None => 0,
        };
        // Only a change that is worth sending turns the direction round.
        let change = last.map_or(Watts::ZERO, |last| (setpoint - last).abs());
        if direction != 0 && change >= settings.deadband_w {
            device.direction = direction;
            device.direction_since = Some(tick.now);
        }
        device.setpoint_w = Some(setpoint);
        device.setpoint_since = Some(tick.now);
    }
    if device.running != planned.running {
        device.running = planned.running;
        device.running_since = Some(tick.now);
    }
    let closed = matches!(tick.trigger, Trigger::Window | Trigger::Idle);
    if heard && closed {
        device.carried_w = planned.carried_w;
        let bound = device::shown_rating(device).0.max(1).saturating_mul(DEFICIT_MAX_MS);
        // One that stands by has what it wants: nothing.
        let missed_w =
            if planned.standby { Watts::ZERO } else { planned.share_w - setpoint.import_part() };
        let missed = missed_w.0.saturating_mul(settings.interval_ms);
        let forgiven = device.deficit_wms / DEFICIT_FORGIVEN;
        device.deficit_wms = (device.deficit_wms - forgiven + missed).clamp(-bound, bound);
    }
}

/// Counts actual less setpoint into the rolling window.
fn note_tracking(device: &mut Device, settings: &ControlSettings, end: Timestamp) {
    let is_over = |slice: &TrackingBucket| end.since(slice.start) >= settings.tracking_window_ms;
    if device.tracking.first().is_some_and(is_over) {
        device.tracking.retain(|slice| !is_over(slice));
    }
    let settled =
        device.setpoint_since.is_some_and(|since| since <= end.plus_ms(-settings.interval_ms));
    let (Some(mean), Some(setpoint)) = (device.mean_w, device.setpoint_w.filter(|_| settled))
    else {
        return;
    };
    let error = mean - setpoint;
    let start =
        end.plus_ms(-1).window_start((settings.tracking_window_ms / TRACKING_SLICES).max(1));
    if device.tracking.last().is_none_or(|slice| slice.start != start) {
        device.tracking.push(TrackingBucket {
            start,
            samples: 0,
            sum_w: Watts::ZERO,
            sum_abs_w: Watts::ZERO,
        });
    }
    if let Some(slice) = device.tracking.last_mut() {
        slice.samples += 1;
        slice.sum_w += error;
        slice.sum_abs_w += error.abs();
    }
}

#[cfg(test)]
mod tests;
