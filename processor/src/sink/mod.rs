//! The sink: the log into ClickHouse, exactly once, without ever holding control back.
//!
//! A consumer group of its own. Rows carry their position in the log; on assignment the sink asks ClickHouse for the
//! highest one and goes on there. Blocks are cut by the log alone and carry a deduplication token, so a block written twice
//! counts once.

mod block;
mod rows;
mod seen;
mod service;
mod stream;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{Group, GroupEvent, LogRecord, Reader, Start};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::block::Cut;
use self::service::Store;
use self::stream::{DecisionPositions, Stream, position_table};
use crate::caps::{DEDUP_WINDOW, RECORDS_PER_TURN_MAX};
use crate::config::{Config, Partitions};
use crate::membership::next_event;
use crate::metrics;

const GROUP: &str = "sink";
const FLUSH_CHECK: Duration = Duration::from_millis(200);
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Topics with one partition: they go with the first partition of the others.
const SINGLE: [Topic; 2] = [Topic::Operator, Topic::DeadLetters];
const SPREAD: [Topic; 3] = [Topic::Telemetry, Topic::Acks, Topic::Decisions];

/// Runs the sink until `shutdown`.
///
/// # Errors
/// When the log refuses for good. ClickHouse may be away for as long as it likes.
pub async fn run(
    config: Config,
    partitions: i32,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let store = Store::new(&config.sink);
    let sink = Sink::new(config, store, shutdown.clone())?;
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = sink.run(partitions) => ended,
    }
}

struct Sink {
    config: Config,
    store: Store,
    reader: Reader,
    streams: BTreeMap<(Topic, i32), Stream>,
    cut: Cut,
    shutdown: CancellationToken,
}

impl Sink {
    fn new(config: Config, store: Store, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let reader = Reader::new(&config.log, &[]).context("making the sink's reader")?;
        let cut = Cut {
            age_ms: i64::try_from(config.sink.max_age.as_millis()).unwrap_or(i64::MAX),
            rows: i64::try_from(config.sink.max_rows).unwrap_or(i64::MAX),
        };
        Ok(Self { config, store, reader, streams: BTreeMap::new(), cut, shutdown })
    }

    async fn run(mut self, partitions: i32) -> anyhow::Result<()> {
        let migrated = retry(|| self.store.migrate(), "migrations");
        migrated.await;
        tracing::info!("the sink's tables are ready");
        let mut group = match &self.config.partitions {
            Partitions::Auto => Some(Group::join(&self.config.log, GROUP, Topic::Telemetry)?),
            Partitions::All => {
                self.take_on((0..partitions).collect()).await?;
                None
            }
            Partitions::These(these) => {
                self.take_on(these.clone()).await?;
                None
            }
        };
        let mut flush = tokio::time::interval(FLUSH_CHECK);
        // A slow write must not be followed by a burst of looks: reading comes in between.
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(()),
                event = next_event(&mut group) => match event? {
                    GroupEvent::Assigned(partitions) => self.take_on(partitions).await?,
                    GroupEvent::Revoked(partitions) => self.give_up(&partitions)?,
                },
                _ = flush.tick() => self.flush_due().await,
                record = self.reader.next() => {
                    self.take(&record?).await;
                    self.drain().await?;
                }
            }
        }
    }

    /// Takes what is there already.
    async fn drain(&mut self) -> anyhow::Result<()> {
        for _ in 0..RECORDS_PER_TURN_MAX {
            match self.reader.next().now_or_never() {
                Some(record) => self.take(&record?).await,
                None => break,
            }
        }
        Ok(())
    }

    /// Takes a record in. A block that is full is written first, however long ClickHouse is away.
    async fn take(&mut self, record: &LogRecord) {
        let Some(stream) = self.streams.get_mut(&(record.topic, record.partition)) else { return };
        let Some(ready) = stream.read(record) else { return };
        let mut wait = RETRY_FIRST;
        while stream.must_write_before(&ready) {
            if let Err(error) = stream.write(&self.store).await {
                wait = wait_out(&error, wait).await;
            }
        }
        stream.push(ready);
    }

    async fn take_on(&mut self, partitions: Vec<i32>) -> anyhow::Result<()> {
        for partition in partitions {
            let single = SINGLE.iter().filter(|_| partition == 0);
            for topic in SPREAD.iter().chain(single) {
                self.resume(*topic, partition).await?;
            }
        }
        Ok(())
    }

    /// Goes on where ClickHouse says that a topic partition was left.
    async fn resume(&mut self, topic: Topic, partition: i32) -> anyhow::Result<()> {
        if self.streams.contains_key(&(topic, partition)) {
            return Ok(());
        }
        let stored = self.stored(position_table(topic), partition).await;
        let decisions = if topic == Topic::Decisions {
            DecisionPositions {
                devices: self.stored("decision_devices", partition).await,
                setpoints: self.stored("setpoints", partition).await,
            }
        } else {
            DecisionPositions { devices: -1, setpoints: -1 }
        };
        let resume = stored + 1;
        // What was seen before is read again, so that duplicates of it are known.
        let window = i64::try_from(DEDUP_WINDOW).unwrap_or(i64::MAX);
        let (first, _) = self.reader.bounds(topic, partition).await?;
        let from = (resume - window).max(first).max(0);
        tracing::info!(topic = topic.suffix(), partition, resume, "the sink takes a partition on");
        let stream = Stream::new(topic, partition, self.cut, resume, decisions);
        self.streams.insert((topic, partition), stream);
        Ok(self.reader.add(&[(topic, partition, Start::Offset(from))])?)
    }

    async fn stored(&self, table: &'static str, partition: i32) -> i64 {
        let positions = retry(|| self.store.positions(table), "positions").await;
        positions.get(&partition).copied().unwrap_or(-1)
    }

    fn give_up(&mut self, partitions: &[i32]) -> anyhow::Result<()> {
        let lost: Vec<(Topic, i32)> = self
            .streams
            .keys()
            .filter(|(_, partition)| partitions.contains(partition))
            .copied()
            .collect();
        for place in &lost {
            self.streams.remove(place);
        }
        Ok(self.reader.remove(&lost)?)
    }

    async fn flush_due(&mut self) {
        let now = SystemClock.now();
        for stream in self.streams.values_mut() {
            if stream.due().is_some_and(|due| due <= now)
                && let Err(error) = stream.write(&self.store).await
            {
                // The block stays open; the next look tries again.
                metrics::count_sink_error("write");
                tracing::warn!(error = format!("{error:#}"), "ClickHouse did not take a block");
                break;
            }
        }
    }
}

async fn wait_out(error: &anyhow::Error, wait: Duration) -> Duration {
    metrics::count_sink_error("write");
    tracing::warn!(
        error = format!("{error:#}"),
        ?wait,
        "ClickHouse did not take a block; trying again"
    );
    tokio::time::sleep(wait).await;
    (wait * 2).min(RETRY_MAX)
}

/// Tries until it works: ClickHouse may come later than we do.
async fn retry<T, F>(attempt: impl Fn() -> F, what: &'static str) -> T
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut wait = RETRY_FIRST;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => {
                metrics::count_sink_error(what);
                tracing::warn!(
                    error = format!("{error:#}"),
                    what,
                    "ClickHouse is away; trying again"
                );
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
}
