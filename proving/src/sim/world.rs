//! The world: devices, links, broker, bridge, log, processors, one clock. A step moves all of them on and checks everything.

mod processes;
mod raises;

use std::collections::{BTreeMap, BTreeSet};

use bridge_outbound::Rules;
use device_model::Conditions;
use schemas::records::decision::Decision;
use schemas::records::operator::Change;
use schemas::rng::Rng;
use schemas::topics::Topic;
use schemas::{DeviceId, FeederId};

use super::bridge::{Bridge, Stored, append_change};
use super::broker::{Arrival, Broker, Net};
use super::errors::Errors;
use super::log::Log;
use super::member::{Body, Member};
use super::physics::{Physics, REACTION_MS, Watched, is_under, member_feeder, told_w};
use super::processor::Processor;
use super::reference::{Reference, Violation, violation};
use super::trace::Trace;
pub use processes::{Life, Process};

/// One step of the clock.
pub const STEP_MS: i64 = 250;
/// A midnight, UTC.
pub const MIDNIGHT_MS: i64 = 1_700_006_400_000;
/// A tree without a decision for so long is not controlled: two windows and what they wait for.
const CONTROLLED_MS: i64 = 15_000;
/// Where nothing has been wrong with processors and log for so long, every tree is decided.
const CALM_MS: i64 = 40_000;
/// A device without a sample for so long before a meter's word may have changed what it takes.
const HEARD_MS: i64 = 30_000;

/// What a world is made of.
#[derive(Debug)]
pub struct Plan {
    /// Its name for messages and its chance.
    pub seed: u64,
    /// Partitions of the tree topics.
    pub partitions: i32,
    /// Processors.
    pub processors: usize,
    /// The links.
    pub net: Net,
    /// The watchdog.
    pub rules: Rules,
    /// The hour of the day at the start.
    pub start_h: i64,
    /// Devices.
    pub members: Vec<Member>,
    /// What operators have set before the start.
    pub changes: Vec<Change>,
    /// Whether every line of the trace is kept.
    pub keep_trace: bool,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Processes killed.
    pub crashes: u64,
    /// Processes paused.
    pub pauses: u64,
    /// Partitions taken over.
    pub recoveries: u64,
    /// Decisions replayed in them.
    pub replayed: u64,
    /// Owners that found themselves fenced.
    pub fenced: u64,
    /// Owners that found in the log what they did not know of their own decisions.
    pub doubted: u64,
    /// Setpoints that took effect.
    pub taken: u64,
    /// Setpoints of the watchdog that took effect.
    pub watchdog: u64,
    /// Operators' changes.
    pub changes: u64,
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// The clock.
    pub now: i64,
    /// When it began.
    pub start: i64,
    /// The sky.
    pub conditions: Conditions,
    /// Devices.
    pub members: Vec<Member>,
    /// What is known of each.
    pub watched: Vec<Watched>,
    /// The log.
    pub log: Log,
    /// Whether it answers.
    pub log_up: bool,
    /// The broker.
    pub broker: Broker,
    /// The bridge, while it runs.
    pub bridge: Option<Bridge>,
    /// Processors.
    pub processes: Vec<Process>,
    /// Which processor the group has given each partition to.
    pub assigned: BTreeMap<i32, usize>,
    /// Partitions that a second processor works on by mistake, until when.
    pub mistakes: BTreeMap<(i32, usize), i64>,
    /// What must hold.
    pub reference: Reference,
    /// What the feeders carry.
    pub physics: Physics,
    /// What happened.
    pub trace: Trace,
    /// How often.
    pub counts: Counts,
    /// Decisions that count, where a scene wants them.
    pub decisions: Option<Vec<Decision>>,
    /// Whether the load is checked: not in worlds that show what goes wrong without control.
    pub checks_load: bool,
    /// No group says who works on what: every processor wants every partition.
    pub fixed: bool,
    partitions: i32,
    rules: Rules,
    stored: Stored,
    watchdog_ids: BTreeSet<uuid::Uuid>,
    connections: u64,
    bridge_starts: u64,
    works_since: BTreeMap<FeederId, i64>,
    /// Since when nothing is wrong with processors and log.
    calm_since: i64,
    heard: BTreeMap<FeederId, i64>,
    errors: Errors,
    rng: Rng,
}

