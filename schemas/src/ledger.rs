//! What stands and what is void in a partition of `decisions.v1`: one rule for bridge, sink, API and processor.
//!
//! All readers see one order. A claim takes the partition over when it continues what stands: its epoch is the last
//! one's plus one, and it names this log. From there on only records of that claim's epoch and writer count. A decision
//! counts when all its parts have come, in order, under one claim, and when its number is the tree's last one plus
//! one. Everything else is void, and the reader is told why.
//!
//! A reader that begins in the middle has the word of a snapshot, of a stored position or of the first record it
//! meets. Such a word holds until records contradict it ([`Word`]), so that no single record that lies can fence
//! everybody off for good.

mod holder;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::belief::FIRST_NUMBER_MAX;
use crate::identity::Lineage;
use crate::ids::FeederId;
use crate::records::decision::{Claim, Decision, DecisionPart, LedgerRecord};
use crate::units::Timestamp;

use self::holder::Word;

/// A decision is dated at most this long after the one before it in its partition, or after its claim: a tree that
/// was decided in a far future would not be decided again before then.
const AHEAD_MAX_MS: i64 = 400 * 86_400_000;

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
    /// A claim whose epoch leaves some out: it continues nothing.
    ClaimJump,
    /// A claim on another log than this one.
    OtherLog,
    /// Written by a former owner, or under no claim that stands.
    Fenced,
    /// Not higher than the tree's last decision: a re-send.
    Repeated,
    /// A decision whose number leaves some out: it continues nothing.
    DecisionJump,
    /// A decision dated in a far future.
    Ahead,
    /// A part that does not continue the decision it says it belongs to.
    Torn,
}

impl Void {
    /// Its stable name: a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LateClaim => "late_claim",
            Self::ClaimJump => "claim_jump",
            Self::OtherLog => "other_log",
            Self::Fenced => "fenced",
            Self::Repeated => "repeated",
            Self::DecisionJump => "decision_jump",
            Self::Ahead => "ahead",
            Self::Torn => "torn",
        }
    }

    /// Whether writers that keep to the rules never write such a record: somebody should know.
    #[must_use]
    pub fn is_foul(self) -> bool {
        match self {
            Self::ClaimJump | Self::OtherLog | Self::DecisionJump | Self::Ahead => true,
            Self::LateClaim | Self::Fenced | Self::Repeated | Self::Torn => false,
        }
    }
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

/// The number of a tree's last decision.
#[derive(Debug, Clone, Copy)]
struct Last {
    seq: i64,
    /// One that continues another, or begins a tree. The first that a reader meets in the middle is taken as it is, and
    /// gives way to what follows.
    sure: bool,
}

