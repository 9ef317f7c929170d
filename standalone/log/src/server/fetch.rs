//! Records out. Who finds nothing waits until a record comes, without asking again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tansu_sans_io::fetch_request::FetchPartition;
use tansu_sans_io::fetch_response::{FetchableTopicResponse, PartitionData};
use tansu_sans_io::record::deflated;
use tansu_sans_io::{ErrorCode, FetchRequest, FetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use crate::metrics;
use crate::store::batch::{HEADER_BYTES, Header};
use crate::store::{Partition, ReadError};

/// Bytes of records in an answer, whatever the client would take.
const ANSWER_BYTES_MAX: usize = 8 << 20;
const WAIT_MAX_MS: i32 = 30_000;

/// Answers at once when there is enough or an error; else when there is, or the client's patience ends.
pub(super) async fn fetch(shared: &Shared, request: &FetchRequest) -> FetchResponse {
    let wait = u64::try_from(request.max_wait_ms.clamp(0, WAIT_MAX_MS)).unwrap_or(0);
    let deadline = Instant::now() + Duration::from_millis(wait);
    let least = usize::try_from(request.min_bytes).unwrap_or(0);
    let (mut read, mut enough) = read(shared, request, least);
    if !enough && wait > 0 {
        let waiting = Waiting::at(shared, request);
        loop {
            // What came between the look and the wait must not be missed.
            (read, enough) = self::read(shared, request, least);
            if enough || timeout_at(deadline, waiting.notify.notified()).await.is_err() {
                break;
            }
            waiting.again();
        }
    }
    FetchResponse::default()
        .throttle_time_ms(Some(0))
        .error_code(Some(ErrorCode::None.into()))
        .session_id(Some(0))
        .responses(Some(read))
}

/// A waiting reader's place at its partitions.
struct Waiting {
    notify: Arc<Notify>,
    partitions: Vec<Arc<Partition>>,
}

impl Waiting {
    fn at(shared: &Shared, request: &FetchRequest) -> Self {
        let mut partitions = Vec::new();
        for topic in request.topics.iter().flatten() {
            let name = topic.topic.as_deref().unwrap_or_default();
            let indexes = topic.partitions.iter().flatten().map(|one| one.partition);
            partitions.extend(indexes.filter_map(|index| shared.store.partition(name, index)));
        }
        let waiting = Self { notify: Arc::new(Notify::new()), partitions };
        waiting.again();
        waiting
    }

    fn again(&self) {
        self.partitions.iter().for_each(|one| one.waiters.add(&self.notify));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.partitions.iter().for_each(|one| one.waiters.remove(&self.notify));
    }
}

/// What there is, and whether the client should have it now.
fn read(
    shared: &Shared,
    request: &FetchRequest,
    least: usize,
) -> (Vec<FetchableTopicResponse>, bool) {
    let whole = request.max_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let mut room = whole.unwrap_or(ANSWER_BYTES_MAX).min(ANSWER_BYTES_MAX);
    let (mut bytes, mut failed) = (0, false);
    let mut topics = Vec::new();
    for topic in request.topics.iter().flatten() {
        let name = topic.topic.as_deref().unwrap_or_default();
        let mut partitions = Vec::new();
        for asked in topic.partitions.iter().flatten() {
            let (data, taken) = partition(shared, name, asked, room, bytes == 0);
            failed |= data.error_code != i16::from(ErrorCode::None);
            bytes += taken;
            room = room.saturating_sub(taken);
            partitions.push(data);
        }
        let answer = FetchableTopicResponse::default().topic(Some(name.to_owned()));
        topics.push(answer.partitions(Some(partitions)));
    }
    // Nothing asked for is nothing to wait for.
    let enough = failed || topics.is_empty() || (bytes >= least && (bytes > 0 || least == 0));
    (topics, enough)
}

/// One partition's part of the answer, and its bytes. The first may be larger than there is room, so that a large batch
/// passes.
fn partition(
    shared: &Shared,
    topic: &str,
    asked: &FetchPartition,
    room: usize,
    first: bool,
) -> (PartitionData, usize) {
    let data = PartitionData::default()
        .partition_index(asked.partition)
        .high_watermark(-1)
        .last_stable_offset(Some(-1))
        .log_start_offset(Some(-1))
        .aborted_transactions(Some(Vec::new()))
        .preferred_read_replica(Some(-1))
        .records(None);
    let Some(partition) = shared.store.partition(topic, asked.partition) else {
        return (data.error_code(ErrorCode::UnknownTopicOrPartition.into()), 0);
    };
    let most = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(room);
    let read =
        if first || room > 0 { partition.read(asked.fetch_offset, most) } else { Ok(Vec::new()) };
    let bounds = partition.bounds();
    let data = data
        .high_watermark(bounds.next)
        .last_stable_offset(Some(bounds.next))
        .log_start_offset(Some(bounds.start));
    match read {
        Ok(batches) => {
            let fits = |bytes: usize| first || bytes <= room;
            let bytes = batches.iter().map(|(header, _)| header.bytes).sum();
            if batches.is_empty() || !fits(bytes) {
                return (data.error_code(ErrorCode::None.into()), 0);
            }
            let batches = batches.into_iter().map(|(header, bytes)| deflated(&header, &bytes));
            let records = deflated::Frame { batches: batches.collect() };
            (data.error_code(ErrorCode::None.into()).records(Some(records)), bytes)
        }
        Err(ReadError::OutOfRange) => (data.error_code(ErrorCode::OffsetOutOfRange.into()), 0),
        Err(ReadError::Damaged(damage)) => {
            metrics::DAMAGED.inc();
            tracing::error!(%damage, "the log cannot be read");
            (data.error_code(ErrorCode::CorruptMessage.into()), 0)
        }
    }
}

/// The batch in the codec's form.
fn deflated(header: &Header, bytes: &Bytes) -> deflated::Batch {
    deflated::Batch {
        base_offset: header.base_offset,
        batch_length: i32::try_from(header.bytes).unwrap_or(0) - 12,
        partition_leader_epoch: 0,
        magic: 2,
        crc: header.crc,
        attributes: header.attributes,
        last_offset_delta: header.last_offset_delta,
        base_timestamp: header.base_timestamp,
        max_timestamp: header.max_timestamp,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        record_count: header.records,
        record_data: bytes.slice(HEADER_BYTES..),
    }
}
