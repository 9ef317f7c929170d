//! `replay`: recovery on demand. Feeds the recorded inputs to the core again and compares every decision that counts
//! with the log, byte for byte. Writes nothing.

use anyhow::Context;
use control_instance::{Base, Driver, Known, ReplayRegistry, Snapshots, Standing, gather};
use schemas::codec::Record;
use schemas::records::decision::{DecisionPart, LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::topics::Topic;
use schemas::{FeederId, Timestamp};
use service_kit::log::{LogConfig, LogRecord, Reader, Start, read_to_end};

use crate::metrics;

/// Which decisions are compared. What stands before is replayed all the same, for the state that it leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// Decisions made at or after this.
    pub from: Option<Timestamp>,
    /// Decisions made before this.
    pub to: Option<Timestamp>,
}

impl Range {
    fn contains(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

/// A decision that the core does not make again.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Its place in `decisions.v1`.
    pub offset: i64,
    /// Its tree.
    pub root: FeederId,
    /// Its number.
    pub seq: i64,
    /// When it was made.
    pub at: Timestamp,
    /// The first field that differs, with both values.
    pub what: String,
    /// Why, as far as the log tells.
    pub cause: String,
}

/// What became of one partition.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub partition: i32,
    /// Where it began: at the log's first record, or at snapshots.
    pub from_snapshots: bool,
    /// Decisions that count and lie in the range.
    pub compared: u64,
    /// Those among them that differ.
    pub differing: u64,
    /// Records of decisions that do not count.
    pub void: u64,
    /// Input records that cannot be read.
    pub unreadable: u64,
    /// The first difference.
    pub first: Option<Difference>,
}

/// One partition while it is replayed.
struct Replay {
    driver: Driver,
    registry: ReplayRegistry,
    inputs: Reader,
    /// The ends of acks and telemetry.
    ends: Positions,
    outcome: Outcome,
}

/// Replays a partition.
///
/// # Errors
/// When the log does not answer, or no longer holds what a replay begins with.
pub async fn replay_partition(
    log: &LogConfig,
    partitions: i32,
    partition: i32,
    range: Range,
) -> anyhow::Result<Outcome> {
    let bounds = Reader::new(log, &[])?;
    let (first, end) = bounds.bounds(Topic::Decisions, partition).await?;
    let mut replay = Replay::begin(log, partitions, partition).await?;
    let from = replay.1.unwrap_or(first).max(first);
    let decisions = Reader::new(log, &[(Topic::Decisions, partition, Start::Offset(from))])?;
    let mut next = from;
    while next < end {
        let record = decisions.next().await?;
        next = record.offset + 1;
        if !replay.0.read(&record, range).await? {
            break;
        }
    }
    Ok(replay.0.outcome)
}

impl Replay {
    /// Everything before the first decision; and where in the decisions to begin, where that is not their beginning.
    async fn begin(
        log: &LogConfig,
        partitions: i32,
        partition: i32,
    ) -> anyhow::Result<(Self, Option<i64>)> {
        let bounds = Reader::new(log, &[])?;
        let acks = bounds.bounds(Topic::Acks, partition).await?;
        let telemetry = bounds.bounds(Topic::Telemetry, partition).await?;
        let operator = bounds.bounds(Topic::Operator, 0).await?;
        let decisions = bounds.bounds(Topic::Decisions, partition).await?;
        let whole = acks.0 == 0 && telemetry.0 == 0 && decisions.0 == 0;
        let base = if whole {
            Base::default()
        } else {
            let ends = Positions { acks: acks.1, operator: operator.1, telemetry: telemetry.1 };
            // Whose log it is does not matter to who only compares.
            let known = Known { lineage: None, ends: Some((ends, decisions.1)) };
            read_snapshots(log, partition).await.context("reading snapshots")?.into_base(&known)
        };
        anyhow::ensure!(
            whole || base.decisions_from.is_some(),
            "partition {partition}: the log's beginning is gone and there is no snapshot to begin at"
        );
        let decisions_from = base.decisions_from;
        let from = base.inputs_from.unwrap_or_default();
        let driver = base.into_driver(partition, partitions);
        let begin = |offset| if whole { Start::Beginning } else { Start::Offset(offset) };
        let inputs = Reader::new(
            log,
            &[
                (Topic::Acks, partition, begin(from.acks)),
                (Topic::Telemetry, partition, begin(from.telemetry)),
            ],
        )?;
        let outcome = Outcome {
            partition,
            from_snapshots: !whole,
            compared: 0,
            differing: 0,
            void: 0,
            unreadable: 0,
            first: None,
        };
        let ends = Positions { acks: acks.1, operator: 0, telemetry: telemetry.1 };
        let mut registry = ReplayRegistry::default();
        read_operator(log, &mut registry).await?;
        Ok((Self { driver, registry, inputs, ends, outcome }, decisions_from))
    }

