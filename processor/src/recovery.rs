//! Recovery is replay: snapshots, then the log after them, compared decision by decision; a claim in between makes the
//! partition ours.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ledger::{Holder, Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::decision::{Claim, LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{LogConfig, LogRecord, Outgoing, Producer, Start, read_to_end};
use uuid::Uuid;

use crate::caps::CLAIM_TRIES_MAX;
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::metrics;

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

/// Snapshots of a partition, the newest whole one of each tree.
type Snapshots = BTreeMap<FeederId, Vec<SnapshotPart>>;

impl<C: Clock> Recovery<C> {
    /// Claims a partition and brings its trees to where the log stands.
    ///
    /// # Errors
    /// When the log does not answer, or other instances are faster again and again.
    pub async fn recover(self, partition: i32) -> anyhow::Result<Recovered> {
        let snapshots = self.read_snapshots(partition).await.context("reading snapshots")?;
        let positions = snapshots.values().filter_map(|parts| parts.first());
        let decisions_from = positions.clone().map(|part| part.decisions_next).min();
        let inputs_from = positions.map(|part| part.positions).fold(None, lowest);
        let known = newest_holder(&snapshots);
        let (holder, decisions) =
            self.claim(partition, decisions_from, known).await.context("claiming the partition")?;
        let mut driver = Driver::new(partition, self.partitions, known);
        for parts in snapshots.into_values() {
            driver.restore(parts);
        }
        let from = inputs_from.unwrap_or_default();
        driver.start_at(from.acks, from.telemetry);
        let mut registry = ReplayRegistry::default();
        self.gather(partition, from, inputs_from.is_none(), &mut driver, &mut registry)
            .await
            .context("gathering inputs")?;
        let mut decisions_next = decisions_from.unwrap_or(0);
        let mut replayed = 0;
        for (offset, record) in decisions {
            decisions_next = offset + 1;
            if let Standing::Counts { decision, difference } =
                driver.read_decision(record, &mut registry)
            {
                replayed += 1;
                report_difference(partition, offset, &decision.root, difference.as_deref());
            }
        }
        metrics::count_replayed(replayed);
        tracing::info!(
            partition,
            epoch = holder.epoch,
            trees = driver.tree_count(),
            replayed,
            "recovered: the partition is ours"
        );
        let registry = registry.into_latest();
        Ok(Recovered { partition, driver, holder, decisions_next, registry })
    }

    async fn read_snapshots(&self, partition: i32) -> anyhow::Result<Snapshots> {
        let mut parts: BTreeMap<(FeederId, i64), BTreeMap<i32, SnapshotPart>> = BTreeMap::new();
        let from = [(Topic::Snapshots, partition, Start::Beginning)];
        read_to_end(&self.log, &from, |record| {
            match SnapshotPart::decode(&record.value) {
                Ok(part) => {
                    let key = (part.root.clone(), part.number);
                    parts.entry(key).or_default().insert(part.part, part);
                }
                // Written by a newer version, or broken: recovery then starts further back.
                Err(error) => tracing::warn!(%error, offset = record.offset, "unreadable snapshot"),
            }
            anyhow::Ok(())
        })
        .await?;
        let mut newest = Snapshots::new();
        for ((root, _), parts) in parts {
            let expected = parts.values().next().map_or(0, |part| part.parts);
            let whole = i32::try_from(parts.len()) == Ok(expected);
            let parts: Vec<SnapshotPart> = parts.into_values().collect();
            // Numbers rise, so a later whole one replaces an earlier one.
            let one_version = parts.windows(2).all(|pair| pair[0].version == pair[1].version);
            if whole && one_version {
                newest.insert(root, parts);
            }
        }
        Ok(newest)
    }

