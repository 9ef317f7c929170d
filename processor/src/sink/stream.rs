//! One topic partition on its way into its tables: decodes, recognises duplicates, gathers blocks. Pure: no IO.

use schemas::Timestamp;
use schemas::codec::DecodeError;
use schemas::identity::Lineage;
use schemas::ledger::Void;
use schemas::topics::Topic;
use service_kit::clickhouse::rows::Place;
use service_kit::log::LogRecord;
use uuid::Uuid;

use super::block::{Limits, Open, Planned, Section};
use super::gathered::{Gathering, Rows, Worthless};
use super::seen::{Novelty, Past};
use super::tables::{Beginning, Kept};

/// Where a stream begins.
#[derive(Debug, Clone)]
pub(super) struct Resume {
    /// Records before this are read only to know what has been seen.
    pub(super) at: i64,
    /// A block that has to be written again as it was.
    pub(super) again: Option<Planned>,
    /// What may be stored from before reading begins.
    pub(super) past: Past,
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
    rows: Box<dyn Gathering>,
    open: Option<Open>,
    /// A block is being written: the next one waits for it.
    writing: bool,
}

/// A record that is on its way into a block; its row is at hand in its stream.
pub(super) struct Ready {
    offset: i64,
    bytes: usize,
    row_time: Timestamp,
    unsure: bool,
}

/// A block that is complete.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) bytes: usize,
    pub(super) rows: Box<dyn Rows>,
    /// The log that its name is of; none where the block was named before logs had identities.
    pub(super) log: Option<Uuid>,
}

/// What reading a record led to.
pub(super) enum Reading {
    /// A row; hand it to [`Stream::push`].
    Row(Ready),
    /// Nothing to store.
    Nothing,
    /// A message that came before.
    Again,
    /// A record that does not count.
    Void(Void),
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
            rows: (kept.gather)(Beginning { past: resume.past.clone(), lineage }),
            resume,
            read_to: -1,
            open: None,
            writing: false,
        }
    }

    /// Reads the next record.
    pub(super) fn read(&mut self, record: &LogRecord) -> Reading {
        self.read_to = record.offset;
        let fresh = record.offset >= self.resume.at;
        let place =
            Place { log: self.resume.log, partition: self.partition, offset: record.offset };
        let (row_time, novelty) = match self.rows.read(&record.value, place) {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Reading::Nothing,
            Err(Worthless::Void(void)) => return Reading::Void(void),
            Err(Worthless::Poison(error)) if fresh => return Reading::Poison(error),
            Err(Worthless::Poison(_)) => return Reading::Nothing,
        };
        if !fresh {
            return Reading::Nothing;
        }
        if novelty == Novelty::Again {
            return Reading::Again;
        }
        let unsure = novelty == Novelty::Unsure;
        let bytes = record.value.len();
        Reading::Row(Ready { offset: record.offset, bytes, row_time, unsure })
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
        self.rows.push(ready.unsure);
    }

    /// Bytes of the open block.
    pub(super) fn bytes(&self) -> usize {
        self.open.map_or(0, |open| open.bytes)
    }

    /// The offset after the last one read.
    pub(super) fn next_unread(&self) -> i64 {
        self.read_to.saturating_add(1)
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
        let rows = self.rows.take();
        // Under its old name, where it is written again.
        let (first, last, log) = match self.resume.again {
            Some(again) if Section::of(open.first, Some(again)) == Section::Again => {
                self.resume.again = None;
                (again.first, again.last, again.log)
            }
            _ => (open.first, open.last, Some(self.resume.log)),
        };
        let (topic, partition) = (self.kept.topic, self.partition);
        Some(Block { topic, partition, first, last, bytes: open.bytes, rows, log })
    }

    /// Takes the open block out where it is to be written now.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Block> {
        if self.is_due(now) { self.take_block() } else { None }
    }

    /// Takes the open block out before its time; none where it must be written as it once was.
    pub(super) fn take_early(&mut self) -> Option<Block> {
        let free = self.open.is_some_and(|open| !open.is_again()) && !self.writing;
        if free { self.take_block() } else { None }
    }

    /// The block taken out has been written.
    pub(super) fn written(&mut self) {
        self.writing = false;
    }
}

#[cfg(test)]
mod tests;
