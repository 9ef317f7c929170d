//! One processor, step by step: takes partitions over, gathers, lets the product's driver decide, appends, reads back. It can
//! be killed between any two of these, be paused with records on the wire, and wake up not knowing it.

mod reads;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemas::codec::Record;
use schemas::ledger::Holder;
use schemas::records::decision::{Claim, Decision, LedgerRecord};
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::topics::Topic;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::log::Log;
use super::rng::Rng;
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::patience::Patience;
use crate::rebuild::{Base, Known, Snapshots, next_epoch, stands};
use reads::{decisions, split};
pub use reads::{gather_new, operator_records};

/// As the processor: an append that is not answered has failed.
const APPEND_TIMEOUT_MS: i64 = 2_000;
/// As the processor: pause before a partition is tried again.
const RECOVERY_PAUSE_MS: i64 = 500;
/// As the processor's default: a snapshot every so many decisions.
const SNAPSHOT_EVERY: i64 = 4;

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

/// A record on the wire.
#[derive(Debug, Clone)]
struct Flight {
    due: i64,
    topic: Topic,
    partition: i32,
    key: String,
    value: Vec<u8>,
    /// The loop waits for it.
    awaited: bool,
}

#[derive(Debug)]
struct Held {
    driver: Driver,
    holder: Holder,
    operator_from: i64,
    decisions_next: i64,
}

#[derive(Debug)]
enum Recovering {
    From(i64),
    /// Another one has it, and with fixed partitions it is left to that one while it works: when it was last seen to, and what
    /// was read by then.
    StandsBack {
        worked_on: i64,
        read_to: i64,
    },
    Claimed {
        base: Box<Base>,
        ours: Holder,
        end: i64,
    },
}

/// What the world should know.
#[derive(Debug)]
pub enum Note {
    /// A partition is ours.
    Recovered {
        /// Which.
        partition: i32,
        /// Under which epoch.
        epoch: i64,
        /// Decisions replayed.
        replayed: usize,
    },
    /// A replayed or read decision is not what this core says.
    Differs(String),
    /// A snapshot was written.
    Snapshot(Vec<SnapshotPart>),
    /// The planned crash happened.
    Crashed(Cut),
    /// A decision was handed to the log.
    Decided {
        /// Of which tree.
        root: FeederId,
        /// Its epoch and number.
        pair: (i64, i64),
    },
    /// Another one holds the partition.
    Fenced(i32),
}

/// One processor.
#[derive(Debug)]
pub struct Instance {
    name: usize,
    partitions: i32,
    /// Its clock less the true one.
    clock_ms: i64,
    registry: RegistryAt,
    reads_operator: bool,
    held: BTreeMap<i32, Held>,
    wanted: BTreeSet<i32>,
    recovering: BTreeMap<i32, Recovering>,
    wire: VecDeque<Flight>,
    awaits_since: Option<i64>,
    part_devices: usize,
    writers: u64,
    rng: Rng,
    /// The next crash, where one is planned.
    pub cut: Option<Cut>,
    /// Its partitions are fixed: no group says whose they are.
    pub fixed: bool,
}

impl Instance {
    /// A process that has just started.
    #[must_use]
    pub fn new(name: usize, start: u64, partitions: i32, clock_ms: i64, rng: Rng) -> Self {
        let mut rng = rng;
        Self {
            name,
            partitions,
            clock_ms,
            registry: RegistryAt::default(),
            reads_operator: false,
            held: BTreeMap::new(),
            wanted: BTreeSet::new(),
            recovering: BTreeMap::new(),
            wire: VecDeque::new(),
            awaits_since: None,
            part_devices: rng.pick(&[3, 5, 4_000]),
            writers: start << 32,
            rng,
            cut: None,
            fixed: false,
        }
    }

    /// Partitions that it holds, as far as it knows.
    pub fn holds(&self) -> impl Iterator<Item = i32> {
        self.held.keys().copied()
    }

