//! What must hold of the log and of every device, written without looking at how the shell brings it about: one owner that
//! never crashed, reading the same log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use control_instance::{Driver, ReplayRegistry, Standing};
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::decision::{Decision, Emit, LedgerRecord};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::FeederMode;
use schemas::records::snapshot::{DeviceSnapshot, SnapshotPart, TreeSnapshot};
use schemas::registry::Registry;
use schemas::topics::Topic;
use thiserror::Error;
use uuid::Uuid;

use super::log::Log;
use super::member::Taken;
use super::reads::{gather_new, operator_records};

/// States kept per tree, to compare snapshots with.
const STATES_MAX: usize = 64;

/// Something that must hold does not.
#[derive(Debug, Clone, Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// Which rule.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
}

/// A violation of a rule.
#[must_use]
pub fn violation(rule: &'static str, what: String) -> Violation {
    Violation { rule, what }
}

/// The state of a tree after a decision.
type State = (Option<TreeSnapshot>, Vec<DeviceSnapshot>);

#[derive(Debug)]
struct Reader {
    ledger: Ledger,
    driver: Driver,
    replay: ReplayRegistry,
    operator_next: i64,
    decisions_next: i64,
}

/// The reference.
#[derive(Debug)]
pub struct Reference {
    readers: Vec<Reader>,
    /// The registry as the log has it now.
    pub registry: Registry,
    operator_next: i64,
    /// What each setpoint of a counting decision asks for.
    valid: BTreeMap<Uuid, i64>,
    counted: BTreeSet<(FeederId, DecisionNo)>,
    numbers: BTreeMap<FeederId, DecisionNo>,
    states: BTreeMap<FeederId, VecDeque<(DecisionNo, State)>>,
    /// The last decision of each tree that counts.
    pub last: BTreeMap<FeederId, Decision>,
    /// Decisions that count so far.
    pub decisions: u64,
    /// Records that are void.
    pub void: u64,
    /// Snapshots compared.
    pub snapshots: u64,
}

impl Reference {
    /// A reference that has read nothing.
    #[must_use]
    pub fn new(partitions: i32) -> Self {
        let reader = |partition| Reader {
            ledger: Ledger::new(),
            driver: Driver::new(partition, partitions, None),
            replay: ReplayRegistry::default(),
            operator_next: 0,
            decisions_next: 0,
        };
        Self {
            readers: (0..partitions).map(reader).collect(),
            registry: Registry::default(),
            operator_next: 0,
            valid: BTreeMap::new(),
            counted: BTreeSet::new(),
            numbers: BTreeMap::new(),
            states: BTreeMap::new(),
            last: BTreeMap::new(),
            decisions: 0,
            void: 0,
            snapshots: 0,
        }
    }

    /// Reads what is new in the log; gives the decisions that count.
    ///
    /// # Errors
    /// When one of them breaks a rule.
    pub fn follow(&mut self, log: &Log) -> Result<Vec<Decision>, Violation> {
        for (offset, record) in operator_records(log, self.operator_next) {
            self.operator_next = offset + 1;
            drop(self.registry.apply(&record));
        }
        let mut counting = Vec::new();
        for partition in 0..self.readers.len() {
            self.follow_partition(partition, log, &mut counting)?;
        }
        Ok(counting)
    }

    fn follow_partition(
        &mut self,
        index: usize,
        log: &Log,
        counting: &mut Vec<Decision>,
    ) -> Result<(), Violation> {
        let partition = i32::try_from(index).expect("few");
        let reader = &mut self.readers[index];
        if log.end(Topic::Decisions, partition) == reader.decisions_next {
            return Ok(());
        }
        for (offset, record) in operator_records(log, reader.operator_next) {
            reader.operator_next = offset + 1;
            reader.replay.gather(offset, record);
        }
        gather_new(&mut reader.driver, partition, log);
        let entries: Vec<(i64, Vec<u8>)> = log
            .read(Topic::Decisions, partition, reader.decisions_next)
            .map(|record| (record.offset, record.value.clone()))
            .collect();
        for (offset, value) in entries {
            let record = LedgerRecord::decode(&value)
                .map_err(|error| violation("readable", error.to_string()))?;
            let reader = &mut self.readers[index];
            reader.decisions_next = offset + 1;
            match reader.ledger.read(record.clone()) {
                Verdict::Void(_) => self.void += 1,
                Verdict::Claimed(_) | Verdict::Partial | Verdict::Decided(_) => {}
            }
            let standing = reader.driver.read_decision(record, &mut reader.replay);
            if let Standing::Counts { decision, difference } = standing {
                if let Some(difference) = difference {
                    return Err(violation("G15 replay is byte-identical", difference));
                }
                let parts = reader.driver.snapshot_if_due(&decision, offset + 1, 0, usize::MAX);
                self.count(&decision, parts)?;
                counting.push(decision);
            }
        }
        Ok(())
    }

