//! One processor, step by step: the product's own instance and recoveries, pumped over the simulated log. It can be killed
//! between any two of its deeds, be paused with records on the wire, and wake up not knowing it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use control_instance::{
    Answer, Ask, Effect, Instance, Note as Told, Now, Owners, Recovered, Recovery, Rules,
};
use schemas::codec::Record;
use schemas::log::Outgoing;
use schemas::records::decision::Decision;
use schemas::records::decision_no::DecisionNo;
use schemas::records::snapshot::SnapshotPart;
use schemas::rng::Rng;
use schemas::topics::Topic;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::log::Log;

/// As the service: an append that is not answered has failed.
const APPEND_TIMEOUT_MS: i64 = 2_000;
/// A snapshot every so many decisions.
const SNAPSHOT_EVERY: i64 = 4;
/// Devices in a part of a snapshot: few, so that a crash can tear it.
const SNAPSHOT_PART_DEVICES: usize = 4;
/// What follows from what, within one turn, comes to an end: a bound for what would not.
const ROUNDS_MAX: usize = 1_000;

/// Where a crash cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Decided, nothing sent yet.
    BeforeAppend,
    /// Some parts of the decisions are on the wire.
    MidAppend,
    /// The decision is in the log; nobody here knows it yet.
    AfterAppend,
    /// Read back; nothing that follows from it is written.
    BeforeDerived,
    /// Some parts of a snapshot are on the wire.
    MidSnapshot,
}

/// Every cut.
pub const CUTS: [Cut; 5] =
    [Cut::BeforeAppend, Cut::MidAppend, Cut::AfterAppend, Cut::BeforeDerived, Cut::MidSnapshot];

/// Who waits for a record on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Awaited {
    /// A recovery, for its claim.
    Claim(u64),
    /// The instance, for decisions of a partition.
    Append(i32, u64),
}

/// A record on the wire.
#[derive(Debug, Clone)]
struct Flight {
    due: i64,
    outgoing: Outgoing,
    awaited: Option<Awaited>,
}

/// What a recovery waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// Nothing.
    No,
    /// The end of the pause before it begins.
    Begin(i64),
    /// Time that it asked for.
    Until(i64),
    /// Its claim.
    Claim,
}

/// A recovery on its way.
#[derive(Debug)]
struct OnItsWay {
    recovery: Recovery,
    waits: Waits,
}

/// What the world should know.
#[derive(Debug)]
pub enum Note {
    /// What the instance tells.
    Told(Told),
    /// A snapshot was written.
    Snapshot(Vec<SnapshotPart>),
    /// The planned crash happened.
    Crashed(Cut),
    /// A decision was handed to the log.
    Decided {
        /// Of which tree.
        root: FeederId,
        /// Its epoch and number.
        no: DecisionNo,
    },
}

/// One processor.
#[derive(Debug)]
pub struct Processor {
    name: usize,
    start: u64,
    partitions: i32,
    /// Its clock less the true one.
    clock_ms: i64,
    owners: Owners,
    instance: Instance,
    wanted: BTreeSet<i32>,
    /// What it reads live, and where it is.
    follows: BTreeMap<(Topic, i32), i64>,
    recoveries: BTreeMap<u64, OnItsWay>,
    wire: VecDeque<Flight>,
    /// Who waits since when.
    waiting: BTreeMap<Awaited, i64>,
    rng: Rng,
    /// The next crash, where one is planned.
    pub cut: Option<Cut>,
}

impl Processor {
    /// A process that has just started.
    #[must_use]
    pub fn new(name: usize, start: u64, partitions: i32, clock_ms: i64, rng: Rng) -> Self {
        let mut rng = rng;
        Self {
            name,
            start,
            partitions,
            clock_ms,
            owners: Owners::Group,
            instance: instance(name, start, partitions, Owners::Group, &mut rng),
            wanted: BTreeSet::new(),
            follows: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            wire: VecDeque::new(),
            waiting: BTreeMap::new(),
            rng,
            cut: None,
        }
    }

