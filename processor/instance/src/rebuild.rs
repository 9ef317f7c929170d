//! What recovery makes of what it has read: the newest whole snapshot of each tree, where reading goes on, whether a claim
//! stands. Pure: no IO, no clock; live recovery and the simulation run the same code.

use std::collections::BTreeMap;

use schemas::FeederId;
use schemas::codec::{DecodeError, Record};
use schemas::identity::Lineage;
use schemas::ledger::{Holder, Ledger, Verdict};
use schemas::log::LogRecord;
use schemas::records::ack::Ack;
use schemas::records::decision::{LedgerRecord, Positions};
use schemas::records::snapshot::SnapshotPart;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use thiserror::Error;

use crate::driver::Driver;

/// Snapshots of a partition, as they are read.
#[derive(Debug, Default)]
pub struct Snapshots(BTreeMap<(FeederId, i64), BTreeMap<i32, SnapshotPart>>);

/// The newest whole snapshot of each tree, and where reading goes on after them.
#[derive(Debug, Default)]
pub struct Base {
    newest: BTreeMap<FeederId, Vec<SnapshotPart>>,
    /// The first decision to read; none = from the beginning.
    pub decisions_from: Option<i64>,
    /// The first inputs to read; none = from the beginning.
    pub inputs_from: Option<Positions>,
    /// Who held the partition there.
    pub holder: Option<Holder>,
    /// Which log it is, where that is known.
    lineage: Option<Lineage>,
}

impl Snapshots {
    /// Takes in the next record of `snapshots.v1`.
    pub fn read(&mut self, record: &LogRecord) {
        match SnapshotPart::decode(&record.value) {
            Ok(part) => self.take(part),
            // Written by a newer version, or broken: recovery then starts further back.
            Err(error) => tracing::warn!(%error, offset = record.offset, "unreadable snapshot"),
        }
    }

    /// Takes in the next part.
    pub fn take(&mut self, part: SnapshotPart) {
        let key = (part.root.clone(), part.number);
        self.0.entry(key).or_default().insert(part.part, part);
    }

    /// The number of each, with its tree.
    pub fn numbers(&self) -> impl Iterator<Item = (&FeederId, i64)> {
        self.0.keys().map(|(root, number)| (root, *number))
    }

    /// The newest whole one of each tree that can be of this log, as it stands.
    #[must_use]
    pub fn into_base(self, log: &Known) -> Base {
        let mut whole: BTreeMap<FeederId, Vec<Vec<SnapshotPart>>> = BTreeMap::new();
        for ((root, _), parts) in self.0 {
            let expected = parts.values().next().map_or(0, |part| part.parts);
            let complete = i32::try_from(parts.len()) == Ok(expected);
            let parts: Vec<SnapshotPart> = parts.into_values().collect();
            let one_version = parts.windows(2).all(|pair| pair[0].version == pair[1].version);
            if complete && one_version && parts.first().is_some_and(|part| log.may_hold(part)) {
                whole.entry(root).or_default().push(parts);
            }
        }
        let newest: BTreeMap<FeederId, Vec<SnapshotPart>> = whole
            .into_iter()
            .filter_map(|(root, of_tree)| Some((root, newest_believed(of_tree)?)))
            .collect();
        let firsts = || newest.values().filter_map(|parts| parts.first());
        Base {
            decisions_from: firsts().map(|part| log.at_or_before_last(part.decisions_next)).min(),
            inputs_from: firsts().map(|part| part.positions).fold(None, lowest),
            holder: firsts()
                .min_by_key(|part| part.decisions_next)
                .map(|part| Holder { epoch: part.version.epoch, writer: part.writer }),
            lineage: log.lineage.clone(),
            newest,
        }
    }
}

/// What a partition of the log looks like from outside: what a snapshot of it must fit.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Which log it is; none where that is not known.
    pub lineage: Option<Lineage>,
    /// The ends of its inputs, and of its decisions; none where they are not known.
    pub ends: Option<(Positions, i64)>,
}

impl Known {
    /// Whether a snapshot can be of this log: of another one, or of one that was longer, its positions say nothing.
    fn may_hold(&self, part: &SnapshotPart) -> bool {
        let own = self.lineage.as_ref().is_none_or(|lineage| lineage.knows(part.log));
        let inside = self.ends.is_none_or(|(inputs, decisions)| {
            part.positions.acks <= inputs.acks
                && part.positions.telemetry <= inputs.telemetry
                && part.positions.operator <= inputs.operator
                && part.decisions_next <= decisions
        });
        own && inside
    }

    /// The last decision is always read: it tells who holds the partition, whatever a snapshot says.
    fn at_or_before_last(&self, next: i64) -> i64 {
        self.ends.map_or(next, |(_, end)| next.min(end.saturating_sub(1)).max(0))
    }
}

/// Snapshots of a tree are at most so many numbers, decisions or epochs apart: one that is further off says what its writer
/// never wrote.
const APART_MAX: i64 = 1_000_000;

