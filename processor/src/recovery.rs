//! Recovery is replay: snapshots, then the log after them, compared decision by decision; a claim in between makes the
//! partition ours.

use std::time::Duration;

use anyhow::Context;
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ledger::Holder;
use schemas::records::decision::{Claim, LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{LogConfig, LogRecord, Outgoing, Producer, Reader, Start};
use tokio::time::Instant;
use uuid::Uuid;

use crate::caps::CLAIM_TRIES_MAX;
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::metrics;
use crate::rebuild::{Base, Snapshots, gather, next_epoch, stands};

/// Records replayed between two lines that say how far it is.
const PROGRESS_EVERY: usize = 1_000;

/// A partition that is ours, its state as the log says, and where live reading goes on.
#[derive(Debug)]
pub struct Recovered {
    /// The partition.
    pub partition: i32,
    /// Its trees.
    pub driver: Driver,
    /// Our claim.
    pub holder: Holder,
    /// The next record of `decisions.v1`.
    pub decisions_next: i64,
    /// The registry as far as this recovery has read it.
    pub registry: RegistryAt,
}

/// What recovery needs to work.
#[derive(Debug, Clone)]
pub struct Recovery<C> {
    /// The log.
    pub log: LogConfig,
    /// To append the claim.
    pub producer: Producer,
    /// To date it.
    pub clock: C,
    /// Partitions of the tree topics.
    pub partitions: i32,
    /// Longest wait for the claim's append.
    pub append_timeout: Duration,
}

impl<C: Clock> Recovery<C> {
    /// Claims a partition and brings its trees to where the log stands.
    ///
    /// # Errors
    /// When the log does not answer, or other instances are faster again and again.
    pub async fn recover(self, partition: i32) -> anyhow::Result<Recovered> {
        let started = Instant::now();
        let reader = Reader::for_whole_partitions(&self.log).context("making the reader")?;
        let base = read_snapshots(&reader, partition).await.context("reading snapshots")?;
        let (decisions_from, inputs_from) = (base.decisions_from, base.inputs_from);
        let (holder, decisions) = self
            .claim(&reader, partition, decisions_from, base.holder)
            .await
            .context("claiming the partition")?;
        let mut driver = base.into_driver(partition, self.partitions);
        let from = inputs_from.unwrap_or_default();
        let mut registry = ReplayRegistry::default();
        let whole = inputs_from.is_none();
        gather_inputs(&reader, partition, (from, whole), &mut driver, &mut registry)
            .await
            .context("gathering inputs")?;
        let mut decisions_next = decisions_from.unwrap_or(0);
        let mut replayed = 0;
        let all = decisions.len();
        for (number, (offset, record)) in decisions.into_iter().enumerate() {
            if number > 0 && number.is_multiple_of(PROGRESS_EVERY) {
                tracing::info!(partition, replayed, of = all, "replaying");
            }
            decisions_next = offset + 1;
            if let Standing::Counts { decision, difference } =
                driver.read_decision(record, &mut registry)
            {
                replayed += 1;
                report_difference(partition, offset, &decision.root, difference.as_deref());
            }
        }
        metrics::count_replayed(replayed);
        metrics::observe_recovery(started.elapsed().as_secs_f64());
        tracing::info!(
            partition,
            epoch = holder.epoch,
            trees = driver.tree_count(),
            replayed,
            took = ?started.elapsed(),
            "recovered: the partition is ours"
        );
        let registry = registry.into_latest();
        Ok(Recovered { partition, driver, holder, decisions_next, registry })
    }

    /// Appends a claim that stands, and gives every record up to it, from `from` on.
    async fn claim(
        &self,
        reader: &Reader,
        partition: i32,
        from: Option<i64>,
        known: Option<Holder>,
    ) -> anyhow::Result<(Holder, Vec<(i64, LedgerRecord)>)> {
        let writer = Uuid::new_v4();
        let mut start = from.map_or(Start::Beginning, Start::Offset);
        let mut records = Vec::new();
        read_decisions(reader, partition, &mut start, &mut records).await?;
        for _ in 0..CLAIM_TRIES_MAX {
            let epoch = next_epoch(known, &records);
            let claim = Claim {
                epoch,
                writer,
                at: self.clock.now(),
                name: format!("process {}", std::process::id()),
            };
            let outgoing = Outgoing {
                topic: Topic::Decisions,
                partition,
                key: "claim".to_owned(),
                value: LedgerRecord::Claim(claim).encode(),
            };
            self.producer.append(&outgoing, self.append_timeout).await?;
            read_decisions(reader, partition, &mut start, &mut records).await?;
            let ours = Holder { epoch, writer };
            if stands(known, ours, &records) {
                return Ok((ours, records));
            }
            tracing::info!(partition, epoch, "another instance claimed the partition first");
        }
        anyhow::bail!(
            "another instance claimed partition {partition} first, {CLAIM_TRIES_MAX} times"
        )
    }
}

/// Reads what `decisions.v1` has from `start` on, and moves it behind that.
async fn read_decisions(
    reader: &Reader,
    partition: i32,
    start: &mut Start,
    records: &mut Vec<(i64, LedgerRecord)>,
) -> anyhow::Result<()> {
    let from = [(Topic::Decisions, partition, *start)];
    reader
        .read_to_end(&from, |record| {
            *start = Start::Offset(record.offset + 1);
            match LedgerRecord::decode(&record.value) {
                Ok(decoded) => records.push((record.offset, decoded)),
                Err(error) => metrics::count_poison(&record, &error),
            }
            anyhow::Ok(())
        })
        .await
}

/// Gathers telemetry and acks from where the snapshots stand, or all there is, and all of `operator.v1`.
async fn gather_inputs(
    reader: &Reader,
    partition: i32,
    (from, whole): (Positions, bool),
    driver: &mut Driver,
    registry: &mut ReplayRegistry,
) -> anyhow::Result<()> {
    let start = |offset| if whole { Start::Beginning } else { Start::Offset(offset) };
    let inputs = [
        (Topic::Acks, partition, start(from.acks)),
        (Topic::Telemetry, partition, start(from.telemetry)),
        (Topic::Operator, 0, Start::Beginning),
    ];
    reader
        .read_to_end(&inputs, |record| {
            match record.topic {
                Topic::Operator => match OperatorRecord::decode(&record.value) {
                    Ok(decoded) => registry.gather(record.offset, decoded),
                    Err(error) => metrics::count_poison(&record, &error),
                },
                _ => {
                    gather_input(driver, &record);
                }
            }
            anyhow::Ok(())
        })
        .await
}

/// The newest whole snapshot of each tree of a partition.
///
/// # Errors
/// When the log does not answer.
pub async fn read_snapshots(reader: &Reader, partition: i32) -> anyhow::Result<Base> {
    let mut snapshots = Snapshots::default();
    let from = [(Topic::Snapshots, partition, Start::Beginning)];
    reader
        .read_to_end(&from, |record| {
            match SnapshotPart::decode(&record.value) {
                Ok(part) => snapshots.read(part),
                // Written by a newer version, or broken: recovery then starts further back.
                Err(error) => tracing::warn!(%error, offset = record.offset, "unreadable snapshot"),
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(snapshots.into_base())
}

/// Hands a record of telemetry or acks to the driver. One that cannot be read is counted and passed over: false.
pub fn gather_input(driver: &mut Driver, record: &LogRecord) -> bool {
    let telemetry = record.topic == Topic::Telemetry;
    let gathered = gather(driver, telemetry, record.offset, &record.key, &record.value);
    if let Err(error) = &gathered {
        metrics::count_poison(record, error);
    }
    gathered.is_ok()
}

/// Says where the log and this core differ; the log wins.
pub fn report_difference(partition: i32, offset: i64, root: &FeederId, difference: Option<&str>) {
    if let Some(difference) = difference {
        metrics::count_difference();
        tracing::warn!(partition, offset, %root, difference, "replay differs from the log; the log wins");
    }
}