    /// Partitions that it holds, as far as it knows.
    pub fn holds(&self) -> impl Iterator<Item = i32> {
        self.instance.held()
    }

    /// Says which partitions are its own from now on, and who says so.
    pub fn want(&mut self, partitions: &BTreeSet<i32>, owners: Owners) {
        if self.owners != owners {
            let Self { name, start, partitions, rng, .. } = self;
            self.instance = instance(*name, *start, *partitions, owners, rng);
            self.owners = owners;
        }
        let new: Vec<i32> = partitions.difference(&self.wanted).copied().collect();
        let gone: Vec<i32> = self.wanted.difference(partitions).copied().collect();
        self.instance.assign(&new);
        if !gone.is_empty() {
            self.instance.revoke(&gone);
        }
        self.wanted.clone_from(partitions);
    }

    /// What it leaves on the wire when it dies: the first so many records still arrive.
    pub fn die(&mut self) {
        let arrive = if self.wire.is_empty() { 0 } else { self.rng.below(self.wire.len() + 1) };
        self.wire.truncate(arrive);
        self.wire.iter_mut().for_each(|flight| flight.awaited = None);
        self.waiting.clear();
    }

    /// Starts anew, knowing nothing; what the dead one had on the wire may still arrive.
    pub fn reborn(&mut self, start: u64, rng: Rng) {
        let wire = std::mem::take(&mut self.wire);
        *self = Self::new(self.name, start, self.partitions, self.clock_ms, rng);
        self.wire = wire;
    }

    /// Holds back what is on the wire until `until`: a network that stalls, a process that was stopped in the middle of a send.
    pub fn stall(&mut self, until: i64) {
        for flight in &mut self.wire {
            flight.due = flight.due.max(until);
        }
    }

    /// Records on the wire arrive, in order; also those of a process that is gone.
    pub fn land(&mut self, now: i64, log: &mut Log) {
        while let Some(flight) = self.wire.pop_front_if(|flight| flight.due <= now) {
            log.append(now, flight.outgoing);
        }
    }

    fn send(&mut self, now: i64, outgoing: Outgoing, awaited: Option<Awaited>) {
        let last = self.wire.back().map_or(now, |flight| flight.due);
        let due = last.max(now + self.rng.between(1, 40));
        self.wire.push_back(Flight { due, outgoing, awaited });
        if let Some(awaited) = awaited {
            self.waiting.insert(awaited, now);
        }
    }