    /// Reads a record of decisions; whether there is any sense in going on.
    async fn read(&mut self, record: &LogRecord, range: Range) -> anyhow::Result<bool> {
        let Ok(decoded) = LedgerRecord::decode(&record.value) else {
            self.outcome.unreadable += 1;
            return Ok(true);
        };
        if let LedgerRecord::DecisionPart(DecisionPart { header: Some(header), root, seq, .. }) =
            &decoded
            && !self.gather(header.positions).await?
        {
            self.differs(Difference {
                offset: record.offset,
                root: root.clone(),
                seq: *seq,
                at: header.at,
                what: format!("it was made with inputs up to {:?}", header.positions),
                cause: format!("the log holds them only up to {:?}", self.ends),
            });
            return Ok(false);
        }
        match self.driver.read_decision(decoded, &mut self.registry) {
            Standing::Counts { decision, difference } if range.contains(decision.header.at) => {
                self.outcome.compared += 1;
                if let Some(what) = difference {
                    self.differs(Difference {
                        offset: record.offset,
                        root: decision.root,
                        seq: decision.no.seq,
                        at: decision.header.at,
                        what,
                        cause: self.cause(),
                    });
                }
            }
            Standing::Void(_) => self.outcome.void += 1,
            Standing::Counts { .. } | Standing::TakenOver(_) | Standing::Nothing => {}
        }
        Ok(true)
    }

    /// Reads inputs up to these positions; false where the log does not go that far.
    async fn gather(&mut self, positions: Positions) -> anyhow::Result<bool> {
        if positions.acks > self.ends.acks || positions.telemetry > self.ends.telemetry {
            return Ok(false);
        }
        loop {
            let gathered = self.driver.gathered();
            if gathered.acks >= positions.acks && gathered.telemetry >= positions.telemetry {
                return Ok(true);
            }
            let record = self.inputs.next().await?;
            if let Err(error) = gather(&mut self.driver, &record) {
                metrics::count_poison(record.place(), &error);
                self.outcome.unreadable += 1;
            }
        }
    }

    fn differs(&mut self, difference: Difference) {
        self.outcome.differing += 1;
        self.outcome.first.get_or_insert(difference);
    }

    fn cause(&self) -> String {
        let unreadable = self.outcome.unreadable;
        if unreadable > 0 {
            return format!("{unreadable} input records before it cannot be read by this version");
        }
        if self.driver.dropped > 0 {
            return format!("{} inputs before it were too many to keep", self.driver.dropped);
        }
        "the same inputs lead to another decision here: another version of the program made it, or this one is not deterministic".to_owned()
    }
}

async fn read_snapshots(log: &LogConfig, partition: i32) -> anyhow::Result<Snapshots> {
    let mut snapshots = Snapshots::default();
    read_to_end(log, &[(Topic::Snapshots, partition, Start::Beginning)], |record| {
        snapshots.read(&record);
        anyhow::Ok(())
    })
    .await?;
    Ok(snapshots)
}

async fn read_operator(log: &LogConfig, registry: &mut ReplayRegistry) -> anyhow::Result<()> {
    read_to_end(log, &[(Topic::Operator, 0, Start::Beginning)], |record| {
        // One that cannot be read changes nothing, here as when it was first read.
        if let Ok(decoded) = OperatorRecord::decode(&record.value) {
            registry.gather(record.offset, decoded);
        }
        anyhow::Ok(())
    })
    .await
    .context("reading operator.v1")
}
