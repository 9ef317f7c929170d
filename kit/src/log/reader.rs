//! Reads partitions that it is told to read, from where it is told, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use prometheus::IntGaugeVec;
use rdkafka::ClientContext;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::{Offset, TopicPartitionList};
use schemas::Timestamp;
use schemas::codec::Newer;
use schemas::log::{LogRecord, ReadFrom, Start};
use schemas::topics::Topic;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::LogConfig;
use super::closing::Closing;
use super::producer::VERSION_HEADER;
use crate::metrics::gauges;

const WATERMARK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a partition's bounds are asked for again.
const BOUNDS_PATIENCE: Duration = Duration::from_secs(15);
/// A partition that is at its end, and gives nothing for so long, has no further record.
const QUIET_END: Duration = Duration::from_secs(3);
/// How often a lasting reader says how far it is behind, ms.
const STATISTICS_MS: &str = "5000";
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Why the log cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The log or its client refuses for good.
    #[error("reading the log: {0}")]
    Log(#[from] KafkaError),
    /// It holds what this program does not know.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// It is not the log that was being read.
    #[error(
        "{}, partition {partition}: after offset {last} came offset {found}. The log was made anew while it was read; \
         this program begins again with the new one when it is started again", topic.suffix()
    )]
    MadeAnew {
        /// Which topic.
        topic: Topic,
        /// Which partition.
        partition: i32,
        /// The last offset before.
        last: i64,
        /// The one that followed.
        found: i64,
    },
}

impl ReadError {
    /// Whether reading on is of no use: the program has to end, and to be started again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Log(_) => false,
            Self::Newer(_) | Self::MadeAnew { .. } => true,
        }
    }

    /// Whether one of an error's causes is such a one.
    #[must_use]
    pub fn ends(error: &anyhow::Error) -> bool {
        error.chain().filter_map(|cause| cause.downcast_ref::<Self>()).any(Self::is_final)
    }
}

/// What reading gives.
enum Read {
    Record(LogRecord),
    /// A partition of this number has been read to its end; of which topic is not said.
    End(i32),
}

/// Says less than the client library would: it takes the end of a partition for an error.
struct Quiet(&'static str);

static LAG: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    gauges(
        "derms_log_lag_records",
        "records of the log that a reader has still to read",
        &["reader", "topic", "partition"],
    )
});

impl ClientContext for Quiet {
    fn stats(&self, statistics: Statistics) {
        for (name, topic) in &statistics.topics {
            for (partition, state) in &topic.partitions {
                // -1 stands for the client library's own bookkeeping, a negative offset for none known. The library's
                // own lag is behind what was committed, and readers that keep their place elsewhere commit nothing.
                let read = if state.app_offset >= 0 { state.app_offset } else { state.next_offset };
                let known = *partition >= 0 && read >= 0 && state.hi_offset >= read;
                if known {
                    LAG.with_label_values(&[self.0, name, &partition.to_string()])
                        .set(state.hi_offset - read);
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::PartitionEOF(_))
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF)
        {
            tracing::warn!(%error, reason, "the log client");
        }
    }
}

impl ConsumerContext for Quiet {}

/// Reads partitions assigned by hand.
pub struct Reader {
    consumer: Arc<Closing<StreamConsumer<Quiet>>>,
    config: LogConfig,
    /// The last offset read of each partition since it was assigned.
    last: Mutex<BTreeMap<(Topic, i32), i64>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("brokers", &self.config.brokers).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader of these partitions.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn new(config: &LogConfig, partitions: &[(Topic, i32, Start)]) -> Result<Self, ReadError> {
        Self::open(config, partitions, false, "")
    }

    /// The same for a reader that reads on and on: how far it is behind is a metric, under this name.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn lasting(config: &LogConfig, name: &'static str) -> Result<Self, ReadError> {
        Self::open(config, &[], false, name)
    }

