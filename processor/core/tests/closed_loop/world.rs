//! The world around the core: clock, network, registry, and the loop that the processor runs.

use std::collections::BTreeMap;

use control_core::policy::Policy;
use control_core::{Input, Tick, Tree, Watch};
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::decision::{Decision, Emit, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{
    Change, ControlSettings, DeviceRegistered, FeederChange, OperatorRecord,
};
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::registry::Registry;
use schemas::rng::Rng;
use schemas::{DeviceId, FeederId, Soc, Timestamp, WattHours, Watts};
use uuid::Uuid;

use crate::device::{Order, Says, SaysSoc, Sim, Spec};
use crate::reference;

pub(crate) const STEP_MS: i64 = 250;
/// As the processor: between two decisions at least.
const URGENT_PAUSE_MS: i64 = 500;
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// What the network does to messages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Net {
    pub(crate) delay_max_ms: i64,
    pub(crate) loss_permille: i64,
    pub(crate) repeat_permille: i64,
}

/// What a step brought.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) rng: Rng,
    pub(crate) net: Net,
    pub(crate) registry: Registry,
    pub(crate) tree: Tree,
    pub(crate) watch: Watch,
    pub(crate) sims: Vec<Sim>,
    /// Every decision, oldest first.
    pub(crate) decisions: Vec<Decision>,
    /// Orders on their way: (arrival, number) to device and order.
    pub(crate) down: BTreeMap<(i64, u64), (usize, Order)>,
    /// Since when nothing has disturbed the world: a limit, an uncommanded load, a link.
    pub(crate) quiet_since: i64,
    /// The checks that hold only where nobody lies and every load is known are made.
    pub(crate) strict: bool,
    /// What must hold is checked at every step; where devices lie beyond what guarantees assume, scenes measure it instead.
    pub(crate) judged: bool,
    /// No decisions are made: the processor is down.
    pub(crate) down_processor: bool,
    /// Another policy than the default one.
    pub(crate) policy: Option<fn() -> Box<dyn Policy>>,
    /// Only this guarantee is checked; all of them where there is none.
    pub(crate) only: Option<u32>,
    up: BTreeMap<(i64, u64), Input>,
    backlog: Vec<(usize, Input)>,
    waiting: (Vec<Ack>, Vec<Telemetry>),
    number: u64,
    seq: i64,
    decided_at: i64,
    urgent: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let root = feeder("root");
        Self {
            now: START_MS,
            rng: Rng::new(seed),
            net: Net::default(),
            registry: Registry::default(),
            tree: Tree::new(root),
            watch: Watch::default(),
            sims: Vec::new(),
            decisions: Vec::new(),
            down: BTreeMap::new(),
            quiet_since: START_MS,
            strict: true,
            judged: true,
            down_processor: false,
            policy: None,
            only: None,
            up: BTreeMap::new(),
            backlog: Vec::new(),
            waiting: (Vec::new(), Vec::new()),
            number: 0,
            seq: 0,
            decided_at: 0,
            urgent: false,
        }
    }

    /// An operator's change, valid from now on.
    pub(crate) fn operate(&mut self, change: Change) {
        self.number += 1;
        let record = OperatorRecord {
            id: Uuid::from_u128(u128::from(self.number)),
            at: Timestamp(self.now),
            source: None,
            actor: "test".to_owned(),
            change,
        };
        self.registry.apply(&record).expect("the change is allowed");
        self.urgent = true;
        self.quiet_since = self.now;
    }

    pub(crate) fn settings(&mut self, change: impl FnOnce(&mut ControlSettings)) {
        let mut settings = self.registry.settings.clone();
        change(&mut settings);
        self.operate(Change::ControlSettings(settings));
    }

    pub(crate) fn feeder(&mut self, id: &str, parent: Option<&str>, import_w: i64) {
        self.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder(id),
            parent_id: parent.map(feeder),
            import_limit_w: Some(Watts(import_w)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }));
    }

    pub(crate) fn add(&mut self, spec: Spec) -> usize {
        self.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: device(&spec.id),
            device_type: spec.device_type,
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder(&spec.feeder),
            site_id: None,
        }));
        self.sims.push(Sim::new(spec));
        self.sims.len() - 1
    }

    /// What a device does by itself changes.
    pub(crate) fn wish(&mut self, sim: usize, watts: i64) {
        if self.sims[sim].wish_w != watts {
            self.sims[sim].wish_w = watts;
            self.quiet_since = self.now;
        }
    }

    /// The link of a device is cut or comes back.
    pub(crate) fn cut(&mut self, sim: usize, cut: bool) {
        if self.sims[sim].cut == cut {
            return;
        }
        self.sims[sim].cut = cut;
        self.quiet_since = self.now;
        if !cut {
            let (mut mine, others) = std::mem::take(&mut self.backlog)
                .into_iter()
                .partition::<Vec<_>, _>(|(owner, _)| *owner == sim);
            self.backlog = others;
            for (_, input) in &mut mine {
                if let Input::Telemetry(sample) = input {
                    sample.arrival = Timestamp(self.now);
                }
                self.post(self.now, input.clone());
            }
        }
    }

    /// Runs for so long, checking after each step.
    pub(crate) fn run(&mut self, ms: i64) {
        let end = self.now + ms;
        while self.now < end {
            self.step();
        }
    }

    pub(crate) fn last(&self) -> &Decision {
        self.decisions.last().expect("something was decided")
    }

    /// The last decision's word on a device.
    pub(crate) fn decided(&self, sim: usize) -> &schemas::records::decision::DeviceDecision {
        reference::decided(self.last(), &self.sims[sim])
    }

    pub(crate) fn checks(&self, guarantee: u32) -> bool {
        self.only.is_none_or(|only| only == guarantee)
    }

    /// True load under a feeder.
    pub(crate) fn load(&self, feeder_id: &FeederId) -> i64 {
        let under = |sim: &&Sim| {
            sim.spec.device_type != DeviceType::Meter
                && self.is_under(&feeder(&sim.spec.feeder), feeder_id)
        };
        self.sims.iter().filter(under).map(|sim| sim.power_w).sum()
    }

    /// True power of some devices.
    fn load_of(&self, ids: &[String]) -> i64 {
        self.sims.iter().filter(|sim| ids.contains(&sim.spec.id)).map(|sim| sim.power_w).sum()
    }

    pub(crate) fn is_under(&self, below: &FeederId, above: &FeederId) -> bool {
        let mut at = Some(below);
        while let Some(here) = at {
            if here == above {
                return true;
            }
            at = self.registry.feeders.get(here).and_then(|feeder| feeder.parent_id.as_ref());
        }
        false
    }

    pub(crate) fn step(&mut self) {
        self.now += STEP_MS;
        let now = self.now;
        for sim in &mut self.sims {
            sim.step(now, STEP_MS);
        }
        self.measure();
        self.deliver_orders();
        self.gather();
        if !self.down_processor
            && let Some(trigger) = self.due()
        {
            self.decide(trigger);
        }
        if self.judged {
            reference::check_physics(self);
        }
    }

    /// Devices speak.
    fn measure(&mut self) {
        for index in 0..self.sims.len() {
            let (spec, power) = (&self.sims[index].spec, self.sims[index].power_w);
            if (self.now - START_MS - spec.phase_ms).rem_euclid(spec.period_ms) >= STEP_MS {
                continue;
            }
            if spec.flaws.dumb {
                continue;
            }
            let power = match (spec.device_type, &spec.flaws.sees) {
                (DeviceType::Meter, Some(sees)) => self.load_of(sees),
                (DeviceType::Meter, None) => self.load(&feeder(&spec.feeder)),
                (DeviceType::Pv | DeviceType::Battery | DeviceType::Ev | DeviceType::Other, _) => {
                    let noise = spec.noise_permille;
                    power + power * self.rng.between(-noise, noise) / 1_000
                }
            };
            let flaws = &self.sims[index].spec.flaws;
            let power = match flaws.says {
                Says::Truth => power,
                Says::Times(permille) => power * permille / 1_000,
                Says::Always(watts) => watts,
            };
            let delay = flaws.transport_ms + self.rng.between(0, self.net.delay_max_ms);
            let sample = self.sample(index, power, self.now + delay);
            self.send_up(index, Input::Telemetry(sample), self.now + delay);
        }
    }

    fn sample(&mut self, index: usize, power_w: i64, arrival: i64) -> Telemetry {
        self.number += 1;
        let sim = &self.sims[index];
        let spec = &sim.spec;
        let storage = spec.device_type == DeviceType::Battery;
        let generator = spec.device_type == DeviceType::Pv;
        let rated = Some(Watts(spec.rated_w));
        let flaws = &spec.flaws;
        let clock = flaws.stopped_at.unwrap_or(self.now + spec.skew_ms);
        let claims = Capabilities {
            max_charge_w: rated.filter(|_| !generator),
            max_discharge_w: rated.filter(|_| storage),
            max_export_w: rated.filter(|_| generator),
            max_import_w: None,
            min_power_w: (spec.min_w > 0).then_some(Watts(spec.min_w)),
            ramp_w_per_s: None,
            energy_wh: (spec.energy_wh > 0).then_some(WattHours(spec.energy_wh)),
            fallback_w: spec.fallback_w.map(Watts),
        };
        Telemetry {
            message_id: Uuid::from_u128(u128::from(self.number)),
            device_id: device(&spec.id),
            device_type: flaws.says_type.unwrap_or(spec.device_type),
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder(&spec.feeder),
            site_id: None,
            ts: Timestamp(if flaws.says_seconds { clock / 1_000 } else { clock }),
            sent_at: None,
            arrival: Timestamp(arrival),
            power_w: Watts(power_w),
            soc: match flaws.says_soc {
                SaysSoc::Truth => sim.soc().map(Soc),
                SaysSoc::Nothing => None,
                SaysSoc::Always(soc) => Some(Soc(soc)),
            },
            energy_wh: None,
            voltage_mv: None,
            current_ma: None,
            online: !flaws.says_offline,
            fault_code: None,
            capabilities: flaws.claims.clone().unwrap_or(claims),
            preferences: Preferences {
                priority: spec.priority,
                departure: spec.departure_ms.map(Timestamp),
                ..Preferences::default()
            },
            source: "simulator".to_owned(),
            correlation_id: None,
            layout: TopicLayout::Flat,
            unknown_fields: 0,
        }
    }

    fn send_up(&mut self, index: usize, input: Input, arrival: i64) {
        if self.sims[index].cut {
            if self.sims[index].keeps_backlog {
                self.backlog.push((index, input));
            }
            return;
        }
        if self.rng.chance(self.net.loss_permille) {
            return;
        }
        if self.rng.chance(self.net.repeat_permille) {
            let again = arrival + self.rng.between(0, self.net.delay_max_ms);
            self.post(again, input.clone());
        }
        self.post(arrival, input);
    }

    /// The status of a device, as its last will or its hello.
    pub(crate) fn says_status(&mut self, sim: usize, status: AckStatus) {
        let order =
            Order { epoch: 0, seq: 0, setpoint_w: 0, ttl_ms: 0, fallback_w: 0, expires_ms: 0 };
        let ack = Ack { setpoint_id: None, ..self.ack(sim, order, status, self.now) };
        self.post(self.now, Input::Ack(ack));
    }

    fn post(&mut self, arrival: i64, input: Input) {
        self.number += 1;
        self.up.insert((arrival, self.number), input);
    }

    fn deliver_orders(&mut self) {
        while let Some(entry) = self.down.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (index, order) = entry.remove();
            if self.sims[index].cut {
                continue;
            }
            let says = self.sims[index].receive(order, self.now);
            if self.sims[index].spec.mute {
                continue;
            }
            for (later, status) in says {
                let arrival = self.now + later + self.rng.between(0, self.net.delay_max_ms);
                let ack = self.ack(index, order, status, arrival);
                self.send_up(index, Input::Ack(ack), arrival);
            }
        }
    }

    fn ack(&mut self, index: usize, order: Order, status: AckStatus, arrival: i64) -> Ack {
        self.number += 1;
        let spec = &self.sims[index].spec;
        let device_id = device(&spec.id);
        Ack {
            message_id: Uuid::from_u128(u128::from(self.number)),
            setpoint_id: Some(
                DecisionNo::new(order.epoch, order.seq).setpoint_id(self.tree.root(), &device_id),
            ),
            device_id,
            feeder_id: feeder(&spec.feeder),
            ts: Timestamp(self.now + spec.skew_ms),
            arrival: Timestamp(arrival),
            status,
            applied_w: None,
            reason: None,
        }
    }

    /// The processor hears what has arrived; it is applied at the next decision.
    fn gather(&mut self) {
        while let Some(entry) = self.up.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Input::Ack(ack) => self.waiting.0.push(ack),
                Input::Telemetry(sample) => {
                    self.watch.hear(&sample);
                    self.waiting.1.push(sample);
                }
            }
        }
    }

    /// As the processor's driver.
    fn due(&mut self) -> Option<Trigger> {
        let now = Timestamp(self.now);
        let (deadline, trigger) =
            self.tree.next_deadline(&self.registry.settings, now, self.watch.latest());
        if deadline <= now {
            return Some(trigger);
        }
        let rested = self.seq > 0 && self.now - self.decided_at >= URGENT_PAUSE_MS;
        if rested && self.urgent {
            return Some(Trigger::Operator);
        }
        let decided_at = Timestamp(self.decided_at);
        let overloaded =
            self.seq > 0 && self.watch.is_due(&self.registry, self.tree.root(), now, decided_at);
        overloaded.then_some(Trigger::Overload)
    }

    fn decide(&mut self, trigger: Trigger) {
        self.urgent = false;
        self.decided_at = self.now;
        let (acks, samples) = std::mem::take(&mut self.waiting);
        for ack in acks {
            self.tree.apply(&Input::Ack(ack), &self.registry);
        }
        for sample in samples {
            self.tree.apply(&Input::Telemetry(sample), &self.registry);
        }
        self.seq += 1;
        let tick = Tick {
            now: Timestamp(self.now),
            trigger,
            no: DecisionNo::new(1, self.seq),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let decision = match self.policy {
            Some(policy) => self.tree.decide_with(&self.registry, tick, policy().as_ref()),
            None => self.tree.decide(&self.registry, tick),
        };
        self.watch.decided(&self.registry, self.tree.root(), &decision.header);
        if self.judged {
            reference::check_decision(self, &decision);
        }
        for index in 0..self.sims.len() {
            let decided = reference::decided(&decision, &self.sims[index]);
            if decided.emit == Emit::None {
                continue;
            }
            let order = Order {
                epoch: decision.no.epoch,
                seq: decision.no.seq,
                setpoint_w: decided.setpoint_w.expect("what is sent has a setpoint").0,
                ttl_ms: decided.ttl_ms,
                fallback_w: decided.fallback_w.0,
                expires_ms: self.now + decided.ttl_ms,
            };
            self.send_down(index, order);
        }
        self.decisions.push(decision);
    }

    fn send_down(&mut self, index: usize, order: Order) {
        if self.rng.chance(self.net.loss_permille) {
            return;
        }
        let copies = 1 + usize::from(self.rng.chance(self.net.repeat_permille));
        for _ in 0..copies {
            self.number += 1;
            let arrival = self.now + STEP_MS + self.rng.between(0, self.net.delay_max_ms);
            self.down.insert((arrival, self.number), (index, order));
        }
    }
}

pub(crate) fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("ids of tests are good")
}

pub(crate) fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("ids of tests are good")
}