    fn count(&mut self, decision: &Decision, parts: Vec<SnapshotPart>) -> Result<(), Violation> {
        let no = decision.no;
        let root = &decision.root;
        self.decisions += 1;
        if !self.counted.insert((root.clone(), no)) {
            return Err(violation("G18 one decision per pair", format!("{root} {no}")));
        }
        if self.numbers.insert(root.clone(), no).is_some_and(|before| before >= no) {
            return Err(violation("G18 pairs rise", format!("{root} {no}")));
        }
        if !decision.header.certified || !decision.header.findings.is_empty() {
            let told: Vec<_> = decision
                .devices
                .iter()
                .map(|of| (of.device_id.as_str(), of.setpoint_w.map(|told| told.0), of.reason))
                .collect();
            let findings = format!("{root} {no}: {:?} {told:?}", decision.header.findings);
            return Err(violation("every plan is certified", findings));
        }
        for device in decision.devices.iter().filter(|device| device.emit != Emit::None) {
            let mode = decision
                .header
                .nodes
                .iter()
                .find(|node| node.feeder_id == device.feeder_id)
                .map(|node| node.mode);
            if let Some(FeederMode::Automatic | FeederMode::Manual) = mode {
                let target = device.setpoint_w.map_or(0, |watts| watts.0);
                self.valid.insert(decision.setpoint_id(&device.device_id), target);
            }
        }
        let tree = parts.iter().find_map(|part| part.tree.clone());
        let devices = parts.into_iter().flat_map(|part| part.devices).collect();
        let states = self.states.entry(root.clone()).or_default();
        states.push_back((no, (tree, devices)));
        if states.len() > STATES_MAX {
            states.pop_front();
        }
        self.last.insert(root.clone(), decision.clone());
        Ok(())
    }

    /// A snapshot holds what an owner that never crashed has in its memory: deficits, dwell times, live commands, windows.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_snapshot(&mut self, parts: &[SnapshotPart]) -> Result<(), Violation> {
        let Some(first) = parts.first() else { return Ok(()) };
        let no = first.version;
        let states = self.states.get(&first.root);
        let state = states.and_then(|states| states.iter().rev().find(|(known, _)| *known == no));
        let Some((_, (tree, devices))) = state else { return Ok(()) };
        self.snapshots += 1;
        let theirs: Vec<&DeviceSnapshot> = parts.iter().flat_map(|part| &part.devices).collect();
        let differs = devices.iter().zip(&theirs).find(|(ours, theirs)| ours != *theirs);
        if let Some((ours, theirs)) = differs {
            let what = format!("{no}: {theirs:?}, not {ours:?}");
            return Err(violation("G17 a restart loses nothing", what));
        }
        if devices.len() != theirs.len() || *tree != first.tree {
            let what = format!("{no}: {:?}, not {tree:?}", first.tree);
            return Err(violation("G17 a restart loses nothing", what));
        }
        Ok(())
    }

    /// A setpoint took effect at a device.
    ///
    /// # Errors
    /// When it is of no decision that counts, another one than was decided, older than the one before, or not the first time.
    pub fn check_taken(
        &self,
        device: &str,
        before: Option<Taken>,
        taken: Taken,
        again: bool,
        of_watchdog: bool,
    ) -> Result<(), Violation> {
        let what = || format!("{device} took {taken:?} after {before:?}");
        if again {
            return Err(violation("a setpoint takes effect once", what()));
        }
        if before.is_some_and(|before| taken.fence < before.fence) {
            return Err(violation("G18 nothing older takes effect", what()));
        }
        if of_watchdog {
            return Ok(());
        }
        match self.valid.get(&taken.id) {
            None => Err(violation("G18 nothing void takes effect", what())),
            Some(target) if *target != taken.target_w => {
                Err(violation("what was decided is what arrives", what()))
            }
            Some(_) => Ok(()),
        }
    }
}
