//! Reading one partition of decisions: which records count, and which position may be stored with which holder.
//!
//! Pure: records are arguments. The rule itself is `schemas::ledger`'s.

use std::collections::{BTreeMap, VecDeque};

use schemas::identity::Lineage;
use schemas::ids::FeederId;
use schemas::ledger::{Holder, Ledger, Verdict, Void};
use schemas::records::decision::{Decision, LedgerRecord};

/// What a record leads to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "decisions are the rule, the others the exception")]
pub(crate) enum Reading {
    /// A whole decision, and the offset of its first record.
    Decided(Decision, i64),
    Void(Void),
    Nothing,
}

/// One partition, from where it is acted on.
#[derive(Debug)]
pub(crate) struct Partition {
    ledger: Ledger,
    /// The next offset to read.
    next: i64,
    /// Who holds the partition from which offset on; the first entry is who held it at the start.
    holders: VecDeque<(i64, Option<Holder>)>,
    /// First records of decisions that are not complete.
    incomplete: BTreeMap<FeederId, i64>,
    /// The position stored last.
    stored: Option<i64>,
}

impl Partition {
    /// A partition read from `next` on, after what `before` has read.
    pub(crate) fn new(before: Ledger, next: i64) -> Self {
        Self {
            holders: VecDeque::from([(next, before.holder())]),
            ledger: before,
            next,
            incomplete: BTreeMap::new(),
            stored: None,
        }
    }

    /// The next offset to read.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Notes what was read of a tree before this, so that a re-send of it is void.
    pub(crate) fn learn(&mut self, root: &FeederId, before: &Ledger) {
        self.ledger.learn(root, before);
    }

    /// Says which log it is: a claim on another one is void.
    pub(crate) fn know(&mut self, lineage: Option<Lineage>) {
        self.ledger.know(lineage);
    }

    /// Passes over a record that cannot be read.
    pub(crate) fn skip(&mut self, offset: i64) {
        self.next = offset + 1;
    }

    /// Reads the record at an offset.
    pub(crate) fn read(&mut self, offset: i64, record: LedgerRecord) -> Reading {
        self.next = offset + 1;
        let root = match &record {
            LedgerRecord::DecisionPart(part) => Some(part.root.clone()),
            LedgerRecord::Claim(_) => None,
        };
        let holder_before = self.ledger.holder();
        let verdict = self.ledger.read(record);
        if self.ledger.holder() != holder_before {
            self.holders.push_back((offset + 1, self.ledger.holder()));
        }
        match verdict {
            Verdict::Claimed(_) => {
                self.incomplete.clear();
                Reading::Nothing
            }
            Verdict::Partial => {
                if let Some(root) = root {
                    self.incomplete.entry(root).or_insert(offset);
                }
                Reading::Nothing
            }
            Verdict::Decided(decision) => {
                let from = self.incomplete.remove(&decision.root).unwrap_or(offset);
                Reading::Decided(decision, from)
            }
            Verdict::Void(void) => {
                if let (Void::Torn, Some(root)) = (void, &root) {
                    self.incomplete.remove(root);
                }
                Reading::Void(void)
            }
        }
    }

    /// The position to store, and who held the partition there: nothing before it is still to be done. `oldest_open` is
    /// the oldest record with a setpoint on its way.
    pub(crate) fn position(&mut self, oldest_open: Option<i64>) -> (i64, Option<Holder>) {
        let incomplete = self.incomplete.values().min().copied();
        let position = [oldest_open, incomplete].into_iter().flatten().fold(self.next, i64::min);
        while self.holders.get(1).is_some_and(|(from, _)| *from <= position) {
            self.holders.pop_front();
        }
        (position, self.holders.front().and_then(|(_, holder)| *holder))
    }

    /// The same, when it has moved since the last call.
    pub(crate) fn take_position(
        &mut self,
        oldest_open: Option<i64>,
    ) -> Option<(i64, Option<Holder>)> {
        let (position, holder) = self.position(oldest_open);
        let moved = self.stored.replace(position) != Some(position);
        moved.then_some((position, holder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commandable::tests as make;
    use schemas::Timestamp;
    use schemas::records::decision::Claim;
    use uuid::Uuid;

    fn claim(epoch: i64) -> LedgerRecord {
        LedgerRecord::Claim(Claim {
            epoch,
            writer: Uuid::from_u128(epoch.unsigned_abs().into()),
            at: Timestamp(0),
            name: "test".to_owned(),
            log: None,
        })
    }

    /// A decision of epoch 1's writer, in parts of one device.
    fn parts(seq: i64, devices: usize) -> Vec<LedgerRecord> {
        let devices =
            (0..devices).map(|n| make::device(&format!("ev-{n}"), "north", 1_000)).collect();
        make::decision(seq, 10_000, devices)
            .into_parts(1)
            .into_iter()
            .map(LedgerRecord::DecisionPart)
            .collect()
    }

    fn read_all(partition: &mut Partition, records: Vec<LedgerRecord>) -> Vec<Reading> {
        records.into_iter().map(|record| partition.read(partition.next(), record)).collect()
    }

    #[test]
    fn a_position_never_stands_inside_a_decision_of_many_parts() {
        let mut partition = Partition::new(Ledger::new(), 100);
        read_all(&mut partition, vec![claim(1)]);
        let mut records = parts(1, 3);
        let last = records.pop().unwrap();
        read_all(&mut partition, records);
        assert_eq!(partition.take_position(None).unwrap().0, 101);
        let readings = read_all(&mut partition, vec![last]);
        // Its setpoints keep the position at its first part, too.
        assert!(
            matches!(&readings[..], [Reading::Decided(whole, 101)] if whole.devices.len() == 3)
        );
        assert_eq!(partition.take_position(None).unwrap().0, 104);
        assert_eq!(partition.take_position(None), None, "it has not moved");
    }

    #[test]
    fn a_position_waits_for_the_setpoints_before_it() {
        let mut partition = Partition::new(Ledger::new(), 0);
        read_all(&mut partition, vec![claim(1)]);
        read_all(&mut partition, parts(1, 1));
        assert_eq!(partition.take_position(Some(1)).unwrap().0, 1);
        assert_eq!(partition.take_position(None).unwrap().0, 2);
    }

    #[test]
    fn a_position_is_stored_with_the_holder_it_had_there() {
        let mut partition = Partition::new(Ledger::new(), 0);
        read_all(&mut partition, vec![claim(1)]);
        read_all(&mut partition, parts(1, 1));
        read_all(&mut partition, vec![claim(2)]);
        let (position, holder) = partition.take_position(Some(1)).unwrap();
        assert_eq!((position, holder.unwrap().epoch), (1, 1));
        let (position, holder) = partition.take_position(None).unwrap();
        assert_eq!((position, holder.unwrap().epoch), (3, 2));
        // Resumed there, the former owner's late record is void.
        let mut resumed = Partition::new(Ledger::resume(holder), position);
        let readings = read_all(&mut resumed, parts(2, 1));
        assert!(matches!(readings[..], [Reading::Void(Void::Fenced)]));
    }
}
