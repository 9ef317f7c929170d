//! The world: devices, links, broker, bridge, log, processors, one clock. A step moves all of them on and checks everything.

use std::collections::{BTreeMap, BTreeSet};

use device_model::{Conditions, Drive};
use schemas::records::decision::{Decision, Emit, Rung};
use schemas::records::operator::Change;
use schemas::topics::Topic;
use schemas::{DeviceId, FeederId};

use super::bridge::{Bridge, Stored, append_change};
use super::broker::{Arrival, Broker, Net};
use super::errors::Errors;
use super::instance::{Instance, Note};
use super::log::Log;
use super::member::{Body, Member, read_command};
use super::physics::{Physics, REACTION_MS, Watched, is_under, member_feeder};
use super::reference::{Reference, Violation, violation};
use super::rng::Rng;
use super::trace::Trace;
use crate::watchdog::Rules;

/// One step of the clock.
pub const STEP_MS: i64 = 250;
/// A midnight, UTC.
pub const MIDNIGHT_MS: i64 = 1_700_006_400_000;
/// A tree without a decision for so long is not controlled: two windows and what they wait for.
const CONTROLLED_MS: i64 = 15_000;
/// A sample in a decision may be so old, where all is well: a period, two ways, a step of each on the path.
const UNSEEN_MS: i64 = 5_000;
/// Kilowatts outside, watts inside, and a few devices.
const ROUNDING_W: i64 = 10;
/// A member of the group that is not heard for so long loses its partitions.
const SESSION_MS: i64 = 6_000;

/// A process that runs, is paused or is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It stands still until then, and does not know it.
    Paused {
        /// When it goes on.
        until: i64,
        /// Since when.
        since: i64,
    },
    /// It is gone and starts anew then.
    Down {
        /// When.
        until: i64,
    },
}