    /// One for [`Reader::read_to_end`], as often as it takes: each further one would cost a connection.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn for_whole_partitions(config: &LogConfig) -> Result<Self, ReadError> {
        Self::open(config, &[], true, "")
    }

    fn open(
        config: &LogConfig,
        partitions: &[(Topic, i32, Start)],
        tells_ends: bool,
        name: &'static str,
    ) -> Result<Self, ReadError> {
        // The group is never joined; the client library wants a name.
        let consumer: StreamConsumer<Quiet> = config
            .consumer()
            .set("group.id", "derms-unjoined")
            .set("enable.partition.eof", tells_ends.to_string())
            .set("statistics.interval.ms", if name.is_empty() { "0" } else { STATISTICS_MS })
            .create_with_context(Quiet(name))?;
        let reader = Self {
            consumer: Arc::new(Closing::new(consumer)),
            config: config.clone(),
            last: Mutex::default(),
        };
        reader.add(partitions)?;
        Ok(reader)
    }

    /// Reads these partitions from now on, and no others.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn assign(&self, partitions: &[(Topic, i32, Start)]) -> Result<(), ReadError> {
        self.forget(partitions.iter().map(|(topic, partition, _)| (*topic, *partition)));
        Ok(self.consumer.assign(&self.list(partitions)?)?)
    }

    /// What was read of these partitions says nothing of what comes.
    fn forget(&self, places: impl Iterator<Item = (Topic, i32)>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        places.for_each(|place| {
            last.remove(&place);
        });
    }

    /// Offsets of a partition rise, unless it is another log's by now.
    fn check_order(&self, topic: Topic, partition: i32, offset: i64) -> Result<(), ReadError> {
        let mut all = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match all.insert((topic, partition), offset) {
            Some(last) if offset <= last => {
                Err(ReadError::MadeAnew { topic, partition, last, found: offset })
            }
            _ => Ok(()),
        }
    }

    /// Reads these partitions too, beside those it reads already.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses, for example one that is being read.
    pub fn add(&self, partitions: &[(Topic, i32, Start)]) -> Result<(), ReadError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.forget(partitions.iter().map(|(topic, partition, _)| (*topic, *partition)));
        Ok(self.consumer.incremental_assign(&self.list(partitions)?)?)
    }

    fn list(&self, partitions: &[(Topic, i32, Start)]) -> Result<TopicPartitionList, ReadError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition, start) in partitions {
            let offset = match start {
                Start::Beginning => Offset::Beginning,
                Start::End => Offset::End,
                Start::Offset(offset) => Offset::Offset(*offset),
            };
            list.add_partition_offset(&self.config.topic_name(*topic), *partition, offset)?;
        }
        Ok(list)
    }

    /// Reads these partitions no longer.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn remove(&self, partitions: &[(Topic, i32)]) -> Result<(), ReadError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(&self.config.topic_name(*topic), *partition);
        }
        Ok(self.consumer.incremental_unassign(&list)?)
    }

    /// The next record. Waits for one; transient failures of the log are waited out.
    ///
    /// # Errors
    /// [`ReadError`] when the log refuses for good.
    pub async fn next(&self) -> Result<LogRecord, ReadError> {
        loop {
            if let Read::Record(record) = self.next_read().await? {
                return Ok(record);
            }
        }
    }

    async fn next_read(&self) -> Result<Read, ReadError> {
        loop {
            match self.consumer.recv().await {
                Ok(message) => {
                    let Some(topic) = Topic::from_name(message.topic(), &self.config.prefix) else {
                        continue;
                    };
                    let (partition, offset) = (message.partition(), message.offset());
                    if !self.config.pass_over_newer {
                        Newer::check(topic, partition, offset, version_of(&message))?;
                    }
                    self.check_order(topic, partition, offset)?;
                    return Ok(Read::Record(LogRecord {
                        topic,
                        partition,
                        offset,
                        timestamp: Timestamp(message.timestamp().to_millis().unwrap_or(0)),
                        key: message.key().unwrap_or_default().to_vec(),
                        value: self
                            .config
                            .framing
                            .incoming(topic, message.payload().unwrap_or_default().to_vec()),
                    }));
                }
                Err(KafkaError::PartitionEOF(partition)) => return Ok(Read::End(partition)),
                Err(error) if is_transient(&error) => {
                    tracing::debug!(%error, "the log is away; waiting");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The first offset there is and the one after the last, of a partition. Transient failures, as of a topic made a
    /// moment ago that has no leader yet, are waited out for some seconds.
    ///
    /// # Errors
    /// [`ReadError`] when the log does not answer within these, or refuses for good.
    pub async fn bounds(&self, topic: Topic, partition: i32) -> Result<(i64, i64), ReadError> {
        let give_up = Instant::now() + BOUNDS_PATIENCE;
        loop {
            let name = self.config.topic_name(topic);
            let consumer = Arc::clone(&self.consumer);
            let asked = tokio::task::spawn_blocking(move || {
                consumer.fetch_watermarks(&name, partition, WATERMARK_TIMEOUT)
            });
            match asked.await.expect("fetching watermarks does not panic") {
                Ok(bounds) => return Ok(bounds),
                Err(error) if is_transient(&error) && Instant::now() < give_up => {
                    tracing::debug!(%error, "the log does not know its bounds yet");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads whole partitions as they stand now, in order within each, and hands every record over. Takes a reader
    /// [for whole partitions](Reader::for_whole_partitions).
    ///
    /// A partition may end before its last record should come: compaction or retention has taken it, and not every log
    /// then moves its bounds. It is left when the log says that there is nothing further, and nothing comes for some
    /// seconds. The log's client says of such an end only the partition's number, so partitions of different topics with
    /// one number are read one after another: the end of one is never taken for that of another.
    ///
    /// # Errors
    /// [`ReadError`], or what `each` gives.
    pub async fn read_to_end<E: From<ReadError>>(
        &self,
        partitions: &[(Topic, i32, Start)],
        mut each: impl FnMut(LogRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let ends = self.unread(partitions).await?;
        let is_unread = |(topic, partition, _): &ReadFrom| ends.contains_key(&(*topic, *partition));
        let places = partitions.iter().copied().filter(is_unread).collect();
        for round in rounds(places) {
            self.assign(&round)?;
            let mut unread = Unread::new(&round, &ends);
            while !unread.is_empty() {
                match timeout(QUIET_END, self.next_read()).await {
                    Ok(Ok(Read::Record(record))) => {
                        if unread.take(&record) {
                            each(record)?;
                        }
                    }
                    Ok(Ok(Read::End(partition))) => unread.end(partition),
                    Ok(Err(error)) => return Err(error.into()),
                    Err(_) => unread.quiet(),
                }
            }
        }
        if ends.is_empty() { Ok(()) } else { Ok(self.assign(&[])?) }
    }

    /// Where the partitions end that have something to read.
    ///
    /// # Errors
    /// [`ReadError`] when the log does not answer, or refuses for good.
    pub async fn unread(
        &self,
        partitions: &[(Topic, i32, Start)],
    ) -> Result<BTreeMap<(Topic, i32), i64>, ReadError> {
        let bounds = partitions.iter().map(|(topic, partition, _)| self.bounds(*topic, *partition));
        let bounds = try_join_all(bounds).await?;
        let mut open = BTreeMap::new();
        for ((topic, partition, start), (first, end)) in partitions.iter().zip(bounds) {
            let from = match start {
                Start::Beginning => first,
                Start::End => end,
                Start::Offset(offset) => *offset,
            };
            if from < end && first < end {
                open.insert((*topic, *partition), end);
            }
        }
        Ok(open)
    }
}

/// Partitions that may be read together: of each number one, in the order of their topics as they were given.
fn rounds(places: Vec<ReadFrom>) -> Vec<Vec<ReadFrom>> {
    let mut rounds: Vec<Vec<ReadFrom>> = Vec::new();
    for place in places {
        let lacks_number =
            |round: &&mut Vec<ReadFrom>| round.iter().all(|(_, other, _)| *other != place.1);
        match rounds.iter_mut().find(lacks_number) {
            Some(round) => round.push(place),
            None => rounds.push(vec![place]),
        }
    }
    rounds
}

/// What is still to be read of partitions of which no two have one number.
#[derive(Debug)]
struct Unread {
    /// The end of each as it stood, by its number.
    open: BTreeMap<i32, i64>,
    /// Those that have given nothing further since the log said that there is nothing.
    ended: BTreeSet<i32>,
}

impl Unread {
    fn new(round: &[ReadFrom], ends: &BTreeMap<(Topic, i32), i64>) -> Self {
        let end = |(topic, partition, _): &ReadFrom| {
            Some((*partition, *ends.get(&(*topic, *partition))?))
        };
        Self { open: round.iter().filter_map(end).collect(), ended: BTreeSet::new() }
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether a record belongs to what is read.
    fn take(&mut self, record: &LogRecord) -> bool {
        self.ended.remove(&record.partition);
        let Some(end) = self.open.get(&record.partition).copied() else { return false };
        let next = record.offset + 1;
        if next >= end {
            self.open.remove(&record.partition);
        }
        next <= end
    }

    /// The log says that a partition has nothing further.
    fn end(&mut self, partition: i32) {
        self.ended.insert(partition);
    }

    /// Nothing has come for some seconds.
    fn quiet(&mut self) {
        self.open.retain(|partition, _| !self.ended.contains(partition));
    }
}

/// The version that a record says it is of; 0 from before records said so.
fn version_of(message: &impl Message) -> u32 {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let versions = headers.filter(|header| header.key == VERSION_HEADER);
    let said = versions.filter_map(|header| std::str::from_utf8(header.value?).ok()?.parse().ok());
    said.max().unwrap_or(0)
}

fn is_transient(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(code) => !matches!(
            code,
            Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Authentication
                | Code::Fatal
        ),
        None => true,
    }
}

/// Reads whole partitions as they stand now: [`Reader::read_to_end`] with a reader of its own.
///
/// # Errors
/// [`ReadError`], or what `each` gives.
pub async fn read_to_end<E: From<ReadError>>(
    config: &LogConfig,
    partitions: &[(Topic, i32, Start)],
    each: impl FnMut(LogRecord) -> Result<(), E>,
) -> Result<(), E> {
    Reader::for_whole_partitions(config)?.read_to_end(partitions, each).await
}

/// Reads whole partitions as they stand, then keeps reading; `caught_up` is called once, in between.
///
/// Ends only with an error; cancel it from outside.
///
/// # Errors
/// [`ReadError`], or what `each` gives.
pub async fn follow<E: From<ReadError>>(
    config: &LogConfig,
    partitions: &[(Topic, i32, Start)],
    mut each: impl FnMut(LogRecord) -> Result<(), E>,
    caught_up: impl FnOnce(),
) -> Result<Infallible, E> {
    let mut next: BTreeMap<(Topic, i32), Start> =
        partitions.iter().map(|(topic, partition, start)| ((*topic, *partition), *start)).collect();
    let starts = |next: &BTreeMap<(Topic, i32), Start>| -> Vec<_> {
        next.iter().map(|((topic, partition), start)| (*topic, *partition, *start)).collect()
    };
    read_to_end(config, partitions, |record| {
        next.insert((record.topic, record.partition), Start::Offset(record.offset + 1));
        each(record)
    })
    .await?;
    caught_up();
    let reader = Reader::new(config, &starts(&next))?;
    loop {
        each(reader.next().await?)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(topic: Topic, partition: i32, offset: i64) -> LogRecord {
        let (key, value) = (Vec::new(), Vec::new());
        LogRecord { topic, partition, offset, timestamp: Timestamp(0), key, value }
    }

    #[test]
    fn a_quiet_topic_does_not_end_an_unread_one_of_the_same_number() {
        let place = |topic| (topic, 3, Start::Beginning);
        let rounds = rounds(vec![place(Topic::Acks), place(Topic::Telemetry)]);
        assert_eq!(rounds, [[place(Topic::Acks)], [place(Topic::Telemetry)]]);
        // The last of the acks is gone from the log, so that only quiet ends them; telemetry is slow to come.
        let ends = BTreeMap::from([((Topic::Acks, 3), 5), ((Topic::Telemetry, 3), 2)]);
        let mut acks = Unread::new(&rounds[0], &ends);
        acks.end(3);
        acks.quiet();
        assert!(acks.is_empty());
        let mut telemetry = Unread::new(&rounds[1], &ends);
        telemetry.quiet();
        assert!(!telemetry.is_empty(), "what has not come is waited for");
        assert!(telemetry.take(&record(Topic::Telemetry, 3, 0)));
        assert!(telemetry.take(&record(Topic::Telemetry, 3, 1)));
        assert!(telemetry.is_empty());
    }

    #[test]
    fn an_end_that_was_followed_by_a_record_is_none() {
        let round = [(Topic::Telemetry, 0, Start::Beginning)];
        let mut unread = Unread::new(&round, &BTreeMap::from([((Topic::Telemetry, 0), 9)]));
        unread.end(0);
        assert!(unread.take(&record(Topic::Telemetry, 0, 3)));
        unread.quiet();
        assert!(!unread.is_empty());
    }

    proptest! {
        #[test]
        fn no_round_has_two_topics_of_one_number_and_none_is_left_out(
            places in prop::collection::btree_set((0..8_usize, 0..4_i32), 0..24),
        ) {
            let places: Vec<ReadFrom> = places
                .into_iter()
                .map(|(topic, number)| (Topic::ALL[topic], number, Start::Beginning))
                .collect();
            let rounds = rounds(places.clone());
            for round in &rounds {
                let numbers: BTreeSet<i32> = round.iter().map(|(_, number, _)| *number).collect();
                prop_assert_eq!(numbers.len(), round.len());
            }
            let mut all: Vec<ReadFrom> = rounds.into_iter().flatten().collect();
            all.sort_by_key(|(topic, number, _)| (*topic, *number));
            prop_assert_eq!(all, places);
        }
    }
}
