//! A fleet and its control through time: every step brings samples, acks and decisions into the log. Pure: time and chance come from
//! the plan.

use device_model::{Conditions, Device, Report, Unit, fleet};
use schemas::mqtt::edge::watts_from_edge;
use schemas::mqtt::{Profile, Setpoint};
use schemas::records::decision::{Decision, DeviceDecision, Emit, Positions};
use schemas::records::operator::{
    Change, DeviceRegistered, EventCreated, FeederChange, OperatorRecord,
};
use schemas::records::sent::Sent;
use schemas::records::telemetry::DeviceOrigin;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::blocks::{Block, Log};
use super::control::{Area, Known, Moment, Node};
use super::lines::{Line, Lines};
use super::plan::{DECIDED_AFTER_MS, Plan};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const MINUTE_MS: i64 = 60_000;
/// Feeders of an area.
const PER_AREA: usize = 4;
/// Limit for each device of a feeder, W: less than its devices want at most times.
const LIMIT_PER_DEVICE_W: i64 = 2_500;
/// Load for each device that nobody commands, W: least, and what is added at the height of the evening.
const BASE_W: (i64, i64) = (120, 160);
/// One charger in so many does not follow.
const DISOBEYING_EVERY: usize = 100;
/// An event on every so-manieth feeder, from this time of the day on.
const EVENT_EVERY: usize = 3;
const EVENT_FROM_MS: i64 = 17 * HOUR_MS + 30 * MINUTE_MS;
const EVENT_MS: i64 = 30 * MINUTE_MS;
/// One minute in so many has a surge of load on a feeder.
const SURGE_EVERY: u64 = 400;

/// Kinds of numbers and ids.
const SAMPLE: u64 = 1;
const ACK: u64 = 2;
const CHANGE: u64 = 3;
const EVENT: u64 = 4;
const LATENCY: u64 = 5;
const SURGE: u64 = 6;
const RIPPLE: u64 = 7;
const WRITER: u64 = 8;

/// A device, where it is, and the setpoint on its way to it.
struct Member {
    device: Device,
    area: usize,
    /// Among the devices of its area.
    place: usize,
    feeder_id: FeederId,
    disobeying: bool,
    coming: Option<(Timestamp, Setpoint)>,
}

