//! One day of the demo's fleet under a policy: sun, cars, an event, a program, a cloud, a link failure. The product's driver decides;
//! messages take a second each way. What each feeder carried is kept, second by second.

use std::collections::BTreeMap;

use control_instance::{Driver, RegistryAt, ReplayRegistry, Standing};
use device_model::{Conditions, Device, Drive, Unit, fleet};
use schemas::ledger::Holder;
use schemas::mqtt::{Profile, Setpoint};
use schemas::records::ack::Ack;
use schemas::records::decision::{Claim, Decision, Emit, Freshness, LedgerRecord};
use schemas::records::operator::{
    Change, ControlSettings, DeviceRegistered, EventCreated, OperatorRecord, ProgramMode,
    ProgramSet,
};
use schemas::records::telemetry::{DeviceOrigin, DeviceType, Telemetry};
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use crate::sim::physics::{REACTION_MS, import_limit};
use crate::sim::world::MIDNIGHT_MS;

/// Devices and feeders of the demo.
const DEVICES: usize = 200;
const FEEDERS: usize = 2;
/// Between two samples of a device, s.
const SAMPLE_S: i64 = 2;
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
/// A cloud takes the sun from every other inverter; it comes over them within a minute.
const CLOUD_S: std::ops::Range<i64> = 12 * HOUR_S + 1_800..13 * HOUR_S + 600;
/// The links of every fourth device of the first feeder fail.
const LINKS_S: std::ops::Range<i64> = 9 * HOUR_S..9 * HOUR_S + 900;
const WHO: Holder = Holder { epoch: 1, writer: Uuid::from_u128(1) };

/// A second of a feeder, W.
#[derive(Debug, Clone, Copy, Default)]
pub struct Second {
    /// What it carries.
    pub load_w: i64,
    /// What it may carry.
    pub limit_w: i64,
    /// What the plan allows: setpoints, and what nobody commands.
    pub allotted_w: i64,
    /// What is held for devices that are not heard.
    pub reserved_w: i64,
}

/// A feeder's day.
#[derive(Debug, Default)]
pub struct FeederDay {
    /// Every second.
    pub seconds: Vec<Second>,
    /// Seconds above the limit.
    pub over_s: i64,
    /// Those of them that no delay or ramp accounts for.
    pub over_without_cause_s: i64,
    /// Setpoints sent, renewals aside.
    pub changes: i64,
    /// Energy that the cars got, W·s.
    pub charged_ws: i64,
    /// What nobody commands, second by second.
    uncommanded_w: Vec<i64>,
}

struct Day<'w> {
    now: i64,
    fleet: Vec<Device>,
    linked: Vec<bool>,
    driver: Driver,
    registry: RegistryAt,
    feeders: BTreeMap<FeederId, FeederDay>,
    plans: BTreeMap<FeederId, (i64, i64)>,
    offsets: Offsets,
    on_the_way: Vec<(usize, Setpoint)>,
    number: u64,
    watch: &'w mut dyn FnMut(Event<'_>),
}

/// The next offset of each topic.
#[derive(Debug, Default)]
struct Offsets {
    acks: i64,
    telemetry: i64,
    ledger: i64,
}