    /// One turn of its loop. `log` is none while the log does not answer.
    pub fn turn(&mut self, now: i64, log: Option<&Log>, notes: &mut Vec<Note>) {
        let holds = self.holds().next().is_some();
        if self.cut == Some(Cut::AfterAppend) && holds && self.rng.chance(200) {
            return notes.push(Note::Crashed(Cut::AfterAppend));
        }
        self.hear_of_appends(now);
        for _ in 0..ROUNDS_MAX {
            if let Some(log) = log {
                self.recover(now, log, notes);
                self.read(log);
            }
            self.instance.decide(Timestamp(now + self.clock_ms));
            let effects = self.instance.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.act(now, log, effect, notes);
                if notes.iter().any(|note| matches!(note, Note::Crashed(_))) {
                    return;
                }
            }
        }
        tracing::error!("a turn comes to no end");
    }

    /// What has landed, and what was waited for long enough.
    fn hear_of_appends(&mut self, now: i64) {
        let waiting = std::mem::take(&mut self.waiting);
        for (awaited, since) in waiting {
            let flies = self.wire.iter().any(|flight| flight.awaited == Some(awaited));
            if flies && now - since < APPEND_TIMEOUT_MS {
                self.waiting.insert(awaited, since);
                continue;
            }
            if flies {
                self.give_up(now, awaited);
            }
            self.answer(now, awaited, !flies);
        }
    }

    /// Nobody knows whether it is in the log. It may be on its way all the same.
    fn give_up(&mut self, now: i64, awaited: Awaited) {
        let (keep, later) = (self.rng.chance(500), now + self.rng.between(0, 4_000));
        self.wire.retain(|flight| keep || flight.awaited != Some(awaited));
        // What comes after it on the wire comes after it in the log.
        let mut held_up = false;
        for flight in &mut self.wire {
            held_up |= flight.awaited == Some(awaited);
            if held_up {
                flight.due = flight.due.max(later);
            }
            flight.awaited = flight.awaited.filter(|of| *of != awaited);
        }
    }

    fn answer(&mut self, now: i64, awaited: Awaited, known: bool) {
        match awaited {
            Awaited::Append(partition, ticket) => self.instance.appended(partition, ticket, known),
            Awaited::Claim(ticket) => {
                let Some(mut on_its_way) = self.recoveries.remove(&ticket) else { return };
                let partition = on_its_way.recovery.partition();
                let now = self.clocks(now);
                let answered = known && on_its_way.recovery.answer(Answer::Appended, now).is_ok();
                if answered {
                    on_its_way.waits = Waits::No;
                    self.recoveries.insert(ticket, on_its_way);
                } else {
                    self.instance.recovered(partition, ticket, None);
                }
            }
        }
    }

    fn clocks(&self, now: i64) -> Now {
        Now { clock: Timestamp(now + self.clock_ms), elapsed_ms: now }
    }

    /// Pumps every recovery as far as it gets.
    fn recover(&mut self, now: i64, log: &Log, notes: &mut Vec<Note>) {
        for (ticket, mut on_its_way) in std::mem::take(&mut self.recoveries) {
            let partition = on_its_way.recovery.partition();
            let outcome = self.pump(now, log, ticket, &mut on_its_way);
            notes.extend(on_its_way.recovery.take_notes().into_iter().map(Note::Told));
            match outcome {
                Pumped::Waits => drop(self.recoveries.insert(ticket, on_its_way)),
                Pumped::Ours(recovered) => {
                    self.instance.recovered(partition, ticket, Some(*recovered));
                }
                Pumped::Failed => self.instance.recovered(partition, ticket, None),
            }
        }
    }

    fn pump(&mut self, now: i64, log: &Log, ticket: u64, on_its_way: &mut OnItsWay) -> Pumped {
        let clocks = self.clocks(now);
        let OnItsWay { recovery, waits } = on_its_way;
        match *waits {
            Waits::Claim => return Pumped::Waits,
            Waits::Begin(at) | Waits::Until(at) if at > now => return Pumped::Waits,
            Waits::Until(_) if recovery.answer(Answer::Waited, clocks).is_err() => {
                return Pumped::Failed;
            }
            Waits::Begin(_) | Waits::Until(_) | Waits::No => *waits = Waits::No,
        }
        loop {
            let answer = match recovery.ask(clocks) {
                Ask::Nothing(recovered) => return Pumped::Ours(recovered),
                Ask::Ends(places) => Answer::Ends(
                    places.iter().map(|(topic, partition)| log.end(*topic, *partition)).collect(),
                ),
                Ask::Read(places) => {
                    for (topic, partition, start) in places {
                        let from = log.start(topic, partition, start);
                        log.read(topic, partition, from).for_each(|record| recovery.record(record));
                    }
                    Answer::Read
                }
                Ask::Append(claim) => {
                    self.send(now, claim, Some(Awaited::Claim(ticket)));
                    *waits = Waits::Claim;
                    return Pumped::Waits;
                }
                Ask::Wait(ms) => {
                    *waits = Waits::Until(now.saturating_add(ms));
                    return Pumped::Waits;
                }
            };
            if recovery.answer(answer, clocks).is_err() {
                return Pumped::Failed;
            }
        }
    }

    /// Reads what is new in everything that it follows.
    fn read(&mut self, log: &Log) {
        // What operators say comes first, then inputs, then decisions: any order is possible, and this one is hard on nobody.
        let mut places: Vec<_> = self.follows.iter_mut().collect();
        places
            .sort_by_key(|((topic, partition), _)| (*topic != Topic::Operator, *topic, *partition));
        for ((topic, partition), next) in places {
            for record in log.read(*topic, *partition, *next) {
                *next = record.offset + 1;
                self.instance.record(record);
            }
        }
    }

    fn act(&mut self, now: i64, log: Option<&Log>, effect: Effect, notes: &mut Vec<Note>) {
        match effect {
            Effect::Recover { ticket, pause_ms, recovery } => {
                let waits = Waits::Begin(now + pause_ms);
                self.recoveries.insert(ticket, OnItsWay { recovery: *recovery, waits });
            }
            Effect::Want { ticket } => {
                if let Some(on_its_way) = self.recoveries.get_mut(&ticket) {
                    on_its_way.recovery.want();
                    if matches!(on_its_way.waits, Waits::Until(_)) {
                        on_its_way.waits = Waits::Until(now);
                    }
                }
            }
            Effect::Abandon { ticket } => drop(self.recoveries.remove(&ticket)),
            Effect::Follow(places) => {
                for (topic, partition, start) in places {
                    let from = log.map_or(0, |log| log.start(topic, partition, start));
                    self.follows.insert((topic, partition), from);
                }
            }
            Effect::Unfollow(places) => {
                self.follows.retain(|place, _| !places.contains(place));
            }
            Effect::Append { ticket, partition, decisions, records } => {
                self.append(now, Awaited::Append(partition, ticket), &decisions, records, notes);
            }
            Effect::Publish { records, .. } => self.publish(now, records, notes),
            Effect::Note(told) => notes.push(Note::Told(told)),
            Effect::Release(_) => {}
        }
    }

    fn append(
        &mut self,
        now: i64,
        awaited: Awaited,
        decisions: &[Decision],
        records: Vec<Outgoing>,
        notes: &mut Vec<Note>,
    ) {
        notes.extend(
            decisions
                .iter()
                .map(|decision| Note::Decided { root: decision.root.clone(), no: decision.no }),
        );
        let sent = match self.cut {
            Some(Cut::BeforeAppend) => 0,
            Some(Cut::MidAppend) => self.rng.below(records.len() + 1),
            Some(Cut::AfterAppend | Cut::BeforeDerived | Cut::MidSnapshot) | None => records.len(),
        };
        for record in records.into_iter().take(sent) {
            self.send(now, record, Some(awaited));
        }
        if let Some(cut @ (Cut::BeforeAppend | Cut::MidAppend)) = self.cut {
            notes.push(Note::Crashed(cut));
        }
    }

    /// Snapshots go into the log; live states do not, since nobody in this world reads them.
    fn publish(&mut self, now: i64, mut records: Vec<Outgoing>, notes: &mut Vec<Note>) {
        if self.cut == Some(Cut::BeforeDerived) {
            return notes.push(Note::Crashed(Cut::BeforeDerived));
        }
        records.retain(|record| record.topic == Topic::Snapshots);
        if records.is_empty() {
            return;
        }
        let parts = records.iter().map(|record| SnapshotPart::decode(&record.value));
        notes.push(Note::Snapshot(parts.map(|part| part.expect("its own bytes")).collect()));
        let torn = self.cut == Some(Cut::MidSnapshot) && records.len() > 1;
        let sent = if torn { self.rng.below(records.len()) } else { records.len() };
        for record in records.into_iter().take(sent) {
            self.send(now, record, None);
        }
        if torn {
            notes.push(Note::Crashed(Cut::MidSnapshot));
        }
    }
}

/// How far a recovery has come.
enum Pumped {
    Waits,
    Ours(Box<Recovered>),
    Failed,
}

fn instance(name: usize, start: u64, partitions: i32, owners: Owners, rng: &mut Rng) -> Instance {
    Instance::new(Rules {
        partitions,
        owners,
        standby: rng.chance(250),
        snapshot_decisions: SNAPSHOT_EVERY,
        snapshot_part_devices: SNAPSHOT_PART_DEVICES,
        decision_part_devices: rng.pick(&[3, 5, 4_000]),
        lineage: None,
        id: Uuid::from_u64_pair(name as u64 + 1, start + 1),
        name: format!("process {name}"),
    })
}
