//! A partition as far as the log says, whoever holds it: begun at the snapshots, and read on from there.

use anyhow::Context;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::records::decision::{LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::topics::Topic;
use service_kit::log::{ReadError, Reader, Start};
use tokio::time::Instant;

use crate::driver::{Driver, ReplayRegistry, Standing};
use crate::metrics;
use crate::rebuild::{Base, Known, Snapshots};
use crate::recovery::{gather_input, report_difference};

/// Records replayed between two lines that say how far it is.
const PROGRESS_EVERY: usize = 1_000;

/// What is known of a partition, and where reading goes on.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) partition: i32,
    pub(crate) driver: Driver,
    pub(crate) registry: ReplayRegistry,
    pub(crate) decisions: Start,
    snapshots: Start,
    acks: Start,
    telemetry: Start,
    operator: Start,
    partitions: i32,
    /// When somebody was last seen to work on it; at the beginning nobody knows.
    pub(crate) worked_on: Instant,
}

impl Followed {
    /// Stands where the newest snapshots do.
    pub(crate) async fn begin(
        reader: &Reader,
        partition: i32,
        partitions: i32,
        lineage: Option<Lineage>,
    ) -> anyhow::Result<Self> {
        let mut snapshots = Start::Beginning;
        let ends = ends(reader, partition).await.context("the ends of the partition")?;
        let known = Known { lineage, ends: Some(ends) };
        let base = read_snapshots_from(reader, partition, &mut snapshots)
            .await
            .context("reading snapshots")?
            .into_base(&known);
        let start = |offset: Option<i64>| offset.map_or(Start::Beginning, Start::Offset);
        Ok(Self {
            partition,
            decisions: start(base.decisions_from),
            acks: start(base.inputs_from.map(|from| from.acks)),
            telemetry: start(base.inputs_from.map(|from| from.telemetry)),
            operator: Start::Beginning,
            snapshots,
            registry: ReplayRegistry::default(),
            driver: base.into_driver(partition, partitions),
            partitions,
            worked_on: Instant::now(),
        })
    }

    /// Whether it has trees that somebody should decide.
    pub(crate) fn has_trees(&self) -> bool {
        self.registry.has_trees(self.partition, self.partitions)
    }

    /// Takes in what the log has had since.
    pub(crate) async fn read_on(&mut self, reader: &Reader) -> anyhow::Result<()> {
        let mut records = Vec::new();
        read_decisions(reader, self.partition, &mut self.decisions, &mut records).await?;
        self.take_in(reader, records).await?;
        // The next snapshot of a tree has a higher number than any that its holders wrote.
        let newer = read_snapshots_from(reader, self.partition, &mut self.snapshots).await?;
        for (root, number) in newer.numbers() {
            self.driver.note_snapshot(root, number);
        }
        Ok(())
    }

    /// Takes in records of decisions that were read a moment ago, after every input that they may have consumed. Gives the
    /// number of decisions replayed.
    pub(crate) async fn take_in(
        &mut self,
        reader: &Reader,
        records: Vec<(i64, LedgerRecord)>,
    ) -> anyhow::Result<u64> {
        self.gather_inputs(reader).await.context("gathering inputs")?;
        let (partition, all) = (self.partition, records.len());
        let mut replayed = 0;
        for (number, (offset, record)) in records.into_iter().enumerate() {
            if number > 0 && number.is_multiple_of(PROGRESS_EVERY) {
                tracing::info!(partition, replayed, of = all, "replaying");
            }
            match self.driver.read_decision(record, &mut self.registry) {
                Standing::Counts { decision, difference } => {
                    replayed += 1;
                    self.worked_on = Instant::now();
                    report_difference(partition, offset, &decision.root, difference.as_deref());
                }
                Standing::TakenOver(_) => self.worked_on = Instant::now(),
                Standing::Void(void) => metrics::count_void(void, partition, offset),
                Standing::Nothing => {}
            }
        }
        metrics::count_replayed(replayed);
        Ok(replayed)
    }

    async fn gather_inputs(&mut self, reader: &Reader) -> anyhow::Result<()> {
        let Self { driver, registry, acks, telemetry, operator, partition, .. } = self;
        let inputs = [
            (Topic::Acks, *partition, *acks),
            (Topic::Telemetry, *partition, *telemetry),
            (Topic::Operator, 0, *operator),
        ];
        reader
            .read_to_end(&inputs, |record| {
                let next = Start::Offset(record.offset + 1);
                match record.topic {
                    Topic::Operator => {
                        *operator = next;
                        match OperatorRecord::decode(&record.value) {
                            Ok(decoded) => registry.gather(record.offset, decoded),
                            Err(error) => metrics::count_poison(&record, &error),
                        }
                    }
                    topic => {
                        *(if topic == Topic::Acks { &mut *acks } else { &mut *telemetry }) = next;
                        gather_input(driver, &record);
                    }
                }
                anyhow::Ok(())
            })
            .await
    }
}

/// Reads what `decisions.v1` has from `start` on, and moves it behind that.
pub(crate) async fn read_decisions(
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

/// The newest whole snapshot of each tree of a partition.
///
/// # Errors
/// When the log does not answer.
pub(crate) async fn read_snapshots(
    reader: &Reader,
    partition: i32,
    lineage: Option<Lineage>,
) -> anyhow::Result<Base> {
    let known = Known { lineage, ends: Some(ends(reader, partition).await?) };
    let snapshots = read_snapshots_from(reader, partition, &mut Start::Beginning).await?;
    Ok(snapshots.into_base(&known))
}

/// Where the inputs of a partition end, and its decisions.
async fn ends(reader: &Reader, partition: i32) -> Result<(Positions, i64), ReadError> {
    let (acks, telemetry, operator, decisions) = tokio::try_join!(
        reader.bounds(Topic::Acks, partition),
        reader.bounds(Topic::Telemetry, partition),
        reader.bounds(Topic::Operator, 0),
        reader.bounds(Topic::Decisions, partition),
    )?;
    let inputs = Positions { acks: acks.1, operator: operator.1, telemetry: telemetry.1 };
    Ok((inputs, decisions.1))
}

/// Snapshots from `start` on; moves it behind them.
async fn read_snapshots_from(
    reader: &Reader,
    partition: i32,
    start: &mut Start,
) -> anyhow::Result<Snapshots> {
    let mut snapshots = Snapshots::default();
    let from = [(Topic::Snapshots, partition, *start)];
    reader
        .read_to_end(&from, |record| {
            *start = Start::Offset(record.offset + 1);
            match SnapshotPart::decode(&record.value) {
                Ok(part) => snapshots.read(part),
                // Written by a newer version, or broken: recovery then starts further back.
                Err(error) => tracing::warn!(%error, offset = record.offset, "unreadable snapshot"),
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(snapshots)
}
