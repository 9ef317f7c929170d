//! The sink: the log into ClickHouse, exactly once, without ever holding control back.
//!
//! A consumer group of its own. Rows carry the log's identity and their place in it; on assignment the sink asks
//! ClickHouse for the highest one of this log and goes on there: in a log that was made anew, at its beginning. A block's
//! name is stored with the group before it is sent, and is its deduplication token: after a crash, or a pause, whoever
//! goes on writes that very block again, and it counts once.
//!
//! Waiting for ClickHouse happens in futures beside the loop: what is assigned is always listened to.

mod block;
#[cfg(test)]
mod extremes;
mod gathered;
mod opening;
mod seen;
mod service;
mod stream;
mod tables;
mod trouble;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use schemas::identity::Lineage;
use schemas::topics::Topic;
use service_kit::clickhouse::why;
use service_kit::clock::{Clock, SystemClock};
use service_kit::doubling::Doubling;
use service_kit::log::{
    Assigned, Assignment, LogRecord, Partitions, Positions, Producer, Reader, Start,
};
use service_kit::pulse::Loop;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use self::block::Limits;
use self::opening::{Opened, open};
use self::service::Store;
use self::stream::{Block, Reading, Ready, Stream};
use self::trouble::{Step, Troubles};
use self::writing::{Writing, Written};
use crate::caps::{RECORDS_PER_TURN_MAX, SINK_BLOCK_BYTES, SINK_BYTES_MAX, SINK_INSERTS_MAX};
use crate::config::Config;
use crate::{metrics, poison};

const GROUP: &str = "sink";
const FLUSH_CHECK: Duration = Duration::from_millis(200);
/// How long storing the rest may take at the end.
const FINISH_MAX: Duration = Duration::from_millis(1_200);
/// The pauses between tries, of whatever ClickHouse or the log does not do.
const PAUSES: Doubling = Doubling::new(Duration::from_millis(250), Duration::from_secs(5));

type Place = (Topic, i32);

/// Runs the sink until `shutdown`.
///
/// # Errors
/// When the settings cannot be used, or the log refuses for good. ClickHouse may be away for as long as it likes.
pub async fn run(
    config: Config,
    producer: Producer,
    partitions: i32,
    lineage: Lineage,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let store = Store::new(&config.sink)?;
    let troubles = Troubles::default();
    tokio::select! {
        () = retry(|| store.migrate(), Step::Tables, &troubles) => {}
        () = shutdown.cancelled() => return Ok(()),
    }
    tracing::info!("the sink's tables are ready");
    let sink = Sink::new(config, store, (producer, partitions, lineage), troubles)?;
    sink.run(shutdown).await
}

struct Sink {
    config: Config,
    store: Store,
    producer: Producer,
    lineage: Lineage,
    assignment: Assignment,
    positions: Positions,
    reader: Reader,
    limits: Limits,
    streams: BTreeMap<Place, Stream>,
    /// Partitions that are being opened.
    opening: BTreeSet<i32>,
    opened: FuturesUnordered<BoxFuture<'static, (Vec<i32>, Vec<Opened>)>>,
    /// Blocks that are being written, and how to abandon each.
    writing: BTreeMap<Place, CancellationToken>,
    written: FuturesUnordered<BoxFuture<'static, Written>>,
    turns: Arc<Semaphore>,
    /// Bytes of the blocks being written.
    bytes: usize,
    /// A record that found no room: nothing is read before it has.
    held: Option<(Place, Ready)>,
    /// Partitions taken away, given back when the last block of them is settled.
    leaving: BTreeSet<i32>,
    troubles: Troubles,
}

impl Sink {
    fn new(
        config: Config,
        store: Store,
        (producer, partitions, lineage): (Producer, i32, Lineage),
        troubles: Troubles,
    ) -> anyhow::Result<Self> {
        let reader = Reader::lasting(&config.log, "sink").context("making the sink's reader")?;
        let place = (GROUP, Topic::Telemetry);
        // Also where the settings give control its partitions: decisions of two that have the same are told apart in the
        // log, rows are not. The group has one sink for each partition, and takes no block's name from another.
        let (assignment, positions) =
            Assignment::with_positions(&config.log, &Partitions::Auto, partitions, place)?;
        let limits = Limits {
            age_ms: i64::try_from(config.sink.max_age.as_millis()).unwrap_or(i64::MAX),
            rows: config.sink.max_rows,
            bytes: SINK_BLOCK_BYTES,
        };
        Ok(Self {
            config,
            store,
            producer,
            lineage,
            assignment,
            positions,
            reader,
            limits,
            streams: BTreeMap::new(),
            opening: BTreeSet::new(),
            opened: FuturesUnordered::new(),
            writing: BTreeMap::new(),
            written: FuturesUnordered::new(),
            turns: Arc::new(Semaphore::new(SINK_INSERTS_MAX)),
            bytes: 0,
            held: None,
            leaving: BTreeSet::new(),
            troubles,
        })
    }