/// Everything at one moment.
pub(super) struct World {
    plan: Plan,
    members: Vec<Member>,
    areas: Vec<Area>,
    lines: Lines,
    log: Log,
    now: Timestamp,
    conditions: Conditions,
    writer: Uuid,
    /// Samples, acks and changes so far.
    counts: [u64; 3],
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let devices = fleet::build(plan.devices, plan.feeders, plan.seed, plan.start);
        let mut areas = areas(&plan);
        let mut members = Vec::with_capacity(devices.len());
        for (index, device) in devices.into_iter().enumerate() {
            let feeder = index % plan.feeders;
            let area = feeder / PER_AREA;
            let identity = device.identity();
            let kind = device.unit().device_type();
            let fallback = watts_from_edge(kind, identity.fallback_kw);
            let feeder_id = areas[area].feeders[feeder % PER_AREA].feeder_id.clone();
            areas[area].devices.push(Known {
                device_id: identity.device_id.clone(),
                device_type: kind,
                feeder: feeder % PER_AREA,
                fallback_w: fallback.map_or(0, |watts| watts.0),
                last: None,
                want_w: 0,
                setpoint_w: None,
                emitted: None,
                beyond: 0,
            });
            let disobeying = matches!(device.unit(), Unit::Ev(_))
                && index % DISOBEYING_EVERY == DISOBEYING_EVERY / 2;
            let place = areas[area].devices.len() - 1;
            members.push(Member { device, area, place, feeder_id, disobeying, coming: None });
        }
        let mut world = Self {
            lines: Lines::new(members.len()),
            log: Log::new(plan.log()),
            now: plan.start,
            conditions: Conditions { profile: Profile::Auto, utc_offset_h: 0.0 },
            writer: plan.id(WRITER, 0),
            counts: [0; 3],
            plan,
            members,
            areas,
        };
        world.open();
        world
    }

    fn change(&mut self, at: Timestamp, actor: &str, change: Change) {
        self.counts[2] += 1;
        let id = self.plan.id(CHANGE, self.counts[2]);
        self.log.change(OperatorRecord { id, at, actor: actor.to_owned(), change, source: None });
    }

    /// What stood in the log before the first sample: limits and devices.
    fn open(&mut self) {
        let at = self.now;
        let limits: Vec<FeederChange> = self
            .areas
            .iter()
            .flat_map(|area| {
                let root = limit(&area.root, None);
                let of_area = |node| limit(node, Some(area.root.feeder_id.clone()));
                std::iter::once(root).chain(area.feeders.iter().map(of_area))
            })
            .collect();
        for limit in limits {
            self.change(at, "operator", Change::FeederChange(limit));
        }
        let devices: Vec<DeviceRegistered> = self
            .members
            .iter()
            .map(|member| DeviceRegistered {
                device_id: member.device.identity().device_id.clone(),
                device_type: member.device.unit().device_type(),
                origin: DeviceOrigin::Simulated,
                feeder_id: member.feeder_id.clone(),
                site_id: member.device.identity().site_id.clone(),
            })
            .collect();
        for device in devices {
            self.change(at, "bridge", Change::DeviceRegistered(device));
        }
    }

    /// One interval further; false at the end.
    pub(super) fn step(&mut self) -> bool {
        if self.now >= self.plan.until {
            return false;
        }
        self.order_events();
        for (index, sample) in self.lines.arrive(self.now) {
            self.heard(index, sample.clone());
            self.log.sample(sample);
        }
        let count = i64::try_from(self.members.len()).unwrap_or(1);
        for (index, nth) in (0..self.members.len()).zip(0..) {
            self.live(index, self.now.plus_ms(self.plan.interval_ms * nth / count));
        }
        self.now = self.now.plus_ms(self.plan.interval_ms);
        if self.now.since(self.plan.start) % self.plan.window_ms == 0 {
            for area in 0..self.areas.len() {
                self.decide(area);
            }
        }
        true
    }

    /// The blocks that are complete.
    pub(super) fn take(&mut self) -> Vec<Block> {
        self.log.take()
    }

    /// All that is left.
    pub(super) fn finish(self) -> Vec<Block> {
        self.log.finish()
    }

    /// A device until its next sample.
    fn live(&mut self, index: usize, at: Timestamp) {
        self.deliver(index, at);
        let member = &mut self.members[index];
        let reports = member.device.step(at, self.conditions);
        for report in reports {
            self.answer(index, &report, at);
        }
        self.counts[0] += 1;
        let id = self.plan.id(SAMPLE, self.counts[0]);
        let member = &mut self.members[index];
        let message = member.device.sample(at, id);
        let kind = member.device.unit().device_type();
        if let Some(want) = watts_from_edge(kind, member.device.wish_kw()) {
            self.areas[member.area].devices[member.place].want_w = want.0;
        }
        let feeder_id = member.feeder_id.clone();
        match self.lines.next(&self.plan, index) {
            Line::Open(delay) => {
                let sample = message.into_record(feeder_id, at.plus_ms(delay));
                self.heard(index, sample.clone());
                self.log.sample(sample);
            }
            Line::Broken(delay) => {
                let sample = message.into_record(feeder_id, at.plus_ms(delay));
                self.lines.keep(index, sample);
            }
        }
        if self.lines.comes_twice(&self.plan) {
            self.log.sample_again();
        }
    }

    fn heard(&mut self, index: usize, sample: schemas::records::telemetry::Telemetry) {
        let member = &self.members[index];
        let known = &mut self.areas[member.area].devices[member.place];
        if known.last.as_ref().is_none_or(|last| last.ts < sample.ts) {
            known.last = Some(sample);
        }
    }

    /// Hands over the setpoint that has come by now.
    fn deliver(&mut self, index: usize, now: Timestamp) {
        let member = &mut self.members[index];
        if member.coming.as_ref().is_none_or(|(due, _)| *due > now) {
            return;
        }
        let Some((due, setpoint)) = member.coming.take() else { return };
        if member.disobeying {
            return;
        }
        let reports = member.device.receive(&setpoint, due, None);
        for report in reports {
            self.answer(index, &report, due);
        }
    }

    fn answer(&mut self, index: usize, report: &Report, at: Timestamp) {
        self.counts[1] += 1;
        let id = self.plan.id(ACK, self.counts[1]);
        let member = &self.members[index];
        let way = i64::try_from(id.as_u128() % 60).unwrap_or(0);
        let message = member.device.ack(report, at, id);
        self.log.ack(message.into_record(member.feeder_id.clone(), at.plus_ms(15 + way)));
    }

    fn decide(&mut self, area: usize) {
        let end = self.now;
        let at = end.plus_ms(DECIDED_AFTER_MS);
        let (telemetry, acks, operator) = self.log.positions();
        let nodes = (0..self.areas[area].feeders.len()).map(|place| area * PER_AREA + place);
        for (place, feeder) in nodes.enumerate() {
            let (uncontrolled_w, event_w) =
                (self.uncontrolled(feeder, end), self.event(feeder, at));
            let node = &mut self.areas[area].feeders[place];
            (node.uncontrolled_w, node.event_w) = (uncontrolled_w, event_w);
        }
        let decision = self.areas[area].decide(Moment {
            at,
            window: (end.plus_ms(-self.plan.window_ms), end),
            positions: Positions { acks, operator, telemetry },
            writer: self.writer,
        });
        self.send(area, &decision);
        self.log.decision(&decision);
    }

    fn send(&mut self, area: usize, decision: &Decision) {
        let log = Some(self.plan.log());
        let at = decision.header.at;
        for index in 0..self.members.len() {
            let member = &self.members[index];
            if member.area != area || decision.devices[member.place].emit == Emit::None {
                continue;
            }
            // The one before has come meanwhile.
            self.deliver(index, at);
            let decided = &decision.devices[self.members[index].place];
            let number =
                self.plan.number([LATENCY, u64::try_from(index).unwrap_or(0), at.0.unsigned_abs()]);
            let part = |of: u64, spread: u64| i64::try_from(number / of % spread).unwrap_or(0);
            let due = at.plus_ms(20 + part(1, 180));
            if decided.emit == Emit::Change {
                // Before the device can have it.
                let sent_at = at.plus_ms(4 + part(180, 9));
                let broker_acked_at = sent_at.plus_ms(1 + part(1_620, 5));
                self.log.sent(sent(decision, decided, sent_at, broker_acked_at));
            }
            let setpoint = Setpoint::of_decision(decision, decided, at);
            self.members[index].coming = setpoint.map(|setpoint| (due, setpoint.of_log(log)));
        }
    }

    fn day(at: Timestamp) -> Timestamp {
        at.window_start(DAY_MS)
    }

    fn has_event(feeder: usize) -> bool {
        feeder.is_multiple_of(EVENT_EVERY)
    }

    fn event_limit(&self, feeder: usize) -> i64 {
        self.areas[feeder / PER_AREA].feeders[feeder % PER_AREA].import_limit_w * 8 / 10
    }

    /// The limit of the event that is in force.
    fn event(&self, feeder: usize, at: Timestamp) -> Option<i64> {
        let since = at.since(Self::day(at)) - EVENT_FROM_MS;
        let ordered = Self::day(at).plus_ms(EVENT_FROM_MS) >= self.plan.start;
        ((0..EVENT_MS).contains(&since) && Self::has_event(feeder) && ordered)
            .then(|| self.event_limit(feeder))
    }

    /// Events are ordered an hour before, or at the beginning.
    fn order_events(&mut self) {
        let start = Self::day(self.now).plus_ms(EVENT_FROM_MS);
        let ordered = start.plus_ms(-HOUR_MS).max(self.plan.start);
        let now = ordered.since(self.now);
        if start < self.plan.start || !(0..self.plan.interval_ms).contains(&now) {
            return;
        }
        for feeder in (0..self.plan.feeders).filter(|feeder| Self::has_event(*feeder)) {
            let number = self.plan.number([
                EVENT,
                u64::try_from(feeder).unwrap_or(0),
                start.0.unsigned_abs(),
            ]);
            let node = &self.areas[feeder / PER_AREA].feeders[feeder % PER_AREA];
            let event = EventCreated {
                event_id: self.plan.id(EVENT, number),
                feeder_id: node.feeder_id.clone(),
                start,
                end: start.plus_ms(EVENT_MS),
                limit_w: schemas::Watts(self.event_limit(feeder)),
                kind: "PEAK".to_owned(),
                ramp_s: 0,
                randomize_s: 0,
            };
            self.change(ordered, "operator", Change::EventCreated(event));
        }
    }

    /// Load of a feeder that nobody commands: a day's course, a ripple, and now and then a surge of a minute.
    fn uncontrolled(&self, feeder: usize, at: Timestamp) -> i64 {
        let devices = i64::try_from(self.plan.devices / self.plan.feeders).unwrap_or(0).max(1);
        let number = u64::try_from(feeder).unwrap_or(0);
        let hour = at.since(Self::day(at)) / (HOUR_MS / 4);
        // Quarters from the height of the evening, 20:00.
        let away = (hour - 80).abs().min(96 - (hour - 80).abs());
        let course = BASE_W.0 + BASE_W.1 * (48 - away).max(0) / 48;
        let spread = |kind, slot: i64| self.plan.number([kind, number, slot.unsigned_abs()]);
        let ripple = i64::try_from(spread(RIPPLE, at.0) % 41).unwrap_or(0) - 20;
        let surge = spread(SURGE, at.0 / MINUTE_MS).is_multiple_of(SURGE_EVERY);
        let surge = if surge { LIMIT_PER_DEVICE_W / 4 } else { 0 };
        devices * (course * (1_000 + ripple) / 1_000 + surge)
    }
}