/// The fold over one partition, in offset order.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    holder: Option<Holder>,
    word: Word,
    /// The log that claims must name; none where the reader does not know it.
    lineage: Option<Lineage>,
    /// The latest time of the holder's claim and of the decisions under it.
    latest: Option<Timestamp>,
    last_seq: BTreeMap<FeederId, Last>,
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

    /// A ledger read from a position where `holder` is said to have held the partition.
    #[must_use]
    pub fn resume(holder: Option<Holder>) -> Self {
        Self { holder, word: Word::Told, ..Self::default() }
    }

    /// The same of a log that is known: claims on another one are void.
    #[must_use]
    pub fn of(self, lineage: Option<Lineage>) -> Self {
        Self { lineage, ..self }
    }

    /// Says which log it is, as far as that is known by now.
    pub fn know(&mut self, lineage: Option<Lineage>) {
        self.lineage = lineage;
    }

    /// Who holds the partition now.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        self.holder
    }

    /// The number of the tree's last decision that counts, as far as this ledger has read.
    #[must_use]
    pub fn last_seq(&self, root: &FeederId) -> Option<i64> {
        self.last_seq.get(root).map(|last| last.seq)
    }

    /// Notes a decision known from elsewhere, so that its re-sends are void.
    pub fn note_seq(&mut self, root: &FeederId, seq: i64) {
        let noted = Last { seq, sure: true };
        let last = self.last_seq.entry(root.clone()).or_insert(noted);
        if seq > last.seq {
            *last = noted;
        }
    }

    /// Takes over what another ledger has read of a tree before the place from which this one reads.
    pub fn learn(&mut self, root: &FeederId, before: &Self) {
        if let Some(last) = before.last_seq.get(root) {
            self.last_seq.insert(root.clone(), *last);
        }
    }

    /// Reads the next record of the partition.
    pub fn read(&mut self, record: LedgerRecord) -> Verdict {
        match record {
            LedgerRecord::Claim(claim) => match self.read_claim(&claim) {
                Ok(holder) => Verdict::Claimed(holder),
                Err(void) => Verdict::Void(void),
            },
            LedgerRecord::DecisionPart(part) => match self.read_part(part) {
                Ok(Some(decision)) => Verdict::Decided(decision),
                Ok(None) => Verdict::Partial,
                Err(void) => Verdict::Void(void),
            },
        }
    }

    fn read_claim(&mut self, claim: &Claim) -> Result<Holder, Void> {
        if self.lineage.as_ref().is_some_and(|lineage| !lineage.knows(claim.log)) {
            return Err(Void::OtherLog);
        }
        let word = match self.word.after_claim(self.holder, claim.epoch) {
            Ok(word) => word,
            Err(void) => {
                // Here is who was slower: so none that was faster has been cut away.
                let same = self.holder.is_some_and(|holder| holder.epoch == claim.epoch);
                if same && self.word == Word::Opening {
                    self.word = Word::Claimed;
                }
                return Err(void);
            }
        };
        let holder = Holder { epoch: claim.epoch, writer: claim.writer };
        self.hold(holder, word, Some(claim.at));
        Ok(holder)
    }

    fn hold(&mut self, holder: Holder, word: Word, at: Option<Timestamp>) {
        if self.holder != Some(holder) {
            self.open.clear();
            self.latest = at;
        }
        self.holder = Some(holder);
        self.word = word;
    }

    fn read_part(&mut self, part: DecisionPart) -> Result<Option<Decision>, Void> {
        let written_by = Holder { epoch: part.epoch, writer: part.writer };
        let word = self.word.after_part(self.holder, written_by)?;
        self.hold(written_by, word, None);
        let sure = self.follows(&part)?;
        let whole = self.join(part).ok_or(Void::Torn)?;
        if whole.next_part < whole.parts {
            self.open.insert(whole.decision.root.clone(), whole);
            return Ok(None);
        }
        let decision = whole.decision;
        self.last_seq.insert(decision.root.clone(), Last { seq: decision.no.seq, sure });
        self.latest = self.latest.max(Some(decision.header.at));
        Ok(Some(decision))
    }

    /// Whether the tree's last number is certain after this one.
    fn follows(&self, part: &DecisionPart) -> Result<bool, Void> {
        let sure = match self.last_seq.get(&part.root) {
            Some(last) if last.seq.checked_add(1) == Some(part.seq) => true,
            Some(last) if last.seq == part.seq || (last.sure && part.seq < last.seq) => {
                return Err(Void::Repeated);
            }
            Some(last) if last.sure => return Err(Void::DecisionJump),
            Some(_) | None if (1..=FIRST_NUMBER_MAX).contains(&part.seq) => {
                part.seq == 1 && self.word == Word::Claimed
            }
            Some(_) | None => return Err(Void::DecisionJump),
        };
        let dated = part.header.as_ref().map(|header| header.at);
        let ahead = dated.zip(self.latest).is_some_and(|(at, last)| at.since(last) > AHEAD_MAX_MS);
        if ahead { Err(Void::Ahead) } else { Ok(sure) }
    }

    /// The open decision with this part added; none when it is not the next part of it.
    fn join(&mut self, part: DecisionPart) -> Option<OpenDecision> {
        if part.part == 0 {
            let decision = Decision {
                no: part.no(),
                writer: part.writer,
                root: part.root,
                header: part.header?,
                devices: part.devices,
            };
            return Some(OpenDecision { parts: part.parts, next_part: 1, decision });
        }
        let mut open = self.open.remove(&part.root)?;
        let continues = open.decision.no.seq == part.seq
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
mod belief;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
