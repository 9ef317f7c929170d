//! Recovery is replay: snapshots, then the log after them, compared decision by decision; a claim in between makes the
//! partition ours.

use std::time::Duration;

use anyhow::Context;
use schemas::FeederId;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::Holder;
use schemas::records::decision::{Claim, LedgerRecord};
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{LogConfig, LogRecord, Outgoing, Producer, Reader, Start};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::caps::{CLAIM_TRIES_MAX, FOLLOW_EVERY};
use crate::driver::{Driver, RegistryAt};
use crate::followed::{Followed, read_decisions};
use crate::metrics;
use crate::patience::Patience;
use crate::rebuild::{gather, next_epoch, stands};

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
    /// Which log it is.
    pub lineage: Option<Lineage>,
}

impl<C: Clock> Recovery<C> {
    /// Claims a partition and brings its trees to where the log stands.
    ///
    /// # Errors
    /// When the log does not answer, or other instances are faster again and again.
    pub async fn recover(self, partition: i32) -> anyhow::Result<Recovered> {
        let started = Instant::now();
        let reader = Reader::for_whole_partitions(&self.log).context("making the reader")?;
        let followed = self.begin(&reader, partition).await?;
        self.take_over(&reader, followed, started).await
    }

    /// Follows a partition that others hold, until `wanted`; then claims it. Nothing is left to replay by then but what
    /// the log has had since the last look.
    ///
    /// # Errors
    /// When the log does not answer once it is wanted, or other instances are faster again and again.
    pub async fn stand_by(
        self,
        partition: i32,
        mut wanted: oneshot::Receiver<()>,
    ) -> anyhow::Result<Recovered> {
        let reader = Reader::for_whole_partitions(&self.log).context("making the reader")?;
        let mut followed = None;
        let mut follows = false;
        loop {
            let step = async {
                let mut known = match followed.take() {
                    Some(known) => known,
                    None => self.begin(&reader, partition).await?,
                };
                known.read_on(&reader).await?;
                anyhow::Ok(known)
            };
            match step.await {
                Ok(known) => {
                    if !std::mem::replace(&mut follows, true) {
                        tracing::info!(partition, "standing by");
                    }
                    followed = Some(known);
                }
                // What was half read is not known for sure: it begins again.
                Err(error) => {
                    tracing::warn!(partition, error = format!("{error:#}"), "following failed");
                }
            }
            match tokio::time::timeout(FOLLOW_EVERY, &mut wanted).await {
                Err(_) => {}
                Ok(Ok(())) => break,
                Ok(Err(_)) => anyhow::bail!("partition {partition} is not wanted any more"),
            }
        }
        match followed {
            Some(followed) => self.take_over(&reader, followed, Instant::now()).await,
            None => self.recover(partition).await,
        }
    }

    /// Leaves a partition to the one that took it over, and claims it again when nobody decides for its trees any more.
    ///
    /// # Errors
    /// When the log does not answer, or other instances are faster again and again.
    pub async fn stand_back(self, partition: i32, patience: Patience) -> anyhow::Result<Recovered> {
        let reader = Reader::for_whole_partitions(&self.log).context("making the reader")?;
        let mut followed = self.begin(&reader, partition).await?;
        loop {
            followed.read_on(&reader).await?;
            if followed.worked_on.elapsed() >= millis(patience.silence_ms) {
                if followed.has_trees() {
                    break;
                }
                followed.worked_on = Instant::now();
            }
            tokio::time::sleep(millis(patience.every_ms)).await;
        }
        tracing::warn!(partition, "nobody decides here any more: taking the partition back");
        self.take_over(&reader, followed, Instant::now()).await
    }

    async fn begin(&self, reader: &Reader, partition: i32) -> anyhow::Result<Followed> {
        Followed::begin(reader, partition, self.partitions, self.lineage.clone()).await
    }

    /// Claims a partition that is known as far as a moment ago, for a recovery that began at `started`.
    async fn take_over(
        &self,
        reader: &Reader,
        mut followed: Followed,
        started: Instant,
    ) -> anyhow::Result<Recovered> {
        let partition = followed.partition;
        let (holder, records) =
            self.claim(reader, &mut followed).await.context("claiming the partition")?;
        let replayed = followed.take_in(reader, records).await?;
        metrics::observe_recovery(started.elapsed().as_secs_f64());
        tracing::info!(
            partition,
            epoch = holder.epoch,
            trees = followed.driver.tree_count(),
            replayed,
            took = ?started.elapsed(),
            "recovered: the partition is ours"
        );
        let Followed { driver, registry, decisions, .. } = followed;
        let decisions_next = match decisions {
            Start::Offset(next) => next,
            _ => 0,
        };
        Ok(Recovered {
            partition,
            driver,
            holder,
            decisions_next,
            registry: registry.into_latest(),
        })
    }

    /// Appends a claim that stands, and gives every record up to it.
    async fn claim(
        &self,
        reader: &Reader,
        followed: &mut Followed,
    ) -> anyhow::Result<(Holder, Vec<(i64, LedgerRecord)>)> {
        let (partition, known) = (followed.partition, followed.driver.ledger().clone());
        let writer = Uuid::new_v4();
        let start = &mut followed.decisions;
        let mut records = Vec::new();
        read_decisions(reader, partition, start, &mut records).await?;
        for _ in 0..CLAIM_TRIES_MAX {
            let epoch = next_epoch(&known, &records);
            let claim = Claim {
                epoch,
                writer,
                at: self.clock.now(),
                name: format!("process {}", std::process::id()),
                log: self.lineage.as_ref().map(Lineage::current),
            };
            let outgoing = Outgoing {
                topic: Topic::Decisions,
                partition,
                key: "claim".to_owned(),
                value: LedgerRecord::Claim(claim).encode(),
            };
            self.producer.append(&outgoing, self.append_timeout).await?;
            read_decisions(reader, partition, start, &mut records).await?;
            let ours = Holder { epoch, writer };
            if stands(&known, ours, &records) {
                return Ok((ours, records));
            }
            tracing::info!(partition, epoch, "another instance claimed the partition first");
        }
        anyhow::bail!(
            "another instance claimed partition {partition} first, {CLAIM_TRIES_MAX} times"
        )
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
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