/// The newest of a tree's snapshots, in the order of their numbers, that another one bears out; the newest where none
/// does.
fn newest_believed(mut of_tree: Vec<Vec<SnapshotPart>>) -> Option<Vec<SnapshotPart>> {
    let follows = |later: &[SnapshotPart], earlier: &[SnapshotPart]| {
        let (Some(later), Some(earlier)) = (later.first(), earlier.first()) else { return false };
        let near =
            |later: i64, earlier: i64| (0..=APART_MAX).contains(&later.saturating_sub(earlier));
        near(later.number, earlier.number)
            && near(later.version.epoch, earlier.version.epoch)
            && near(later.version.seq, earlier.version.seq)
    };
    let borne_out = |at: usize| {
        let earlier = of_tree[..at].iter().any(|earlier| follows(&of_tree[at], earlier));
        earlier || of_tree[at + 1..].iter().any(|later| follows(later, &of_tree[at]))
    };
    let chosen = (0..of_tree.len()).rev().find(|at| borne_out(*at));
    let chosen = chosen.or_else(|| of_tree.len().checked_sub(1))?;
    Some(of_tree.swap_remove(chosen))
}

impl Base {
    /// A driver that stands where the snapshots do.
    #[must_use]
    pub fn into_driver(self, partition: i32, partitions: i32) -> Driver {
        let mut driver = Driver::new(partition, partitions, self.holder).of(self.lineage);
        for parts in self.newest.into_values() {
            driver.restore(parts);
        }
        let from = self.inputs_from.unwrap_or_default();
        driver.start_at(from.acks, from.telemetry);
        driver
    }

    /// What is known there of who may write.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::resume(self.holder).of(self.lineage.clone())
    }
}

/// The epoch of the next claim, after what has been read from where `known` stood.
#[must_use]
pub fn next_epoch(known: &Ledger, records: &[(i64, LedgerRecord)]) -> i64 {
    let mut ledger = known.clone();
    for (_, record) in records {
        ledger.read(record.clone());
    }
    ledger.holder().map_or(0, |holder| holder.epoch).saturating_add(1)
}

/// Whether our claim is among the records and nobody has claimed after it.
#[must_use]
pub fn stands(known: &Ledger, ours: Holder, records: &[(i64, LedgerRecord)]) -> bool {
    let mut ledger = known.clone();
    let mut claimed = false;
    for (_, record) in records {
        claimed |= ledger.read(record.clone()) == Verdict::Claimed(ours);
    }
    claimed && ledger.holder() == Some(ours)
}

/// Why an input is passed over.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// The key names no tree.
    #[error("its key is no feeder id")]
    Key,
    /// It is of a topic that holds nothing of devices.
    #[error("{0} holds no samples and no acks")]
    Topic(&'static str),
    /// The value is no record.
    #[error(transparent)]
    Value(#[from] DecodeError),
}

/// Hands a record of telemetry or acks to the driver, which passes over one that cannot be read.
///
/// # Errors
/// Why it cannot be read.
pub fn gather(driver: &mut Driver, record: &LogRecord) -> Result<(), Unreadable> {
    let gathered = try_gather(driver, record);
    if gathered.is_err() {
        driver.skip(record.topic, record.offset);
    }
    gathered
}

fn try_gather(driver: &mut Driver, record: &LogRecord) -> Result<(), Unreadable> {
    let root = std::str::from_utf8(&record.key).ok().and_then(|key| FeederId::new(key).ok());
    let root = root.ok_or(Unreadable::Key)?;
    match record.topic {
        Topic::Telemetry => {
            driver.gather_telemetry(&root, record.offset, Telemetry::decode(&record.value)?);
            Ok(())
        }
        Topic::Acks => {
            driver.gather_ack(&root, record.offset, Ack::decode(&record.value)?);
            Ok(())
        }
        other => Err(Unreadable::Topic(other.suffix())),
    }
}

fn lowest(lowest: Option<Positions>, next: Positions) -> Option<Positions> {
    Some(lowest.map_or(next, |lowest| Positions {
        acks: lowest.acks.min(next.acks),
        operator: lowest.operator.min(next.operator),
        telemetry: lowest.telemetry.min(next.telemetry),
    }))
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;
    use schemas::records::decision::Claim;
    use uuid::Uuid;

    use super::*;

    fn claim(offset: i64, holder: Holder) -> (i64, LedgerRecord) {
        let Holder { epoch, writer } = holder;
        let name = "test".to_owned();
        let claim = Claim { epoch, writer, at: Timestamp(0), name, log: None };
        (offset, LedgerRecord::Claim(claim))
    }

    #[test]
    fn a_claim_stands_until_another_one_follows() {
        let ours = Holder { epoch: 3, writer: Uuid::from_u128(1) };
        let theirs = Holder { epoch: 4, writer: Uuid::from_u128(2) };
        let known = Ledger::new();
        assert!(stands(&known, ours, &[claim(7, ours)]));
        assert!(!stands(&known, ours, &[claim(7, ours), claim(8, theirs)]));
        assert!(!stands(&known, ours, &[claim(7, theirs), claim(8, ours)]), "ours came too late");
        assert!(!stands(&known, ours, &[]));
    }
}
