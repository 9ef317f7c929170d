//! What stands and what is void in a partition of `decisions.v1`: one rule for bridge, sink, API and processor.
//!
//! All readers see one order. A claim with a higher epoch than any before it takes the partition over; from there on only
//! records of that claim's epoch and writer count. A decision counts when all its parts have come, in order, under
//! one claim, and when its number is higher than that of the tree's last one. Everything else is void, and the reader
//! is told why.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::ids::FeederId;
use crate::records::decision::{Claim, Decision, DecisionPart, LedgerRecord};

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The epoch of the claim.
    pub epoch: i64,
    /// Its writer.
    pub writer: Uuid,
}

/// Why a record does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// A claim whose epoch is not higher than the last: another was faster.
    LateClaim,
    /// Written by a former owner, or under no claim that stands.
    Fenced,
    /// Not higher than the tree's last decision: a re-send.
    Repeated,
    /// A part that does not continue the decision it says it belongs to.
    Torn,
}

/// What a record means where it stands.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a verdict lives for a moment, and decisions are what it is for"
)]
pub enum Verdict {
    /// The partition has a new owner.
    Claimed(Holder),
    /// A whole decision counts from here on.
    Decided(Decision),
    /// A part of a decision that is not complete yet.
    Partial,
    /// It does not count.
    Void(Void),
}

/// The fold over one partition, in offset order.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    holder: Option<Holder>,
    /// The holder was taken from a record of its, for want of a claim: one of a higher epoch knows better.
    assumed: bool,
    last_seq: BTreeMap<FeederId, i64>,
    open: BTreeMap<FeederId, OpenDecision>,
}

#[derive(Debug, Clone)]
struct OpenDecision {
    parts: i32,
    next_part: i32,
    decision: Decision,
}

impl Ledger {
    /// A ledger read from the partition's first record on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A ledger read from a position where `holder` is known to have held the partition.
    #[must_use]
    pub fn resume(holder: Option<Holder>) -> Self {
        Self { holder, ..Self::default() }
    }

    /// Who holds the partition now.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        self.holder
    }

    /// The number of the tree's last decision that counts, as far as this ledger has read.
    #[must_use]
    pub fn last_seq(&self, root: &FeederId) -> Option<i64> {
        self.last_seq.get(root).copied()
    }

    /// Notes a decision known from a snapshot, so that its re-sends are void.
    pub fn note_seq(&mut self, root: &FeederId, seq: i64) {
        let last = self.last_seq.entry(root.clone()).or_insert(seq);
        *last = seq.max(*last);
    }

    /// Reads the next record of the partition.
    pub fn read(&mut self, record: LedgerRecord) -> Verdict {
        match record {
            LedgerRecord::Claim(claim) => self.read_claim(&claim),
            LedgerRecord::DecisionPart(part) => self.read_part(part),
        }
    }

    fn read_claim(&mut self, claim: &Claim) -> Verdict {
        if self.holder.is_some_and(|holder| claim.epoch <= holder.epoch) {
            return Verdict::Void(Void::LateClaim);
        }
        let holder = Holder { epoch: claim.epoch, writer: claim.writer };
        self.holder = Some(holder);
        self.assumed = false;
        self.open.clear();
        Verdict::Claimed(holder)
    }

    fn read_part(&mut self, part: DecisionPart) -> Verdict {
        let written_by = Holder { epoch: part.epoch, writer: part.writer };
        // A reader that starts where retention cut the log off has no claim to go by: records name the owner. A former
        // owner's may come first; epochs rise, so the highest is the one that stands.
        let unknown = self.holder.is_none();
        let outdone =
            self.assumed && self.holder.is_some_and(|known| written_by.epoch > known.epoch);
        if unknown || outdone {
            self.holder = Some(written_by);
            self.assumed = true;
            self.open.clear();
        }
        if self.holder != Some(written_by) {
            return Verdict::Void(Void::Fenced);
        }
        if self.last_seq(&part.root).is_some_and(|last| part.seq <= last) {
            return Verdict::Void(Void::Repeated);
        }
        let Some(whole) = self.join(part) else {
            return Verdict::Void(Void::Torn);
        };
        if whole.next_part < whole.parts {
            self.open.insert(whole.decision.root.clone(), whole);
            return Verdict::Partial;
        }
        self.last_seq.insert(whole.decision.root.clone(), whole.decision.seq);
        Verdict::Decided(whole.decision)
    }

    /// The open decision with this part added; none when it is not the next part of it.
    fn join(&mut self, part: DecisionPart) -> Option<OpenDecision> {
        if part.part == 0 {
            let decision = Decision {
                epoch: part.epoch,
                writer: part.writer,
                root: part.root,
                seq: part.seq,
                header: part.header?,
                devices: part.devices,
            };
            return Some(OpenDecision { parts: part.parts, next_part: 1, decision });
        }
        let mut open = self.open.remove(&part.root)?;
        let continues = open.decision.seq == part.seq
            && open.next_part == part.part
            && open.parts == part.parts;
        if !continues {
            return None;
        }
        open.next_part += 1;
        open.decision.devices.extend(part.devices);
        Some(open)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
