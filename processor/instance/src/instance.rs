//! The instance: which partitions are its own and in what state, and what follows from what it hears.
//!
//! The group, or the settings, propose who works on what; the log decides. Each partition is one value: it is followed
//! while others hold it, on its way here, or held. What must happen outside comes out as [`Effect`]s, in order.

use std::collections::BTreeMap;

use control_core::feeder_states;
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::Holder;
use schemas::log::{InPartition, LogRecord, Outgoing, ReadFrom, Start};
use schemas::records::decision::{Decision, DecisionPart, LedgerRecord};
use schemas::records::operator::OperatorRecord;
use schemas::topics::Topic;
use uuid::Uuid;

use crate::caps::RECOVERY_PAUSE_MS;
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::note::Note;
use crate::patience::Patience;
use crate::rebuild::gather;
use crate::recovery::{Aim, Recovered, Recovery};

/// Who says which partitions an instance works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// The consumer group: one of its members for each partition, in the long run.
    Group,
    /// The settings, which may name several for one partition.
    Fixed,
}

/// How an instance works.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Partitions of the tree topics.
    pub partitions: i32,
    /// Who says which are its own.
    pub owners: Owners,
    /// Whether it follows the partitions that others hold, to take over without a replay.
    pub standby: bool,
    /// A snapshot of a tree every so many decisions.
    pub snapshot_decisions: i64,
    /// Devices in one record of a snapshot.
    pub snapshot_part_devices: usize,
    /// Devices in one record of a decision.
    pub decision_part_devices: usize,
    /// Which log it is, where that is known.
    pub lineage: Option<Lineage>,
    /// The instance's own: what it writes in the log is told from anybody else's by what is derived from this.
    pub id: Uuid,
    /// Its name, for people who read its claims.
    pub name: String,
}

/// What must happen outside.
#[derive(Debug)]
pub enum Effect {
    /// Pump this recovery, after a pause; then say [`Instance::recovered`] with its ticket.
    Recover {
        /// Names this recovery.
        ticket: u64,
        /// Before it begins, ms.
        pause_ms: i64,
        /// The recovery.
        recovery: Box<Recovery>,
    },
    /// A recovery that stands by is wanted now.
    Want {
        /// Which.
        ticket: u64,
    },
    /// A recovery is not wanted any more: it must not claim.
    Abandon {
        /// Which.
        ticket: u64,
    },
    /// Hand over the records of these partitions too, from there on, by [`Instance::record`].
    Follow(Vec<ReadFrom>),
    /// No longer of these.
    Unfollow(Vec<(Topic, i32)>),
    /// Append all of these, in order, and say [`Instance::appended`] with the ticket.
    Append {
        /// Names this append.
        ticket: u64,
        /// Whose decisions they are.
        partition: i32,
        /// What was decided.
        decisions: Vec<Decision>,
        /// The same as records.
        records: Vec<Outgoing>,
    },
    /// Append these where the log takes them: they follow from a decision that counts, and the next one writes them again.
    Publish {
        /// Whose they are.
        partition: i32,
        /// The records.
        records: Vec<Outgoing>,
    },
    /// Nothing is done any more for these partitions: others may have them.
    Release(Vec<i32>),
    /// Somebody should know.
    Note(Note),
}

/// A partition that this instance holds.
#[derive(Debug)]
struct Held {
    driver: Driver,
    holder: Holder,
    /// Decisions before this hold were made with the registry up to here: none is made with less.
    operator_from: i64,
    /// Decisions on their way into the log: none follows before the log has answered.
    appending: Option<u64>,
}

/// The state of a partition that this instance has to do with.
#[derive(Debug)]
enum Partition {
    /// Others hold it; it is followed.
    Standby(u64),
    /// It is on its way here.
    Recovering(u64),
    /// It is ours, as far as we know.
    Held(Box<Held>),
}

/// One instance of the processor.
#[derive(Debug)]
pub struct Instance {
    rules: Rules,
    registry: RegistryAt,
    reads_operator: bool,
    partitions: BTreeMap<i32, Partition>,
    tickets: u64,
    effects: Vec<Effect>,
}