/// Something of the day, in the order in which control reads it, with its offset.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// What an operator changed.
    Operator(i64, &'a OperatorRecord),
    /// An ack that was heard.
    Ack(i64, &'a Ack),
    /// A sample that was heard.
    Sample(i64, &'a Telemetry),
    /// A claim, or a part of a decision.
    Ledger(i64, &'a LedgerRecord),
    /// A decision that counts.
    Decided(&'a Decision),
}

/// Lives the day under a policy.
#[must_use]
pub fn live(policy: &str) -> BTreeMap<FeederId, FeederDay> {
    watched(policy, &mut |_| ())
}

/// The same; all that happens is shown on the way.
pub fn watched(policy: &str, watch: &mut dyn FnMut(Event<'_>)) -> BTreeMap<FeederId, FeederDay> {
    let mut day = Day::new(policy, watch);
    for second in 1..=DAY_S {
        day.step(second);
    }
    day.feeders
}

impl<'w> Day<'w> {
    fn new(policy: &str, watch: &'w mut dyn FnMut(Event<'_>)) -> Self {
        let fleet = fleet::build(DEVICES, FEEDERS, 1, Timestamp(MIDNIGHT_MS));
        let mut driver = Driver::new(0, 1, None);
        let claim = Claim {
            epoch: WHO.epoch,
            writer: WHO.writer,
            at: Timestamp(MIDNIGHT_MS),
            name: "day".to_owned(),
            log: None,
        };
        let claim = LedgerRecord::Claim(claim);
        watch(Event::Ledger(0, &claim));
        driver.read_decision(claim, &mut ReplayRegistry::default());
        let mut day = Self {
            now: MIDNIGHT_MS,
            linked: vec![true; fleet.len()],
            fleet,
            driver,
            registry: RegistryAt::default(),
            feeders: BTreeMap::new(),
            plans: BTreeMap::new(),
            offsets: Offsets { ledger: 1, ..Offsets::default() },
            on_the_way: Vec::new(),
            number: 0,
            watch,
        };
        let settings = ControlSettings { policy: policy.to_owned(), ..ControlSettings::default() };
        day.operate(Change::ControlSettings(settings));
        for index in 0..day.fleet.len() {
            let identity = day.fleet[index].identity().clone();
            day.operate(Change::DeviceRegistered(DeviceRegistered {
                device_id: identity.device_id,
                device_type: day.fleet[index].unit().device_type(),
                origin: DeviceOrigin::Simulated,
                feeder_id: identity.feeder_id.expect("the demo's devices name their feeder"),
                site_id: identity.site_id,
            }));
        }
        day.orders();
        day
    }

    /// The evening's event on the first feeder, and the program on both.
    fn orders(&mut self) {
        let at = |second: i64| Timestamp(MIDNIGHT_MS + second * 1_000);
        let feeder_id = FeederId::new("feeder-1").expect("letters, digits and dashes");
        self.operate(Change::EventCreated(EventCreated {
            event_id: Uuid::from_u128(11),
            feeder_id,
            start: at(18 * HOUR_S),
            end: at(19 * HOUR_S + 1_800),
            limit_w: Watts(170_000),
            kind: "dr".to_owned(),
            ramp_s: 300,
            randomize_s: 0,
        }));
        self.operate(Change::ProgramSet(ProgramSet {
            program_id: Uuid::from_u128(12),
            name: "evening shed".to_owned(),
            mode: ProgramMode::FixedCap,
            feeder_ids: Vec::new(),
            start: at(20 * HOUR_S),
            end: at(21 * HOUR_S),
            target_shed_w: Watts(80_000),
            incentive_milli_per_kwh: 0,
            penalty_milli_per_kwh: 0,
            active: true,
            ramp_s: 0,
            randomize_s: 0,
        }));
    }

    fn operate(&mut self, change: Change) {
        let offset = self.registry.next;
        let record = OperatorRecord {
            id: Uuid::from_u128(offset.unsigned_abs().into()),
            at: Timestamp(self.now),
            source: None,
            actor: "day".to_owned(),
            change,
        };
        (self.watch)(Event::Operator(offset, &record));
        self.registry.read(offset, &record);
        self.driver.note_roots(&self.registry.registry);
        self.driver.note_change(&record.change, &self.registry.registry);
    }

    fn step(&mut self, second: i64) {
        self.now = MIDNIGHT_MS + second * 1_000;
        self.links(second);
        for (index, setpoint) in std::mem::take(&mut self.on_the_way) {
            if self.linked[index] {
                let left = setpoint.valid_until.0 - self.now;
                let reports = self.fleet[index].receive(&setpoint, Timestamp(self.now), Some(left));
                self.acknowledge(index, &reports);
            }
        }
        for index in 0..self.fleet.len() {
            let reports = self.fleet[index].step(Timestamp(self.now), sky(index, second));
            self.acknowledge(index, &reports);
            if (second + i64::try_from(index).expect("few")) % SAMPLE_S == 0 && self.linked[index] {
                self.sample(index);
            }
        }
        self.decide();
        self.measure();
    }

    fn links(&mut self, second: i64) {
        let fail = LINKS_S.contains(&second);
        for (index, device) in self.fleet.iter().enumerate() {
            let first =
                device.identity().feeder_id.as_ref().is_some_and(|id| id.as_str() == "feeder-1");
            self.linked[index] = !(fail && first && (index / FEEDERS).is_multiple_of(4));
        }
    }

    fn mint(&mut self) -> Uuid {
        self.number += 1;
        Uuid::from_u64_pair(7, self.number)
    }

    fn root(&self, index: usize) -> FeederId {
        let feeder_id = self.fleet[index].identity().feeder_id.clone();
        feeder_id.expect("the demo's devices name their feeder")
    }

    fn acknowledge(&mut self, index: usize, reports: &[device_model::Report]) {
        for report in reports.iter().filter(|_| self.linked[index]) {
            self.number += 1;
            let id = Uuid::from_u64_pair(8, self.number);
            let now = Timestamp(self.now);
            let feeder_id = self.root(index);
            let ack = self.fleet[index].ack(report, now, id).into_record(feeder_id.clone(), now);
            (self.watch)(Event::Ack(self.offsets.acks, &ack));
            self.driver.gather_ack(&feeder_id, self.offsets.acks, ack);
            self.offsets.acks += 1;
        }
    }

    fn sample(&mut self, index: usize) {
        let (id, now, feeder_id) = (self.mint(), Timestamp(self.now), self.root(index));
        let sample = self.fleet[index].sample(now, id).into_record(feeder_id.clone(), now);
        (self.watch)(Event::Sample(self.offsets.telemetry, &sample));
        self.driver.gather_telemetry(&feeder_id, self.offsets.telemetry, sample);
        self.offsets.telemetry += 1;
    }

    fn decide(&mut self) {
        let due = self.driver.decide_due(&self.registry, WHO, Timestamp(self.now));
        for decision in due {
            for part in decision.into_parts(usize::MAX) {
                let record = LedgerRecord::DecisionPart(part);
                (self.watch)(Event::Ledger(self.offsets.ledger, &record));
                self.offsets.ledger += 1;
                let standing = self.driver.read_decision(record, &mut ReplayRegistry::default());
                if let Standing::Counts { decision, .. } = standing {
                    (self.watch)(Event::Decided(&decision));
                    self.send(&decision);
                }
            }
        }
    }

    fn send(&mut self, decision: &Decision) {
        let now = Timestamp(self.now);
        for decided in decision.devices.iter().filter(|decided| decided.emit != Emit::None) {
            let index = self
                .fleet
                .iter()
                .position(|device| device.identity().device_id == decided.device_id);
            if let (Some(index), Some(setpoint)) =
                (index, Setpoint::of_decision(decision, decided, now))
            {
                self.on_the_way.push((index, setpoint));
            }
            let feeder = self.feeders.entry(decision.root.clone()).or_default();
            feeder.changes += i64::from(decided.emit == Emit::Change);
        }
        if let Some(node) = decision.header.nodes.first() {
            let allotted = node.allocated_w.0 + node.uncontrolled_w.0;
            let unheard = decision.devices.iter().filter(|of| of.freshness != Freshness::Fresh);
            let held: i64 = unheard.filter_map(|of| of.power_w).map(|watts| watts.0.max(0)).sum();
            self.plans.insert(decision.root.clone(), (allotted, held + node.reserved_w.0));
        }
    }

    fn measure(&mut self) {
        let mut loads: BTreeMap<FeederId, (i64, i64, i64)> = BTreeMap::new();
        for (index, device) in self.fleet.iter().enumerate() {
            let generates = matches!(device.unit(), Unit::Pv(_));
            let sign = if generates { -1.0 } else { 1.0 };
            let watts = Watts::from_kw(sign * device.power_kw()).map_or(0, |watts| watts.0);
            let sums = loads.entry(self.root(index)).or_default();
            sums.0 += watts;
            if generates || device.drive() == Drive::Own {
                sums.1 += watts;
            }
            if device.unit().device_type() == DeviceType::Ev {
                sums.2 += watts;
            }
        }
        for (feeder_id, (load_w, uncommanded_w, cars_w)) in loads {
            let limit_w = import_limit(&self.registry.registry, &feeder_id, self.now);
            let (allotted_w, reserved_w) = self.plans.get(&feeder_id).copied().unwrap_or_default();
            let feeder = self.feeders.entry(feeder_id).or_default();
            feeder.seconds.push(Second { load_w, limit_w, allotted_w, reserved_w });
            feeder.uncommanded_w.push(uncommanded_w);
            feeder.charged_ws += cars_w;
            if load_w > limit_w {
                feeder.over_s += 1;
                feeder.over_without_cause_s += i64::from(!feeder.has_cause());
            }
        }
    }
}

impl FeederDay {
    /// Whether a limit that fell, or a change of what nobody commands, within the reaction time accounts for the excess.
    fn has_cause(&self) -> bool {
        let reaction = usize::try_from(REACTION_MS / 1_000).expect("half a minute");
        let from = self.seconds.len().saturating_sub(reaction);
        let limit = self.seconds[from..].iter().map(|second| second.limit_w).max().unwrap_or(0);
        let least = self.uncommanded_w[from..].iter().min().copied().unwrap_or(0);
        // Before the day began, nothing was taken.
        let least = if from == 0 { least.min(0) } else { least };
        let now = self.uncommanded_w.last().copied().unwrap_or(0);
        let load = self.seconds.last().map_or(0, |second| second.load_w);
        load - (now - least) <= limit
    }
}

/// The sky over a device: a cloud comes over every other inverter, one after the other.
fn sky(index: usize, second: i64) -> Conditions {
    let after = i64::try_from(index % 60).expect("below 60");
    let dark = (index / FEEDERS).is_multiple_of(2) && CLOUD_S.contains(&(second - after));
    let profile = if dark { Profile::Night } else { Profile::Auto };
    Conditions { profile, utc_offset_h: 0.0 }
}