    async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut flush = tokio::time::interval(FLUSH_CHECK);
        // A slow turn must not be followed by a burst of looks: reading comes in between.
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            Loop::Sink.turn();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                assigned = self.assignment.next() => match assigned {
                    Assigned::Gained(partitions) => self.take_on(partitions),
                    Assigned::Lost(partitions) => self.give_up(&partitions)?,
                },
                Some((partitions, opened)) = self.opened.next(), if !self.opened.is_empty() => {
                    self.begin(&partitions, opened)?;
                }
                Some(written) = self.written.next(), if !self.written.is_empty() => {
                    self.settle(&written)?;
                }
                _ = flush.tick() => self.flush_due(),
                record = self.reader.next(), if self.held.is_none() => {
                    self.take(&record?);
                    self.drain()?;
                }
            }
        }
        match timeout(FINISH_MAX, self.finish()).await {
            Ok(Ok(())) => tracing::info!("all records of its partitions are stored"),
            Ok(Err(error)) => tracing::warn!(%error, "the rest is stored by who goes on"),
            Err(_) => tracing::info!("the rest is stored by who goes on"),
        }
        // What is on its way is written again at the next start, and counts once.
        let Self { assignment, positions, .. } = self;
        drop(positions);
        assignment.leave().await;
        Ok(())
    }

    /// Stores what the log holds now, without waiting for blocks to fill or to age: whoever wipes the log after a stop in
    /// good order loses nothing that it had.
    async fn finish(&mut self) -> anyhow::Result<()> {
        let places =
            self.streams.keys().map(|(topic, partition)| (*topic, *partition, Start::Beginning));
        let places: Vec<_> = places.collect();
        let mut unread = self.reader.unread(&places).await?;
        loop {
            unread.retain(|place, end| {
                self.streams.get(place).is_some_and(|stream| stream.next_unread() < *end)
            });
            if unread.is_empty() && self.held.is_none() {
                self.flush_all();
                if self.writing.is_empty() {
                    return Ok(());
                }
            }
            Loop::Sink.turn();
            tokio::select! {
                biased;
                Some(written) = self.written.next(), if !self.written.is_empty() => {
                    self.settle(&written)?;
                }
                record = self.reader.next(), if self.held.is_none() && !unread.is_empty() => {
                    self.take(&record?);
                    self.drain()?;
                }
            }
        }
    }

    /// Writes every block that can be written now, whatever its age.
    fn flush_all(&mut self) {
        let now = SystemClock.now();
        self.write_of_each(|stream| stream.take_due(now).or_else(|| stream.take_early()));
    }

    /// Takes what is there already.
    fn drain(&mut self) -> anyhow::Result<()> {
        for _ in 0..RECORDS_PER_TURN_MAX {
            if self.held.is_some() {
                return Ok(());
            }
            match self.reader.next().now_or_never() {
                Some(record) => self.take(&record?),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Takes a record in, or holds it where there is no room: then nothing further is read.
    fn take(&mut self, record: &LogRecord) {
        let place = (record.topic, record.partition);
        let Some(stream) = self.streams.get_mut(&place) else { return };
        match stream.read(record) {
            Reading::Row(ready) => {
                self.held = Some((place, ready));
                self.push_held();
            }
            Reading::Nothing => {}
            Reading::Again => metrics::count_duplicate(record.topic),
            Reading::Void(void) => metrics::count_void(void, record.partition, record.offset),
            Reading::Poison(error) => poison::report(&self.producer, record, &error),
        }
    }

    /// Adds the held record to its block, as soon as there is room.
    fn push_held(&mut self) {
        let Some((place, ready)) = self.held.take() else { return };
        let open: usize = self.streams.values().map(Stream::bytes).sum();
        let crowded = self.bytes + open > SINK_BYTES_MAX;
        let Some(stream) = self.streams.get_mut(&place) else { return };
        if stream.must_write_before(&ready) {
            if stream.is_writing() {
                self.held = Some((place, ready));
                return;
            }
            let block = stream.take_block();
            stream.push(ready, SystemClock.now());
            self.write(block);
        } else if crowded && !self.written.is_empty() {
            self.held = Some((place, ready));
        } else {
            stream.push(ready, SystemClock.now());
        }
        if crowded {
            self.write_largest();
        }
    }

    /// Makes room by writing a block before its time.
    fn write_largest(&mut self) {
        let idle = self.streams.values_mut().filter(|stream| !stream.is_writing());
        let block = idle.max_by_key(|stream| stream.bytes()).and_then(Stream::take_early);
        self.write(block);
    }

    fn flush_due(&mut self) {
        let now = SystemClock.now();
        self.write_of_each(|stream| stream.take_due(now));
        self.push_held();
    }

    fn write_of_each(&mut self, take: impl FnMut(&mut Stream) -> Option<Block>) {
        let blocks: Vec<_> = self.streams.values_mut().map(take).collect();
        for block in blocks {
            self.write(block);
        }
    }

    fn write(&mut self, block: Option<Block>) {
        let Some(block) = block else { return };
        let place = (block.topic, block.partition);
        let abandoned = CancellationToken::new();
        self.writing.insert(place, abandoned.clone());
        self.bytes += block.bytes;
        let writing = Writing {
            block,
            store: self.store.clone(),
            positions: self.positions.clone(),
            log: self.lineage.current(),
            turns: Arc::clone(&self.turns),
            troubles: self.troubles.clone(),
            abandoned,
        };
        self.written.push(writing.run().boxed());
    }

    fn settle(&mut self, written: &Written) -> anyhow::Result<()> {
        let place = (written.topic, written.partition);
        self.bytes -= written.bytes;
        self.writing.remove(&place);
        if written.done
            && let Some(stream) = self.streams.get_mut(&place)
        {
            stream.written();
        }
        self.push_held();
        self.release()
    }

    fn take_on(&mut self, partitions: Vec<i32>) {
        self.opening.extend(&partitions);
        let (store, positions) = (self.store.clone(), self.positions.clone());
        let (log, lineage) = (self.config.log.clone(), self.lineage.clone());
        let troubles = self.troubles.clone();
        self.opened.push(
            async move {
                let open = || open(&store, &positions, &log, &lineage, &partitions);
                let opened = retry(open, Step::Positions, &troubles).await;
                (partitions, opened)
            }
            .boxed(),
        );
    }

    /// Begins with streams, where the partition is still this sink's.
    fn begin(&mut self, partitions: &[i32], opened: Vec<Opened>) -> anyhow::Result<()> {
        let mut places = Vec::new();
        for Opened { kept, partition, resume, from } in opened {
            let topic = kept.topic;
            let place = (topic, partition);
            if !self.opening.contains(&partition) || self.streams.contains_key(&place) {
                continue;
            }
            let at = resume.at;
            tracing::info!(topic = topic.suffix(), partition, at, "the sink takes a partition on");
            let lineage = Some(self.lineage.clone());
            self.streams.insert(place, Stream::new(kept, partition, self.limits, resume, lineage));
            places.push((topic, partition, Start::Offset(from)));
        }
        for partition in partitions {
            self.opening.remove(partition);
        }
        Ok(self.reader.add(&places)?)
    }

    /// Works on these partitions no longer; gives them back once nothing of them is on its way any more.
    fn give_up(&mut self, partitions: &[i32]) -> anyhow::Result<()> {
        let lost: Vec<Place> = self
            .streams
            .keys()
            .filter(|(_, partition)| partitions.contains(partition))
            .copied()
            .collect();
        for place in &lost {
            self.streams.remove(place);
            if let Some(abandoned) = self.writing.get(place) {
                abandoned.cancel();
            }
        }
        if self.held.as_ref().is_some_and(|(place, _)| lost.contains(place)) {
            self.held = None;
        }
        self.opening.retain(|partition| !partitions.contains(partition));
        self.leaving.extend(partitions);
        self.reader.remove(&lost)?;
        self.release()
    }

    fn release(&mut self) -> anyhow::Result<()> {
        let busy = |partition: &i32| self.writing.keys().any(|(_, of)| of == partition);
        let free: Vec<i32> =
            self.leaving.iter().copied().filter(|partition| !busy(partition)).collect();
        // All at once: the group waits for the last of them anyway.
        if free.is_empty() || free.len() < self.leaving.len() {
            return Ok(());
        }
        self.leaving.clear();
        Ok(self.assignment.release(&free)?)
    }
}

/// Tries until it works: ClickHouse may come later than we do.
async fn retry<T, F>(attempt: impl Fn() -> F, step: Step, troubles: &Troubles) -> T
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut pauses = PAUSES;
    loop {
        match attempt().await {
            Ok(value) => {
                troubles.over(step, SystemClock.now());
                return value;
            }
            Err(error) => {
                let what = step.as_str();
                metrics::count_sink_error(what);
                troubles.failed(step, &error, SystemClock.now());
                tracing::warn!(error = why(error.as_ref()), what, "not yet; trying again");
            }
        }
        tokio::time::sleep(pauses.failed()).await;
    }
}
