//! One topic partition on its way into its tables: decodes, recognises duplicates, gathers blocks. Pure: no IO.

use schemas::Timestamp;
use schemas::codec::{DecodeError, Record};
use schemas::identity::Lineage;
use schemas::ids::stable_hash;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::dead_letter::DeadLetter;
use schemas::records::decision::LedgerRecord;
use schemas::records::operator::OperatorRecord;
use schemas::records::sent::Sent;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use service_kit::clickhouse::rows::{self, Place};
use service_kit::log::LogRecord;
use uuid::Uuid;

use super::block::{Limits, Open, Planned, Section};
use super::gathered::{Prepared, Rows};
use super::kept::Kept;
use super::seen::{Novelty, Seen};
use crate::metrics;
use crate::poison::UNREADABLE;

/// Where a stream begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resume {
    /// Records before this are read only to know what has been seen.
    pub(super) at: i64,
    /// A block that has to be written again as it was.
    pub(super) again: Option<Planned>,
    /// Whether reading begins with the partition's first record.
    pub(super) whole: bool,
    /// The log that rows name.
    pub(super) log: Uuid,
}

/// One topic partition.
#[derive(Debug)]
pub(super) struct Stream {
    kept: Kept,
    partition: i32,
    limits: Limits,
    resume: Resume,
    read_to: i64,
    seen: Seen,
    ledger: Ledger,
    rows: Rows,
    open: Option<Open>,
    /// A block is being written: the next one waits for it.
    writing: bool,
}

/// A record that is on its way into a block.
pub(super) struct Ready {
    offset: i64,
    bytes: usize,
    row_time: Timestamp,
    unsure: bool,
    row: Prepared,
}

/// A block that is complete.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) bytes: usize,
    pub(super) rows: Rows,
    /// The log that its name is of; none where the block was named before logs had identities.
    pub(super) log: Option<Uuid>,
}

/// What reading a record led to.
pub(super) enum Reading {
    /// A row; hand it to [`Stream::push`].
    Row(Ready),
    /// Nothing to store.
    Nothing,
    /// It cannot be read, and nobody has said so yet.
    Poison(DecodeError),
}

impl Stream {
    pub(super) fn new(
        kept: Kept,
        partition: i32,
        limits: Limits,
        resume: Resume,
        lineage: Option<Lineage>,
    ) -> Self {
        Self {
            kept,
            partition,
            limits,
            resume,
            read_to: -1,
            seen: Seen::new(resume.whole),
            ledger: Ledger::new().of(lineage),
            rows: Rows::of(kept),
            open: None,
            writing: false,
        }
    }

    /// Reads the next record.
    pub(super) fn read(&mut self, record: &LogRecord) -> Reading {
        self.read_to = record.offset;
        let fresh = record.offset >= self.resume.at;
        let (row_time, novelty, row) = match self.prepare(record) {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Reading::Nothing,
            Err(error) if fresh => return Reading::Poison(error),
            Err(_) => return Reading::Nothing,
        };
        if novelty == Novelty::Again {
            if fresh {
                metrics::count_duplicate(self.kept.topic());
            }
            return Reading::Nothing;
        }
        if !fresh {
            return Reading::Nothing;
        }
        let unsure = novelty == Novelty::Unsure;
        let bytes = record.value.len();
        Reading::Row(Ready { offset: record.offset, bytes, row_time, unsure, row })
    }