impl Instance {
    /// An instance that has no partition yet; one that stands by follows all of them.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let mut instance = Self {
            rules,
            registry: RegistryAt::default(),
            reads_operator: false,
            partitions: BTreeMap::new(),
            tickets: 0,
            effects: Vec::new(),
        };
        instance.stand_by(0);
        instance
    }

    /// What must happen outside since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Partitions that it holds, as far as it knows.
    pub fn held(&self) -> impl Iterator<Item = i32> {
        let held = self.partitions.iter().filter(|(_, state)| matches!(state, Partition::Held(_)));
        held.map(|(partition, _)| *partition)
    }

    /// These partitions are its own from now on, beside those that are.
    pub fn assign(&mut self, partitions: &[i32]) {
        for partition in partitions {
            match self.partitions.get(partition) {
                Some(Partition::Recovering(_) | Partition::Held(_)) => {}
                Some(Partition::Standby(ticket)) => {
                    let ticket = *ticket;
                    self.effects.push(Effect::Want { ticket });
                    self.partitions.insert(*partition, Partition::Recovering(ticket));
                }
                None => self.recover(*partition, 0, Aim::Claim),
            }
        }
    }

    /// These are no longer. Others may have them once the effects have happened.
    pub fn revoke(&mut self, partitions: &[i32]) {
        for partition in partitions {
            match self.partitions.remove(partition) {
                Some(Partition::Held(_)) => self.unfollow(*partition),
                Some(Partition::Recovering(ticket)) => {
                    self.effects.push(Effect::Abandon { ticket });
                }
                Some(standby @ Partition::Standby(_)) => {
                    self.partitions.insert(*partition, standby);
                }
                None => {}
            }
        }
        self.effects.push(Effect::Release(partitions.to_vec()));
        self.stand_by(0);
    }

    /// Follows every partition that is not its own, where the rules say so.
    fn stand_by(&mut self, pause_ms: i64) {
        if !self.rules.standby || self.rules.owners == Owners::Fixed {
            return;
        }
        for partition in 0..self.rules.partitions {
            if !self.partitions.contains_key(&partition) {
                let ticket = self.begin(partition, pause_ms, Aim::StandBy);
                self.partitions.insert(partition, Partition::Standby(ticket));
            }
        }
    }

    /// Brings a partition here.
    fn recover(&mut self, partition: i32, pause_ms: i64, aim: Aim) {
        let ticket = self.begin(partition, pause_ms, aim);
        self.partitions.insert(partition, Partition::Recovering(ticket));
    }

    fn begin(&mut self, partition: i32, pause_ms: i64, aim: Aim) -> u64 {
        let ticket = self.ticket();
        let writer = Uuid::new_v5(&self.rules.id, &ticket.to_be_bytes());
        let Rules { partitions, lineage, name, .. } = &self.rules;
        let place = (partition, *partitions);
        let recovery = Recovery::new(place, lineage.clone(), writer, name.clone(), aim);
        self.effects.push(Effect::Recover { ticket, pause_ms, recovery: Box::new(recovery) });
        ticket
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A recovery has ended, well or not; what failed is tried again.
    pub fn recovered(&mut self, partition: i32, ticket: u64, outcome: Option<Recovered>) {
        match (self.partitions.get(&partition), outcome) {
            (Some(Partition::Recovering(of)), Some(recovered)) if *of == ticket => {
                self.hold(partition, recovered);
            }
            (Some(Partition::Recovering(of)), None) if *of == ticket => {
                self.recover(partition, RECOVERY_PAUSE_MS, Aim::Claim);
            }
            (Some(Partition::Standby(of)), _) if *of == ticket => {
                self.partitions.remove(&partition);
                self.stand_by(RECOVERY_PAUSE_MS);
            }
            _ => {}
        }
    }

    fn hold(&mut self, partition: i32, recovered: Recovered) {
        let Recovered { mut driver, holder, decisions_next, registry } = recovered;
        let operator_from = registry.next;
        if registry.next > self.registry.next && !self.reads_operator {
            self.registry = registry;
        }
        driver.note_roots(&self.registry.registry);
        let gathered = driver.gathered();
        let mut places = vec![
            (Topic::Acks, partition, Start::Offset(gathered.acks)),
            (Topic::Telemetry, partition, Start::Offset(gathered.telemetry)),
            (Topic::Decisions, partition, Start::Offset(decisions_next)),
        ];
        if !self.reads_operator {
            places.push((Topic::Operator, 0, Start::Offset(self.registry.next)));
            self.reads_operator = true;
        }
        self.effects.push(Effect::Follow(places));
        let held = Held { driver, holder, operator_from, appending: None };
        self.partitions.insert(partition, Partition::Held(Box::new(held)));
    }

    fn unfollow(&mut self, partition: i32) {
        let topics = [Topic::Acks, Topic::Telemetry, Topic::Decisions];
        self.effects.push(Effect::Unfollow(topics.map(|topic| (topic, partition)).to_vec()));
    }

    /// Stops working on a partition that is held, and brings it here again.
    fn recover_again(&mut self, partition: i32, pause_ms: i64, aim: Aim) {
        self.unfollow(partition);
        self.recover(partition, pause_ms, aim);
    }

    /// Takes in a record of a partition that it follows.
    pub fn record(&mut self, record: &LogRecord) {
        match record.topic {
            Topic::Operator => self.operator(record),
            Topic::Telemetry | Topic::Acks => {
                if let Some(held) = held_mut(&mut self.partitions, record.partition)
                    && let Err(error) = gather(&mut held.driver, record)
                {
                    self.effects.push(Effect::Note(Note::unreadable(record, &error)));
                }
            }
            Topic::Decisions => self.decision(record),
            Topic::Snapshots
            | Topic::DeviceState
            | Topic::FeederState
            | Topic::DeadLetters
            | Topic::Sent => {}
        }
    }

    fn operator(&mut self, record: &LogRecord) {
        let decoded = match OperatorRecord::decode(&record.value) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.registry.next = self.registry.next.max(record.offset + 1);
                return self.effects.push(Effect::Note(Note::unreadable(record, &error)));
            }
        };
        if !self.registry.read(record.offset, &decoded) {
            return;
        }
        let registry = &self.registry.registry;
        for held in self.partitions.values_mut().filter_map(Partition::held_mut) {
            if decoded.change.may_open_feeder() {
                held.driver.note_roots(registry);
            }
            held.driver.note_change(&decoded.change, registry);
        }
    }

    fn decision(&mut self, record: &LogRecord) {
        let (partition, offset) = (record.partition, record.offset);
        let Some(held) = held_mut(&mut self.partitions, partition) else { return };
        let decoded = match LedgerRecord::decode(&record.value) {
            Ok(decoded) => decoded,
            Err(error) => {
                return self.effects.push(Effect::Note(Note::unreadable(record, &error)));
            }
        };
        let number = held.number_of_ours(&decoded);
        if number.is_some_and(|(seq, last)| seq > last) {
            return self.doubt(partition, offset, "a decision in our name that we did not make");
        }
        // Live, a foreign decision that counts comes only after a foreign claim, and that ends our hold.
        let mut no_replay = ReplayRegistry::default();
        match held.driver.read_decision(decoded, &mut no_replay) {
            Standing::TakenOver(holder) if holder != held.holder => {
                let epoch = holder.epoch;
                self.effects.push(Effect::Note(Note::Lost { partition, epoch }));
                self.give_way(partition);
            }
            Standing::TakenOver(_) | Standing::Nothing => {}
            Standing::Void(void) => {
                self.effects.push(Effect::Note(Note::Void { void, partition, offset }));
                if number.is_some_and(|(seq, last)| seq == last) {
                    self.doubt(partition, offset, "our own decision does not count");
                }
            }
            Standing::Counts { decision, difference } => {
                self.effects.extend(difference.map(|difference| {
                    let root = decision.root.clone();
                    Effect::Note(Note::Differs { partition, offset, root, difference })
                }));
                self.publish(partition, &decision, offset + 1);
            }
        }
    }

    /// Another instance has taken a partition over that is still our own.
    fn give_way(&mut self, partition: i32) {
        match self.rules.owners {
            // The group still names us: then the other one is a mistake, and the log decides between us.
            Owners::Group => self.recover_again(partition, RECOVERY_PAUSE_MS, Aim::Claim),
            // Nobody says which of us it shall be. To claim it back at once would go on for ever.
            Owners::Fixed => {
                let patience = Patience::of(&self.registry.registry.settings);
                self.recover_again(partition, 0, Aim::StandBack(patience));
            }
        }
    }

    /// The log says of our decisions what we do not know: it is asked, by recovery.
    fn doubt(&mut self, partition: i32, offset: i64, why: &'static str) {
        self.effects.push(Effect::Note(Note::Doubted { partition, offset, why }));
        self.recover_again(partition, RECOVERY_PAUSE_MS, Aim::Claim);
    }

    /// What follows from a decision that counts: states for live views, and a snapshot when one is due.
    fn publish(&mut self, partition: i32, decision: &Decision, decisions_next: i64) {
        let Rules { snapshot_decisions, snapshot_part_devices, .. } = self.rules;
        let Some(held) = held_mut(&mut self.partitions, partition) else { return };
        let (every, devices) = (snapshot_decisions, snapshot_part_devices);
        let snapshots = held.driver.snapshot_if_due(decision, decisions_next, every, devices);
        let lane = InPartition(partition);
        let feeders = feeder_states(decision).map(|state| Outgoing::of(&state, lane));
        let devices = held.driver.device_states(decision, &self.registry.registry);
        let devices = devices.map(|state| Outgoing::of(&state, lane));
        let snapshot = snapshots.iter().map(|part| Outgoing::of(part, lane));
        let records = feeders.chain(devices).chain(snapshot).collect();
        self.effects.push(Effect::Publish { partition, records });
    }

    /// When the next decision is due at the latest.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let registry = &self.registry.registry;
        let held = self.partitions.values().filter_map(Partition::held);
        let free = held.filter(|held| held.appending.is_none());
        free.filter_map(|held| held.driver.next_deadline(registry, now)).min()
    }

    /// Makes every decision that is due, and gives their number. A partition whose last ones are still on their way waits
    /// for these; no other does.
    pub fn decide(&mut self, now: Timestamp) -> usize {
        let mut decided = 0;
        for (partition, state) in &mut self.partitions {
            let Some(held) = state.held_mut() else { continue };
            if held.appending.is_some() || self.registry.next < held.operator_from {
                continue;
            }
            let decisions = held.driver.decide_due(&self.registry, held.holder, now);
            if decisions.is_empty() {
                continue;
            }
            decided += decisions.len();
            self.tickets += 1;
            held.appending = Some(self.tickets);
            let parts = decisions
                .iter()
                .flat_map(|decision| decision.clone().into_parts(self.rules.decision_part_devices));
            let records = parts.map(|part| {
                Outgoing::of(&LedgerRecord::DecisionPart(part), InPartition(*partition))
            });
            self.effects.push(Effect::Append {
                ticket: self.tickets,
                partition: *partition,
                records: records.collect(),
                decisions,
            });
        }
        decided
    }

    /// The log has answered an append: it has all of it, or nobody knows whether it has.
    pub fn appended(&mut self, partition: i32, ticket: u64, known: bool) {
        let Some(held) = held_mut(&mut self.partitions, partition) else { return };
        if held.appending != Some(ticket) {
            return;
        }
        held.appending = None;
        if !known {
            // The log is asked, by recovery.
            self.recover_again(partition, RECOVERY_PAUSE_MS, Aim::Claim);
        }
    }
}

fn held_mut(partitions: &mut BTreeMap<i32, Partition>, partition: i32) -> Option<&mut Held> {
    partitions.get_mut(&partition).and_then(Partition::held_mut)
}

impl Partition {
    fn held(&self) -> Option<&Held> {
        match self {
            Self::Held(held) => Some(held),
            Self::Standby(_) | Self::Recovering(_) => None,
        }
    }

    fn held_mut(&mut self) -> Option<&mut Held> {
        match self {
            Self::Held(held) => Some(held),
            Self::Standby(_) | Self::Recovering(_) => None,
        }
    }
}

impl Held {
    /// The number of a decision that is written in the name of this hold, and the last one that it has made of that tree.
    fn number_of_ours(&self, record: &LedgerRecord) -> Option<(i64, i64)> {
        let LedgerRecord::DecisionPart(DecisionPart { epoch, writer, root, seq, .. }) = record
        else {
            return None;
        };
        let ours = Holder { epoch: *epoch, writer: *writer } == self.holder;
        ours.then(|| (*seq, self.driver.last_seq(root)))
    }
}
