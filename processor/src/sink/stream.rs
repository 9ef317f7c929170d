//! One topic partition on its way into its tables: decodes, recognises duplicates, cuts blocks, writes them.

use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::dead_letter::DeadLetter;
use schemas::records::decision::{Decision, LedgerRecord};
use schemas::records::operator::OperatorRecord;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use service_kit::log::LogRecord;

use super::block::{BlockKey, Cut};
use super::rows::{self, Place};
use super::seen::Seen;
use super::service::{BlockId, Store};
use crate::caps::DEDUP_WINDOW;
use crate::metrics;

/// Rows of a block that is being gathered.
#[derive(Debug)]
enum Rows {
    Telemetry(Vec<rows::TelemetryRow>),
    Acks(Vec<rows::AckRow>),
    Operator(Vec<rows::OperatorRow>),
    DeadLetters(Vec<rows::DeadLetterRow>),
    Decisions(Vec<(i64, Decision)>),
}

impl Rows {
    fn of(topic: Topic) -> Self {
        match topic {
            Topic::Acks => Self::Acks(Vec::new()),
            Topic::Operator => Self::Operator(Vec::new()),
            Topic::DeadLetters => Self::DeadLetters(Vec::new()),
            Topic::Decisions => Self::Decisions(Vec::new()),
            _ => Self::Telemetry(Vec::new()),
        }
    }
}

/// The table whose stored positions say where a topic goes on.
pub(super) fn position_table(topic: Topic) -> &'static str {
    match topic {
        Topic::Acks => "acks",
        Topic::Operator => "operator_log",
        Topic::DeadLetters => "dead_letters",
        // Written last of the three that a decision goes into.
        Topic::Decisions => "decisions",
        _ => "telemetry",
    }
}

/// The highest offsets stored in the tables of decisions, -1 where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecisionPositions {
    pub(super) devices: i64,
    pub(super) setpoints: i64,
}

/// One topic partition.
#[derive(Debug)]
pub(super) struct Stream {
    topic: Topic,
    partition: i32,
    cut: Cut,
    /// Records before this are read only to know what has been seen.
    resume: i64,
    stored: DecisionPositions,
    seen: Seen,
    ledger: Ledger,
    rows: Rows,
    open: Option<OpenBlock>,
}

#[derive(Debug, Clone, Copy)]
struct OpenBlock {
    key: BlockKey,
    first: i64,
    last: i64,
}

impl Stream {
    pub(super) fn new(
        topic: Topic,
        partition: i32,
        cut: Cut,
        resume: i64,
        stored: DecisionPositions,
    ) -> Self {
        Self {
            topic,
            partition,
            cut,
            resume,
            stored,
            seen: Seen::new(DEDUP_WINDOW),
            ledger: Ledger::new(),
            rows: Rows::of(topic),
            open: None,
        }
    }

    /// Reads the next record; none where it leads to no row. Hand what comes back to [`Stream::push`].
    pub(super) fn read(&mut self, record: &LogRecord) -> Option<Ready> {
        let place = Place { partition: self.partition, offset: record.offset };
        match self.prepare(record, place) {
            Ok(prepared) => prepared.map(|prepared| {
                let key = self.cut.key(record.timestamp, record.offset, prepared.row_time());
                Ready { key, offset: record.offset, prepared }
            }),
            Err(error) => {
                metrics::count_poison(record, &error);
                None
            }
        }
    }

    /// Whether the open block must be written before this record can be added.
    pub(super) fn must_write_before(&self, ready: &Ready) -> bool {
        self.open.is_some_and(|open| open.key != ready.key)
    }

    /// Adds a record to the open block, or opens one.
    pub(super) fn push(&mut self, ready: Ready) {
        let Ready { key, offset, prepared } = ready;
        let open = self.open.get_or_insert(OpenBlock { key, first: offset, last: offset });
        open.last = offset;
        self.add(prepared, offset);
    }