    /// The row of a record, its time and whether it came before; none where it leads to no row.
    fn prepare(
        &mut self,
        record: &LogRecord,
    ) -> Result<Option<(Timestamp, Novelty, Prepared)>, DecodeError> {
        let place =
            Place { log: self.resume.log, partition: self.partition, offset: record.offset };
        Ok(Some(match self.kept {
            Kept::Acks => {
                let ack = Ack::decode(&record.value)?;
                // Several acks of a device may speak of the same moment.
                let tag = stable_hash(&[ack.message_id.as_bytes()]);
                let novelty = self.seen.note(ack.message_id, &ack.device_id, ack.ts, tag);
                (ack.arrival, novelty, Prepared::Ack(rows::ack(ack, place)))
            }
            Kept::Operator => {
                let operator = OperatorRecord::decode(&record.value)?;
                let at = operator.at;
                (at, Novelty::New, Prepared::Operator(rows::operator(operator, place)))
            }
            Kept::DeadLetters => {
                let letter = DeadLetter::decode(&record.value)?;
                // A poison record may have been said more than once.
                let novelty = if letter.reason == UNREADABLE {
                    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, letter.source.as_bytes());
                    self.seen.note_id(id)
                } else {
                    Novelty::New
                };
                (letter.at, novelty, Prepared::DeadLetter(rows::dead_letter(letter, place)))
            }
            Kept::Sent => {
                // Sent twice is said twice: the first time counts, for whoever asks.
                let sent = Sent::decode(&record.value)?;
                (sent.decided_at, Novelty::New, Prepared::Sent(rows::sent(sent, place)))
            }
            Kept::Decisions => match self.ledger.read(LedgerRecord::decode(&record.value)?) {
                Verdict::Decided(decision) => {
                    let at = decision.header.at;
                    (at, Novelty::New, Prepared::Decision(record.offset, Box::new(decision)))
                }
                Verdict::Void(void) => {
                    metrics::count_void(void, self.partition, record.offset);
                    return Ok(None);
                }
                Verdict::Claimed(_) | Verdict::Partial => return Ok(None),
            },
            Kept::Telemetry => {
                let sample = Telemetry::decode(&record.value)?;
                let novelty = self.seen.note(sample.message_id, &sample.device_id, sample.ts, 0);
                let row = Prepared::Telemetry(Box::new(rows::telemetry(sample, place)));
                // The rows of a block stand in one day of arrival.
                (row.arrival(), novelty, row)
            }
        }))
    }

    /// Whether the open block must be written before this record can be added.
    pub(super) fn must_write_before(&self, ready: &Ready) -> bool {
        let section = Section::of(ready.offset, self.resume.again);
        self.open.is_some_and(|open| !open.takes(section, ready.row_time, self.limits))
    }

    /// Adds a record to the open block, or opens one.
    pub(super) fn push(&mut self, ready: Ready, now: Timestamp) {
        let section = Section::of(ready.offset, self.resume.again);
        let open =
            self.open.get_or_insert_with(|| Open::new(ready.offset, section, ready.row_time, now));
        open.add(ready.offset, ready.bytes);
        self.rows.push(ready.row, ready.unsure);
    }

    /// Bytes of the open block.
    pub(super) fn bytes(&self) -> usize {
        self.open.map_or(0, |open| open.bytes)
    }

    /// Whether a block of it is being written.
    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Whether the open block is to be written now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let again = self.resume.again;
        !self.writing
            && self.open.is_some_and(|open| open.is_due(now, self.limits, again, self.read_to))
    }

    /// Takes the open block out to be written.
    pub(super) fn take_block(&mut self) -> Option<Block> {
        let open = self.open.take()?;
        self.writing = true;
        let rows = std::mem::replace(&mut self.rows, Rows::of(self.kept));
        // Under its old name, where it is written again.
        let (first, last, log) = match self.resume.again {
            Some(again) if Section::of(open.first, Some(again)) == Section::Again => {
                self.resume.again = None;
                (again.first, again.last, again.log)
            }
            _ => (open.first, open.last, Some(self.resume.log)),
        };
        let (topic, partition) = (self.kept.topic(), self.partition);
        Some(Block { topic, partition, first, last, bytes: open.bytes, rows, log })
    }

    /// Takes the open block out before its time; none where it must be written as it once was.
    pub(super) fn take_early(&mut self) -> Option<Block> {
        let free = self.open.is_some_and(|open| !open.is_again()) && !self.writing;
        if free { self.take_block() } else { None }
    }

    #[cfg(test)]
    pub(super) fn last_seq(&self, root: &str) -> i64 {
        schemas::FeederId::new(root).ok().and_then(|root| self.ledger.last_seq(&root)).unwrap_or(0)
    }

    /// The block taken out has been written.
    pub(super) fn written(&mut self) {
        self.writing = false;
    }
}

#[cfg(test)]
mod tests;