impl World {
    /// A world as planned, before its first step.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let rng = Rng::new(plan.seed);
        let start = MIDNIGHT_MS + plan.start_h * 3_600_000;
        let mut clocks = rng.fork("clocks");
        let processes = (0..plan.processors)
            .map(|name| {
                let clock_ms = clocks.between(-300, 300);
                let rng = rng.fork(&format!("processor {name}"));
                Process {
                    processor: Processor::new(name, 0, plan.partitions, clock_ms, rng),
                    life: Life::Running,
                    deaf_until: 0,
                    starts: 0,
                }
            })
            .collect();
        let mut world = Self {
            now: start,
            start,
            conditions: Conditions::default(),
            watched: plan.members.iter().map(|_| Watched::default()).collect(),
            members: plan.members,
            log: Log::default(),
            log_up: true,
            broker: Broker::new(plan.net, rng.fork("links")),
            bridge: Some(Bridge::new(plan.partitions, plan.rules, rng.fork("bridge"))),
            processes,
            assigned: BTreeMap::new(),
            mistakes: BTreeMap::new(),
            reference: Reference::new(plan.partitions),
            physics: Physics::default(),
            trace: Trace::new(plan.keep_trace),
            counts: Counts::default(),
            decisions: None,
            checks_load: true,
            fixed: false,
            partitions: plan.partitions,
            rules: plan.rules,
            stored: Stored::new(),
            watchdog_ids: BTreeSet::new(),
            connections: 0,
            bridge_starts: 0,
            works_since: BTreeMap::new(),
            calm_since: start,
            heard: BTreeMap::new(),
            errors: Errors::default(),
            rng: rng.fork("world"),
        };
        for change in plan.changes {
            world.operate(change);
        }
        world
    }

    /// An operator changes something.
    pub fn operate(&mut self, change: Change) {
        self.counts.changes += 1;
        self.trace.note(self.now, format_args!("operator {change:?}"));
        append_change(&mut self.log, self.now, "operator", change);
    }

    /// Runs for so long.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn run(&mut self, ms: i64) -> Result<(), Violation> {
        let end = self.now + ms;
        while self.now < end {
            self.step()?;
        }
        Ok(())
    }

    /// One step.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn step(&mut self) -> Result<(), Violation> {
        let errors = self.errors.clone();
        errors.watch(|| self.move_on())?;
        match errors.first() {
            Some(error) => Err(violation("nothing logs an error", error)),
            None => Ok(()),
        }
    }

    fn move_on(&mut self) -> Result<(), Violation> {
        self.now += STEP_MS;
        self.live_and_measure();
        self.arrive()?;
        self.turn_bridge();
        if self.log_up {
            for process in &mut self.processes {
                process.processor.land(self.now, &mut self.log);
            }
        }
        for decision in self.reference.follow(&self.log)? {
            self.on_counting(decision)?;
        }
        self.assign();
        self.turn_processors()?;
        if (self.now - self.start) % 1_000 == 0 {
            self.look()?;
        }
        Ok(())
    }

    /// Devices live, measure and speak.
    fn live_and_measure(&mut self) {
        self.read_meters();
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let mut says = member.step(self.now, STEP_MS, self.conditions);
            says.extend(member.sample(self.now, &mut self.rng));
            if member.connection.is_some() && self.broker.up {
                for message in says {
                    self.broker.send_up(self.now, message);
                }
            }
        }
    }

    fn read_meters(&mut self) {
        let registry = &self.reference.registry;
        for index in 0..self.members.len() {
            if !matches!(self.members[index].body, Body::Meter(_)) {
                continue;
            }
            let at = member_feeder(registry, &self.members[index]).clone();
            let under = self
                .members
                .iter()
                .filter(|member| is_under(registry, member_feeder(registry, member), &at));
            let seen: i64 = under.map(Member::power_w).sum();
            self.members[index].body = Body::Meter(seen);
        }
    }

    /// What the links bring.
    fn arrive(&mut self) -> Result<(), Violation> {
        while let Some(arrival) = self.broker.arrive(self.now) {
            match arrival {
                Arrival::Broker(message) if self.broker.up => {
                    self.broker.session.push_back(message);
                }
                Arrival::Broker(_) => {}
                Arrival::Device { device, connection, kept } => {
                    let member = &mut self.members[device];
                    if member.connection != Some(connection) || kept.expires <= self.now {
                        continue;
                    }
                    let before = member.taken;
                    let received = member.receive(&kept, self.now);
                    let id = member.id.clone();
                    for message in received.says {
                        self.broker.send_up(self.now, message);
                    }
                    if let Some((taken, again)) = received.took {
                        let of_watchdog = self.watchdog_ids.contains(&taken.id);
                        self.counts.taken += 1;
                        self.counts.watchdog += u64::from(of_watchdog);
                        let fence = taken.fence;
                        self.trace.note(
                            self.now,
                            format_args!("{id} takes {} W of {fence}", taken.target_w),
                        );
                        self.reference.check_taken(
                            id.as_str(),
                            before,
                            taken,
                            again,
                            of_watchdog,
                        )?;
                    }
                }
            }
        }
        Ok(())
    }

    fn turn_bridge(&mut self) {
        let Some(bridge) = &mut self.bridge else { return };
        let by_id: BTreeMap<DeviceId, (usize, &Member)> = self
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| (member.id.clone(), (index, member)))
            .collect();
        let log = self.log_up.then_some(&mut self.log);
        bridge.turn(self.now, log, &mut self.stored, &mut self.broker, &by_id);
        for (index, command) in bridge.published.drain(..) {
            self.watched[index].newest = Some(command);
        }
        for (device_id, named) in bridge.logged.drain(..) {
            if let Some((index, member)) = by_id.get(&device_id) {
                let taken_at = named - member.habits.skew_ms;
                let logged = &mut self.watched[*index].logged;
                *logged = taken_at.max(*logged);
            }
        }
        for (device_id, id) in bridge.acked.drain(..) {
            if let Some((index, _)) = by_id.get(&device_id) {
                let live = &mut self.watched[*index].live;
                let place = live.iter().position(|(sent, _, _)| *sent == id).unwrap_or(0);
                live.drain(..place);
            }
        }
        self.note_hidden();
        let Some(bridge) = &mut self.bridge else { return };
        self.watchdog_ids.extend(bridge.watchdog_ids.drain(..));
        for (root, at) in &bridge.heard {
            self.heard.insert(root.clone(), *at);
        }
    }

    /// What only a meter sees is known by a word of the meter that was said while everything else under it was heard: what a
    /// device that was not heard then had begun or ceased to take cannot be told apart from it, also when it is heard later.
    fn note_hidden(&mut self) {
        let registry = &self.reference.registry;
        for index in 0..self.members.len() {
            if !self.members[index].habits.hidden {
                continue;
            }
            let at = self.members[index].feeder.clone();
            let others = || {
                self.members.iter().zip(&self.watched).filter(|(other, _)| {
                    !other.habits.hidden && is_under(registry, member_feeder(registry, other), &at)
                })
            };
            let is_meter = |(other, _): &(&Member, &Watched)| matches!(other.body, Body::Meter(_));
            let word = others().filter(is_meter).map(|(_, meter)| meter.logged).min().unwrap_or(0);
            let unheard = others().filter(|(_, watched)| watched.logged < word - HEARD_MS);
            let unsure = unheard
                .map(|(other, watched)| told_w(other, watched).max(0))
                .reduce(i64::saturating_add);
            let hidden = &mut self.watched[index];
            // Judged when it is said: who is heard again later does not make it true.
            let is_new = word > hidden.word;
            hidden.word = word;
            match unsure {
                None if is_new => hidden.logged = word,
                Some(watts) if is_new => {
                    let before = hidden.unsure.filter(|(until, _)| *until > self.now);
                    let most = before.map_or(watts, |(_, before)| watts.max(before));
                    hidden.unsure = Some((self.now + REACTION_MS, most));
                }
                None | Some(_) => {}
            }
        }
    }

    /// The place of a device.
    #[must_use]
    pub fn index_of(&self, device_id: &DeviceId) -> Option<usize> {
        self.members.iter().position(|member| member.id == *device_id)
    }

    /// Kills the bridge, or starts it anew.
    pub fn set_bridge(&mut self, up: bool) {
        if up == self.bridge.is_some() {
            return;
        }
        self.bridge_starts += 1;
        let rng = self.rng.fork(&format!("bridge {}", self.bridge_starts));
        self.counts.crashes += u64::from(!up);
        self.bridge = up.then(|| Bridge::new(self.partitions, self.rules, rng));
    }

    /// Stops the broker, or starts it: then devices connect anew.
    pub fn set_broker(&mut self, up: bool) {
        self.broker.up = up;
        for index in 0..self.members.len() {
            if self.members[index].connection.is_some() {
                self.set_link(index, up);
                if !up {
                    self.members[index].connection = Some(0);
                }
            }
        }
    }

    /// Cuts a device's link, or connects it.
    pub fn set_link(&mut self, index: usize, up: bool) {
        self.members[index].connection = None;
        if up {
            self.connections += 1;
            self.members[index].connection = Some(self.connections);
            self.broker.connected(self.now, index, self.connections);
        }
    }

    /// A controller that has stopped breaks no limit: that it decides is looked at apart.
    fn check_decided(&mut self) -> Result<(), Violation> {
        let runs =
            |process: &Process| process.life == Life::Running && process.deaf_until <= self.now;
        if !self.log_up || !self.mistakes.is_empty() || !self.processes.iter().all(runs) {
            self.calm_since = self.now;
        }
        if self.fixed || self.now - self.calm_since < CALM_MS {
            return Ok(());
        }
        for root in self.reference.registry.roots() {
            let last = self.reference.last.get(&root).map_or(0, |last| last.header.at.0);
            if self.now - last > CALM_MS {
                let what = format!("{root}: nothing is wrong, and the last decision is of {last}");
                return Err(violation("every tree is decided", what));
            }
        }
        Ok(())
    }

    /// Every second: history and load.
    fn look(&mut self) -> Result<(), Violation> {
        for (member, watched) in self.members.iter().zip(&mut self.watched) {
            watched.power_w.push(member.power_w());
            watched.logged_then.push(watched.logged);
        }
        self.physics.note_limits(&self.reference.registry, self.now);
        for root in self.reference.registry.roots() {
            let heard = self.heard.get(&root).copied().unwrap_or(0);
            let works =
                self.bridge.is_some() && self.broker.up && self.now - heard <= CONTROLLED_MS;
            let since = self.works_since.entry(root).or_insert(self.now);
            if !works {
                *since = self.now;
            }
        }
        self.check_decided()?;
        if !self.checks_load {
            return Ok(());
        }
        let (since, now) = (&self.works_since, self.now);
        self.physics.check(
            &self.reference.registry,
            now,
            self.start,
            &self.members,
            &self.watched,
            |root| since.get(root).is_some_and(|since| now - since >= REACTION_MS),
        )
    }

    /// What a feeder truly carries, W.
    #[must_use]
    pub fn load_w(&self, feeder_id: &FeederId) -> i64 {
        let registry = &self.reference.registry;
        let under = self
            .members
            .iter()
            .filter(|member| is_under(registry, member_feeder(registry, member), feeder_id));
        under.map(Member::power_w).sum()
    }

    /// Leaves the last snapshots only, as the log does in time.
    pub fn compact(&mut self) {
        for partition in 0..self.partitions {
            self.log.compact(Topic::Snapshots, partition);
        }
    }
}