    /// Says which partitions are its own from now on.
    pub fn want(&mut self, now: i64, partitions: &BTreeSet<i32>) {
        for partition in partitions {
            if self.wanted.insert(*partition) {
                self.recovering.insert(*partition, Recovering::From(now));
            }
        }
        let gone: Vec<i32> = self.wanted.difference(partitions).copied().collect();
        for partition in gone {
            self.wanted.remove(&partition);
            self.recovering.remove(&partition);
            self.held.remove(&partition);
        }
    }

    /// What it leaves on the wire when it dies: the first so many records still arrive.
    pub fn die(&mut self) {
        let arrive = if self.wire.is_empty() { 0 } else { self.rng.below(self.wire.len() + 1) };
        self.wire.truncate(arrive);
        self.held.clear();
        self.recovering.clear();
        self.wanted.clear();
        self.awaits_since = None;
    }

    /// Starts anew, knowing nothing; what the dead one had on the wire may still arrive.
    pub fn reborn(&mut self, name: usize, start: u64, clock_ms: i64, rng: Rng) {
        let mut wire = std::mem::take(&mut self.wire);
        wire.iter_mut().for_each(|flight| flight.awaited = false);
        *self = Self::new(name, start, self.partitions, clock_ms, rng);
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
            log.append(flight.topic, flight.partition, flight.key, flight.value);
        }
        if !self.wire.iter().any(|flight| flight.awaited) {
            self.awaits_since = None;
        }
    }

    fn send(&mut self, now: i64, outgoing: (Topic, i32, String, Vec<u8>), awaited: bool) {
        let last = self.wire.back().map_or(now, |flight| flight.due);
        let due = last.max(now + self.rng.between(1, 40));
        let (topic, partition, key, value) = outgoing;
        self.wire.push_back(Flight { due, topic, partition, key, value, awaited });
        if awaited {
            self.awaits_since = self.awaits_since.or(Some(now));
        }
    }

    /// One turn of its loop. `log` is none while the log does not answer.
    pub fn turn(&mut self, now: i64, log: Option<&mut Log>, notes: &mut Vec<Note>) {
        if let Some(since) = self.awaits_since {
            if now - since >= APPEND_TIMEOUT_MS {
                self.give_up(now);
            }
            return;
        }
        let Some(log) = log else { return };
        if self.cut == Some(Cut::AfterAppend) && !self.held.is_empty() && self.rng.chance(200) {
            return notes.push(Note::Crashed(Cut::AfterAppend));
        }
        self.recover(now, log, notes);
        self.read(now, log, notes);
        if notes.iter().any(|note| matches!(note, Note::Crashed(_))) {
            return;
        }
        self.decide(now, notes);
    }

    /// Nobody knows whether it is in the log: the log is asked, by recovery.
    fn give_up(&mut self, now: i64) {
        self.awaits_since = None;
        let failed: BTreeSet<i32> = self
            .wire
            .iter()
            .filter(|flight| flight.awaited)
            .map(|flight| flight.partition)
            .collect();
        // It may be on its way all the same.
        let (keep, later) = (self.rng.chance(500), now + self.rng.between(0, 4_000));
        self.wire.retain(|flight| keep || !flight.awaited);
        for flight in &mut self.wire {
            flight.awaited = false;
            flight.due = flight.due.max(later);
        }
        for partition in failed {
            self.held.remove(&partition);
            self.recovering.insert(partition, Recovering::From(now + RECOVERY_PAUSE_MS));
        }
    }

    fn recover(&mut self, now: i64, log: &Log, notes: &mut Vec<Note>) {
        let due: Vec<i32> = self.recovering.keys().copied().collect();
        for partition in due {
            match self.recovering.remove(&partition) {
                Some(Recovering::From(at)) if at <= now => self.claim(partition, now, log),
                Some(Recovering::Claimed { base, ours, end }) => {
                    // Read up to our claim: it has arrived, since nothing is awaited any more.
                    if log.end(Topic::Decisions, partition) > end {
                        self.take_over(partition, *base, ours, now, log, notes);
                    } else {
                        self.claim(partition, now, log);
                    }
                }
                Some(Recovering::StandsBack { worked_on, read_to }) => {
                    let end = log.end(Topic::Decisions, partition);
                    let worked_on = if end > read_to { now } else { worked_on };
                    let patience = Patience::of(&self.registry.registry.settings);
                    if now - worked_on >= patience.silence_ms {
                        self.claim(partition, now, log);
                    } else {
                        let waits = Recovering::StandsBack { worked_on, read_to: end };
                        self.recovering.insert(partition, waits);
                    }
                }
                Some(waits @ Recovering::From(_)) => drop(self.recovering.insert(partition, waits)),
                None => {}
            }
        }
    }

    fn claim(&mut self, partition: i32, now: i64, log: &Log) {
        let mut snapshots = Snapshots::default();
        for (_, entry) in log.read(Topic::Snapshots, partition, 0) {
            match SnapshotPart::decode(&entry.value) {
                Ok(part) => snapshots.read(part),
                Err(error) => tracing::error!(%error, "unreadable snapshot"),
            }
        }
        let base = snapshots.into_base(&Known::default());
        let before = decisions(log, partition, base.decisions_from.unwrap_or(0));
        self.writers += 1;
        let writer = Uuid::from_u64_pair(self.name as u64 + 1, self.writers);
        let ours = Holder { epoch: next_epoch(&base.ledger(), &before), writer };
        let at = Timestamp(now + self.clock_ms);
        let claim = Claim {
            epoch: ours.epoch,
            writer,
            at,
            name: format!("process {}", self.name),
            log: None,
        };
        let value = LedgerRecord::Claim(claim).encode();
        self.send(now, (Topic::Decisions, partition, "claim".to_owned(), value), true);
        let end = log.end(Topic::Decisions, partition);
        let base = Box::new(base);
        self.recovering.insert(partition, Recovering::Claimed { base, ours, end });
    }

    fn take_over(
        &mut self,
        partition: i32,
        base: Base,
        ours: Holder,
        now: i64,
        log: &Log,
        notes: &mut Vec<Note>,
    ) {
        let from = base.decisions_from.unwrap_or(0);
        let records = decisions(log, partition, from);
        if !stands(&base.ledger(), ours, &records) {
            return self.claim(partition, now, log);
        }
        let mut driver = base.into_driver(partition, self.partitions);
        let mut registry = ReplayRegistry::default();
        gather_new(&mut driver, partition, log);
        for (offset, record) in operator_records(log, 0) {
            registry.gather(offset, record);
        }
        let (mut decisions_next, mut replayed) = (from, 0);
        for (offset, record) in records {
            decisions_next = offset + 1;
            if let Standing::Counts { difference, .. } = driver.read_decision(record, &mut registry)
            {
                replayed += 1;
                notes.extend(difference.map(Note::Differs));
            }
        }
        let registry = registry.into_latest();
        let operator_from = registry.next;
        if registry.next > self.registry.next && !self.reads_operator {
            self.registry = registry;
        }
        self.reads_operator = true;
        driver.note_roots(&self.registry.registry);
        let epoch = ours.epoch;
        notes.push(Note::Recovered { partition, epoch, replayed });
        let held = Held { driver, holder: ours, operator_from, decisions_next };
        self.held.insert(partition, held);
    }

    /// Reads what is new in every topic.
    fn read(&mut self, now: i64, log: &Log, notes: &mut Vec<Note>) {
        if self.reads_operator {
            for (offset, record) in operator_records(log, self.registry.next) {
                self.on_operator(offset, &record);
            }
        }
        for (partition, held) in &mut self.held {
            gather_new(&mut held.driver, *partition, log);
        }
        let partitions: Vec<i32> = self.held.keys().copied().collect();
        for partition in partitions {
            let Some(held) = self.held.get(&partition) else { continue };
            for (offset, record) in decisions(log, partition, held.decisions_next) {
                if !self.on_decision(now, partition, offset, record, notes) {
                    break;
                }
            }
        }
    }

    fn on_operator(&mut self, offset: i64, record: &OperatorRecord) {
        if !self.registry.read(offset, record) {
            return;
        }
        let registry = &self.registry.registry;
        for held in self.held.values_mut() {
            if record.change.may_open_feeder() {
                held.driver.note_roots(registry);
            }
            held.driver.note_change(&record.change, registry);
        }
    }

    /// Whether the partition is still ours after this record.
    fn on_decision(
        &mut self,
        now: i64,
        partition: i32,
        offset: i64,
        record: LedgerRecord,
        notes: &mut Vec<Note>,
    ) -> bool {
        let Some(held) = self.held.get_mut(&partition) else { return false };
        held.decisions_next = offset + 1;
        // Live, a foreign decision that counts comes only after a foreign claim, and that ends our hold.
        let mut no_replay = ReplayRegistry::default();
        match held.driver.read_decision(record, &mut no_replay) {
            Standing::TakenOver(holder) if holder != held.holder => {
                self.held.remove(&partition);
                notes.push(Note::Fenced(partition));
                if self.wanted.contains(&partition) {
                    let again = if self.fixed {
                        Recovering::StandsBack { worked_on: now, read_to: offset + 1 }
                    } else {
                        Recovering::From(now + RECOVERY_PAUSE_MS)
                    };
                    self.recovering.insert(partition, again);
                }
                return false;
            }
            Standing::TakenOver(_) | Standing::Void(_) | Standing::Nothing => {}
            Standing::Counts { decision, difference } => {
                notes.extend(difference.map(Note::Differs));
                if self.cut == Some(Cut::BeforeDerived) {
                    notes.push(Note::Crashed(Cut::BeforeDerived));
                    return false;
                }
                return self.publish(now, partition, &decision, offset + 1, notes);
            }
        }
        true
    }

    fn publish(
        &mut self,
        now: i64,
        partition: i32,
        decision: &Decision,
        decisions_next: i64,
        notes: &mut Vec<Note>,
    ) -> bool {
        let Some(held) = self.held.get_mut(&partition) else { return false };
        let parts = held.driver.snapshot_if_due(decision, decisions_next, SNAPSHOT_EVERY);
        if parts.is_empty() {
            return true;
        }
        let parts = split(parts);
        let torn = self.cut == Some(Cut::MidSnapshot) && parts.len() > 1;
        let sent = if torn { self.rng.below(parts.len()) } else { parts.len() };
        for part in &parts[..sent] {
            self.send(now, (Topic::Snapshots, partition, part.key(), part.encode()), false);
        }
        notes.push(Note::Snapshot(parts));
        if torn {
            notes.push(Note::Crashed(Cut::MidSnapshot));
        }
        !torn
    }

    /// Appends every decision that is due.
    fn decide(&mut self, now: i64, notes: &mut Vec<Note>) {
        let clock = Timestamp(now + self.clock_ms);
        let mut outgoing = Vec::new();
        for (partition, held) in &mut self.held {
            if self.registry.next < held.operator_from {
                continue;
            }
            for decision in held.driver.decide_due(&self.registry, held.holder, clock) {
                let (root, pair) = (decision.root.clone(), (decision.epoch, decision.seq));
                for part in decision.into_parts(self.part_devices) {
                    let key = root.to_string();
                    let value = LedgerRecord::DecisionPart(part).encode();
                    outgoing.push((Topic::Decisions, *partition, key, value));
                }
                notes.push(Note::Decided { root, pair });
            }
        }
        if outgoing.is_empty() {
            return;
        }
        let sent = match self.cut {
            Some(Cut::BeforeAppend) => 0,
            Some(Cut::MidAppend) => self.rng.below(outgoing.len() + 1),
            Some(Cut::AfterAppend | Cut::BeforeDerived | Cut::MidSnapshot) | None => outgoing.len(),
        };
        for record in outgoing.drain(..sent) {
            self.send(now, record, true);
        }
        if let Some(cut @ (Cut::BeforeAppend | Cut::MidAppend)) = self.cut {
            notes.push(Note::Crashed(cut));
        }
    }
}