    /// Appends a claim that stands, and gives every record up to it, from `from` on.
    async fn claim(
        &self,
        partition: i32,
        from: Option<i64>,
        known: Option<Holder>,
    ) -> anyhow::Result<(Holder, Vec<(i64, LedgerRecord)>)> {
        let writer = Uuid::new_v4();
        for _ in 0..CLAIM_TRIES_MAX {
            let start = from.map_or(Start::Beginning, Start::Offset);
            let before = self.read_decisions(partition, start).await?;
            let mut ledger = Ledger::resume(known);
            before.iter().for_each(|(_, record)| drop(ledger.read(record.clone())));
            let epoch = ledger.holder().map_or(0, |holder| holder.epoch) + 1;
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
            let records = self.read_decisions(partition, start).await?;
            let ours = Holder { epoch, writer };
            let mut ledger = Ledger::resume(known);
            let stands = records
                .iter()
                .any(|(_, record)| ledger.read(record.clone()) == Verdict::Claimed(ours));
            if stands && ledger.holder() == Some(ours) {
                return Ok((ours, records));
            }
            tracing::info!(partition, epoch, "another instance claimed the partition first");
        }
        anyhow::bail!(
            "another instance claimed partition {partition} first, {CLAIM_TRIES_MAX} times"
        )
    }

    async fn read_decisions(
        &self,
        partition: i32,
        start: Start,
    ) -> anyhow::Result<Vec<(i64, LedgerRecord)>> {
        let mut records = Vec::new();
        read_to_end(&self.log, &[(Topic::Decisions, partition, start)], |record| {
            match LedgerRecord::decode(&record.value) {
                Ok(decoded) => records.push((record.offset, decoded)),
                Err(error) => metrics::count_poison(&record, &error),
            }
            anyhow::Ok(())
        })
        .await?;
        Ok(records)
    }

    /// Gathers telemetry and acks from where the snapshots stand, and all of `operator.v1`.
    async fn gather(
        &self,
        partition: i32,
        from: Positions,
        from_beginning: bool,
        driver: &mut Driver,
        registry: &mut ReplayRegistry,
    ) -> anyhow::Result<()> {
        let start = |offset| if from_beginning { Start::Beginning } else { Start::Offset(offset) };
        let inputs = [
            (Topic::Acks, partition, start(from.acks)),
            (Topic::Telemetry, partition, start(from.telemetry)),
            (Topic::Operator, 0, Start::Beginning),
        ];
        read_to_end(&self.log, &inputs, |record| {
            match record.topic {
                Topic::Operator => match OperatorRecord::decode(&record.value) {
                    Ok(decoded) => registry.gather(record.offset, decoded),
                    Err(error) => metrics::count_poison(&record, &error),
                },
                _ => gather_input(driver, &record),
            }
            anyhow::Ok(())
        })
        .await
    }
}

/// Hands a record of telemetry or acks to the driver. One that cannot be read is counted and passed over.
pub fn gather_input(driver: &mut Driver, record: &LogRecord) {
    let root = std::str::from_utf8(&record.key).ok().and_then(|key| FeederId::new(key).ok());
    let telemetry = record.topic == Topic::Telemetry;
    let Some(root) = root else {
        metrics::count_poison(record, &"its key is no feeder id");
        return driver.skip(record.offset, telemetry);
    };
    if telemetry {
        match Telemetry::decode(&record.value) {
            Ok(sample) => driver.gather_telemetry(&root, record.offset, sample),
            Err(error) => {
                metrics::count_poison(record, &error);
                driver.skip(record.offset, true);
            }
        }
    } else {
        match Ack::decode(&record.value) {
            Ok(ack) => driver.gather_ack(&root, record.offset, ack),
            Err(error) => {
                metrics::count_poison(record, &error);
                driver.skip(record.offset, false);
            }
        }
    }
}

/// Says where the log and this core differ; the log wins.
pub fn report_difference(partition: i32, offset: i64, root: &FeederId, difference: Option<&str>) {
    if let Some(difference) = difference {
        metrics::count_difference();
        tracing::warn!(partition, offset, %root, difference, "replay differs from the log; the log wins");
    }
}

fn lowest(lowest: Option<Positions>, next: Positions) -> Option<Positions> {
    Some(lowest.map_or(next, |lowest| Positions {
        acks: lowest.acks.min(next.acks),
        operator: lowest.operator.min(next.operator),
        telemetry: lowest.telemetry.min(next.telemetry),
    }))
}

/// Who held the partition at the earliest place that recovery reads from.
fn newest_holder(snapshots: &Snapshots) -> Option<Holder> {
    snapshots
        .values()
        .filter_map(|parts| parts.first())
        .min_by_key(|part| part.decisions_next)
        .map(|part| Holder { epoch: part.version.epoch, writer: part.writer })
}