/// A processor and its life.
#[derive(Debug)]
pub struct Process {
    /// The processor.
    pub instance: Instance,
    /// Its life.
    pub life: Life,
    /// Until then the group's word has not reached it.
    pub deaf_until: i64,
    starts: u64,
    clock_ms: i64,
}

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
    partitions: i32,
    rules: Rules,
    stored: Stored,
    watchdog_ids: BTreeSet<uuid::Uuid>,
    connections: u64,
    bridge_starts: u64,
    works_since: BTreeMap<FeederId, i64>,
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
                    instance: Instance::new(name, 0, plan.partitions, clock_ms, rng),
                    life: Life::Running,
                    deaf_until: 0,
                    starts: 0,
                    clock_ms,
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
            partitions: plan.partitions,
            rules: plan.rules,
            stored: Stored::new(),
            watchdog_ids: BTreeSet::new(),
            connections: 0,
            bridge_starts: 0,
            works_since: BTreeMap::new(),
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
                process.instance.land(self.now, &mut self.log);
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
                            format_args!("{id} takes {} W of {fence:?}", taken.target_w),
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

    /// What only a meter sees is known by the meter's word, as long as everything else under it is heard: what a device that
    /// is not heard has begun or ceased to take cannot be told apart from it.
    fn note_hidden(&mut self) {
        let registry = &self.reference.registry;
        for index in 0..self.members.len() {
            if !self.members[index].habits.hidden {
                continue;
            }
            let at = self.members[index].feeder.clone();
            let others = self.members.iter().zip(&self.watched).filter(|(other, _)| {
                !other.habits.hidden && is_under(registry, member_feeder(registry, other), &at)
            });
            let known = others.map(|(_, watched)| watched.logged).min().unwrap_or(0);
            self.watched[index].logged = known;
        }
    }

    /// A decision counts from here on.
    fn on_counting(&mut self, decision: Decision) -> Result<(), Violation> {
        let at = decision.header.at.0 - self.start;
        self.trace.note(
            self.now,
            format_args!(
                "{} {}/{} at +{at} ms by {:?}: {:?}",
                decision.root,
                decision.epoch,
                decision.seq,
                decision.header.trigger,
                decision.devices.iter().map(|d| d.setpoint_w.map(|w| w.0)).collect::<Vec<_>>()
            ),
        );
        for device in &decision.devices {
            let (of, power, setpoint) = (&device.device_id, device.power_w, device.setpoint_w);
            let (freshness, age) = (device.freshness, device.sample_age_ms);
            let reason = device.reason;
            self.trace.note(
                self.now,
                format_args!(
                    "    {of}: {power:?} → {setpoint:?}, {reason:?}, {freshness:?} {age:?}"
                ),
            );
        }
        for node in &decision.header.nodes {
            let (limit, load, uncontrolled) = (node.limit_w, node.load_w, node.uncontrolled_w);
            let (controlled, reserved) = (node.controlled_w, node.reserved_w);
            self.trace.note(
                self.now,
                format_args!(
                    "  {}: {load} of {limit}, {controlled} controlled, {uncontrolled} not, {reserved} held",
                    node.feeder_id
                ),
            );
        }
        for node in &decision.header.nodes {
            if node.unmet_w.0 > 0 || node.rung == Rung::Alarm || node.stopped.is_some() {
                self.physics.excuse(&node.feeder_id, self.now + REACTION_MS);
            }
        }
        if self.checks_load {
            self.check_raises(&decision)?;
        }
        self.note_live(&decision);
        if let Some(kept) = &mut self.decisions {
            kept.push(decision);
        }
        Ok(())
    }

    /// G1 and G2 against what devices hold: where somebody is raised, all that may be taken from now on fits the limit.
    fn check_raises(&self, decision: &Decision) -> Result<(), Violation> {
        let registry = &self.reference.registry;
        for node in &decision.header.nodes {
            let (mut may_take, mut raised) = (0, 0);
            let mut words = String::new();
            for decided in &decision.devices {
                let Some(index) = self.index_of(&decided.device_id) else { continue };
                let member = &self.members[index];
                let feeder = member_feeder(registry, member);
                if matches!(member.body, Body::Meter(_))
                    || !is_under(registry, feeder, &node.feeder_id)
                {
                    continue;
                }
                let free = member.generates() || matches!(member.drive(), Drive::Own);
                let seen_ms = if free { REACTION_MS } else { UNSEEN_MS };
                let power = member.power_w();
                let least = self.watched[index].least_known_w(seen_ms, self.start, power);
                let holds = if free { least } else { self.worst_w(index).max(least) };
                let told = decided.setpoint_w.map(|watts| watts.0);
                let told = told.filter(|_| !member.generates() && !member.lies());
                may_take += told.map_or(holds, |told| told.max(holds));
                // What may be taken by the log's own word is no gift, nor that a battery stops giving.
                let had = self.may_have_w(index).max(holds).max(0);
                raised += told.map_or(0, |told| (told - had).max(0));
                words.push_str(&format!(" {}={holds}→{told:?}", decided.device_id));
            }
            if raised > ROUNDING_W && may_take > node.limit_w.0 + ROUNDING_W {
                let what = format!(
                    "{} {}/{} {:?}: {raised} W are given where devices may take {may_take} W of {}:{words}",
                    node.feeder_id,
                    decision.epoch,
                    decision.seq,
                    decision.header.trigger,
                    node.limit_w
                );
                return Err(violation("G2 decrease before increase", what));
            }
        }
        Ok(())
    }

    /// Remembers what is sent as possibly in force.
    fn note_live(&mut self, decision: &Decision) {
        let at = decision.header.at.0;
        for decided in decision.devices.iter().filter(|decided| decided.emit != Emit::None) {
            let Some(index) = self.index_of(&decided.device_id) else { continue };
            let most = decided.setpoint_w.map_or(0, |watts| watts.0).max(decided.fallback_w.0);
            let live = &mut self.watched[index].live;
            live.retain(|(_, sent, _)| at - sent <= 2 * decided.ttl_ms);
            live.push((decision.setpoint_id(&decided.device_id), at, most));
        }
    }

    /// The most a device may take by what the log knows of it: live commands, and the power it was last seen to take.
    fn may_have_w(&self, index: usize) -> i64 {
        let watched = &self.watched[index];
        let commands = watched.live.iter().map(|(_, _, most)| *most).fold(i64::MIN, i64::max);
        let known = (watched.logged - UNSEEN_MS - self.start).max(0) / 1_000;
        let from = usize::try_from(known).unwrap_or(0).min(watched.power_w.len());
        let seen = watched.power_w[from..].iter().copied().fold(i64::MIN, i64::max);
        commands.max(seen).max(self.members[index].power_w())
    }

    /// The most a device may take from now on by what it holds and by what is on its way to it.
    fn worst_w(&self, index: usize) -> i64 {
        let member = &self.members[index];
        let fence = member.taken.map(|taken| taken.fence);
        let coming = self.broker.on_the_way(index).chain(self.broker.retained.get(&index));
        coming
            .filter(|kept| kept.expires > self.now)
            .filter_map(|kept| read_command(&member.id, kept, self.now))
            .filter(|command| Some(command.fence) > fence)
            .map(|command| command.target_w.max(command.fallback_w))
            .fold(member.held_w(), i64::max)
    }

    /// The place of a device.
    #[must_use]
    pub fn index_of(&self, device_id: &DeviceId) -> Option<usize> {
        self.members.iter().position(|member| member.id == *device_id)
    }

    /// The group gives every partition to one that lives, and tells whoever hears it.
    fn assign(&mut self) {
        let now = self.now;
        self.mistakes.retain(|_, until| *until > now);
        let lives: Vec<usize> = (0..self.processes.len())
            .filter(|index| match self.processes[*index].life {
                Life::Running => true,
                Life::Paused { since, .. } => now - since < SESSION_MS,
                Life::Down { .. } => false,
            })
            .collect();
        for partition in 0..self.partitions {
            let holder = self.assigned.get(&partition).copied();
            if holder.is_some_and(|holder| lives.contains(&holder)) {
                continue;
            }
            let place = usize::try_from(partition).expect("few");
            match lives.get(place % lives.len().max(1)) {
                Some(next) => self.assigned.insert(partition, *next),
                None => self.assigned.remove(&partition),
            };
        }
        for (index, process) in self.processes.iter_mut().enumerate() {
            if process.life != Life::Running || process.deaf_until > now || !self.log_up {
                continue;
            }
            let assigned = self.assigned.iter().filter(|(_, holder)| **holder == index);
            let mistaken = self.mistakes.keys().filter(|(_, holder)| *holder == index);
            let wanted = assigned.map(|(partition, _)| *partition);
            let wanted = wanted.chain(mistaken.map(|(partition, _)| *partition)).collect();
            process.instance.want(now, &wanted);
        }
    }

    fn turn_processors(&mut self) -> Result<(), Violation> {
        for index in 0..self.processes.len() {
            self.wake(index);
            let process = &mut self.processes[index];
            if process.life != Life::Running {
                continue;
            }
            let mut notes = Vec::new();
            let log = self.log_up.then_some(&mut self.log);
            process.instance.turn(self.now, log, &mut notes);
            for note in notes {
                self.on_note(index, note)?;
            }
        }
        Ok(())
    }

    fn wake(&mut self, index: usize) {
        let (now, rng) = (self.now, &mut self.rng);
        let process = &mut self.processes[index];
        match process.life {
            Life::Paused { until, .. } if until <= now => {
                process.life = Life::Running;
                process.deaf_until = now + rng.between(0, 3_000);
            }
            Life::Down { until } if until <= now => {
                process.life = Life::Running;
                process.starts += 1;
                let rng = rng.fork(&format!("start {index} {}", process.starts));
                // What the dead one had on the wire may still arrive: it lives on behind the new one's back.
                process.instance.reborn(index, process.starts, process.clock_ms, rng);
            }
            Life::Running | Life::Paused { .. } | Life::Down { .. } => {}
        }
    }

    fn on_note(&mut self, index: usize, note: Note) -> Result<(), Violation> {
        match note {
            Note::Recovered { partition, epoch, replayed } => {
                self.counts.recoveries += 1;
                self.counts.replayed += u64::try_from(replayed).unwrap_or(0);
                self.trace.note(
                    self.now,
                    format_args!("processor {index} owns {partition} in epoch {epoch}: {replayed}"),
                );
            }
            Note::Differs(difference) => {
                return Err(violation("G15 replay is byte-identical", difference));
            }
            Note::Snapshot(parts) => self.reference.check_snapshot(&parts)?,
            Note::Crashed(cut) => {
                self.trace.note(self.now, format_args!("processor {index} dies: {cut:?}"));
                let until = self.now + self.rng.between(500, 20_000);
                self.kill(index, until);
            }
            Note::Decided { root, pair } => {
                self.trace
                    .note(self.now, format_args!("processor {index} decides {root} {pair:?}"));
            }
            Note::Fenced(partition) => {
                self.counts.fenced += 1;
                self.trace.note(self.now, format_args!("processor {index} lost {partition}"));
            }
        }
        Ok(())
    }

    /// Kills a processor until then.
    pub fn kill(&mut self, index: usize, until: i64) {
        self.counts.crashes += 1;
        let process = &mut self.processes[index];
        process.instance.die();
        process.instance.cut = None;
        process.life = Life::Down { until };
    }

    /// Stops a processor until then; what it has on the wire may be held up with it.
    pub fn pause(&mut self, index: usize, until: i64, with_wire: bool) {
        self.counts.pauses += 1;
        let since = self.now;
        let process = &mut self.processes[index];
        process.life = Life::Paused { until, since };
        if with_wire {
            process.instance.stall(until);
        }
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