    /// When the open block is to be written at the latest.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.open.map(|open| self.cut.due(open.key))
    }

    /// The row of a record; none for a duplicate, a void record, or one that is only read to be remembered.
    fn prepare(
        &mut self,
        record: &LogRecord,
        place: Place,
    ) -> Result<Option<Prepared>, schemas::codec::DecodeError> {
        let stored = record.offset < self.resume;
        let prepared = match self.topic {
            Topic::Acks => {
                let ack = Ack::decode(&record.value)?;
                if !self.seen.note(ack.message_id) {
                    metrics::count_duplicate("ack");
                    return Ok(None);
                }
                Prepared::Ack(ack.arrival, rows::ack(ack, place))
            }
            Topic::Operator => {
                let operator = OperatorRecord::decode(&record.value)?;
                Prepared::Operator(operator.at, rows::operator(operator, place))
            }
            Topic::DeadLetters => {
                let letter = DeadLetter::decode(&record.value)?;
                Prepared::DeadLetter(letter.at, rows::dead_letter(letter, place))
            }
            Topic::Decisions => match self.ledger.read(LedgerRecord::decode(&record.value)?) {
                Verdict::Decided(decision) => Prepared::Decision(decision),
                Verdict::Claimed(_) | Verdict::Partial | Verdict::Void(_) => return Ok(None),
            },
            _ => {
                let sample = Telemetry::decode(&record.value)?;
                if !self.seen.note(sample.message_id) {
                    metrics::count_duplicate("telemetry");
                    return Ok(None);
                }
                Prepared::Telemetry(sample.arrival, Box::new(rows::telemetry(sample, place)))
            }
        };
        Ok((!stored).then_some(prepared))
    }

    fn add(&mut self, prepared: Prepared, offset: i64) {
        match (&mut self.rows, prepared) {
            (Rows::Telemetry(rows), Prepared::Telemetry(_, row)) => rows.push(*row),
            (Rows::Acks(rows), Prepared::Ack(_, row)) => rows.push(row),
            (Rows::Operator(rows), Prepared::Operator(_, row)) => rows.push(row),
            (Rows::DeadLetters(rows), Prepared::DeadLetter(_, row)) => rows.push(row),
            (Rows::Decisions(decisions), Prepared::Decision(decision)) => {
                decisions.push((offset, decision));
            }
            (_, _) => unreachable!("a stream's rows are of its own topic"),
        }
    }

    /// Writes the open block. After a failure it is still open: the next try writes the same block.
    pub(super) async fn write(&mut self, store: &Store) -> anyhow::Result<()> {
        let Some(OpenBlock { first, last, .. }) = self.open else { return Ok(()) };
        let block = |table| BlockId { table, partition: self.partition, first, last };
        match &self.rows {
            Rows::Telemetry(rows) => store.write(block("telemetry"), rows).await?,
            Rows::Acks(rows) => store.write(block("acks"), rows).await?,
            Rows::Operator(rows) => store.write(block("operator_log"), rows).await?,
            Rows::DeadLetters(rows) => store.write(block("dead_letters"), rows).await?,
            Rows::Decisions(decisions) => {
                self.write_decisions(decisions, &block, store).await?;
            }
        }
        self.rows = Rows::of(self.topic);
        self.open = None;
        Ok(())
    }

    async fn write_decisions(
        &self,
        decisions: &[(i64, Decision)],
        block: &impl Fn(&'static str) -> BlockId,
        store: &Store,
    ) -> anyhow::Result<()> {
        let place = |offset| Place { partition: self.partition, offset };
        let after = |position| decisions.iter().filter(move |(offset, _)| *offset > position);
        let setpoints: Vec<_> = after(self.stored.setpoints)
            .flat_map(|(offset, decision)| rows::setpoints(decision, place(*offset)))
            .collect();
        store.write(block("setpoints"), &setpoints).await?;
        let devices: Vec<_> = after(self.stored.devices)
            .flat_map(|(offset, decision)| rows::decision_devices(decision, place(*offset)))
            .collect();
        store.write(block("decision_devices"), &devices).await?;
        let nodes: Vec<_> = decisions
            .iter()
            .flat_map(|(offset, decision)| rows::decision(decision, place(*offset)))
            .collect();
        store.write(block("decisions"), &nodes).await
    }
}

/// A record that is on its way into a block.
pub(super) struct Ready {
    key: BlockKey,
    offset: i64,
    prepared: Prepared,
}

/// A row and the time that its table is partitioned by.
enum Prepared {
    Telemetry(Timestamp, Box<rows::TelemetryRow>),
    Ack(Timestamp, rows::AckRow),
    Operator(Timestamp, rows::OperatorRow),
    DeadLetter(Timestamp, rows::DeadLetterRow),
    Decision(Decision),
}

impl Prepared {
    fn row_time(&self) -> Timestamp {
        match self {
            Self::Telemetry(at, _)
            | Self::Ack(at, _)
            | Self::Operator(at, _)
            | Self::DeadLetter(at, _) => *at,
            Self::Decision(decision) => decision.header.at,
        }
    }
}