fn areas(plan: &Plan) -> Vec<Area> {
    let count = |feeder: usize| {
        let extra = usize::from(feeder < plan.devices % plan.feeders);
        i64::try_from(plan.devices / plan.feeders + extra).unwrap_or(0)
    };
    let id = |name: String| FeederId::new(&name).expect("letters, digits and dashes");
    let node = |name: String, import_limit_w: i64| Node {
        feeder_id: id(name),
        import_limit_w,
        event_w: None,
        uncontrolled_w: 0,
    };
    (0..plan.feeders.div_ceil(PER_AREA))
        .map(|area| {
            let first = area * PER_AREA;
            let feeders: Vec<Node> = (first..plan.feeders.min(first + PER_AREA))
                .map(|feeder| {
                    node(format!("feeder-{}", feeder + 1), LIMIT_PER_DEVICE_W * count(feeder))
                })
                .collect();
            let sum: i64 = feeders.iter().map(|feeder| feeder.import_limit_w).sum();
            let root = node(format!("area-{}", area + 1), sum * 97 / 100);
            Area { root, feeders, devices: Vec::new(), seq: 0 }
        })
        .collect()
}

fn sent(
    decision: &Decision,
    decided: &DeviceDecision,
    sent_at: Timestamp,
    broker_acked_at: Timestamp,
) -> Sent {
    Sent {
        setpoint_id: decision.setpoint_id(&decided.device_id),
        root: decision.root.clone(),
        epoch: decision.no.epoch,
        seq: decision.no.seq,
        device_id: decided.device_id.clone(),
        feeder_id: decided.feeder_id.clone(),
        decided_at: decision.header.at,
        sent_at,
        broker_acked_at,
    }
}

fn limit(node: &Node, parent_id: Option<FeederId>) -> FeederChange {
    FeederChange {
        feeder_id: node.feeder_id.clone(),
        parent_id,
        import_limit_w: Some(schemas::Watts(node.import_limit_w)),
        export_limit_w: None,
        mode: None,
        policy: None,
    }
}

#[cfg(test)]
mod tests;
