//! Records in.

use tansu_sans_io::produce_request::PartitionProduceData;
use tansu_sans_io::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use tansu_sans_io::record::deflated;
use tansu_sans_io::{
    ErrorCode, InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse,
};

use super::Shared;
use crate::metrics;
use crate::store::batch::{self, BadBatch};
use crate::store::{AppendError, Partition};

/// Appends what it brings.
pub(super) fn produce(shared: &Shared, request: ProduceRequest) -> ProduceResponse {
    let transactional = request.transactional_id.is_some();
    let topics = request.topic_data.unwrap_or_default().into_iter().map(|topic| {
        let partitions = topic.partition_data.unwrap_or_default().into_iter().map(|data| {
            let index = data.index;
            let outcome = if transactional {
                Err(ErrorCode::InvalidRequest)
            } else {
                append(shared, &topic.name, data)
            };
            let (error, (offset, start)) = match outcome {
                Ok(offsets) => (ErrorCode::None, offsets),
                Err(error) => (error, (-1, -1)),
            };
            PartitionProduceResponse::default()
                .index(index)
                .error_code(error.into())
                .base_offset(offset)
                .log_append_time_ms(Some(-1))
                .log_start_offset(Some(start))
                .record_errors(Some(Vec::new()))
                .error_message(None)
        });
        let partitions = partitions.collect();
        TopicProduceResponse::default().name(topic.name).partition_responses(Some(partitions))
    });
    ProduceResponse::default().responses(Some(topics.collect())).throttle_time_ms(Some(0))
}

/// The offset of the first record, and where the partition begins.
fn append(
    shared: &Shared,
    topic: &str,
    data: PartitionProduceData,
) -> Result<(i64, i64), ErrorCode> {
    let partition =
        shared.store.partition(topic, data.index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let mut first = None;
    for batch in data.records.map(|records| records.batches).unwrap_or_default() {
        let offset = append_batch(&partition, batch)?;
        first.get_or_insert(offset);
    }
    let first = first.ok_or(ErrorCode::InvalidRecord)?;
    Ok((first, partition.bounds().start))
}

fn append_batch(partition: &Partition, batch: deflated::Batch) -> Result<i64, ErrorCode> {
    let mut bytes = Vec::from(bytes::Bytes::from(batch));
    let header = batch::check_produced(&bytes).map_err(|bad| match bad {
        BadBatch::Magic => ErrorCode::UnsupportedForMessageFormat,
        BadBatch::Header | BadBatch::Records => ErrorCode::InvalidRecord,
        BadBatch::Short | BadBatch::Checksum => ErrorCode::CorruptMessage,
    })?;
    partition.append(&mut bytes, &header).map_err(|error| match error {
        AppendError::OutOfOrder => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::Fenced => ErrorCode::InvalidProducerEpoch,
        AppendError::TooLarge => ErrorCode::MessageTooLarge,
        AppendError::Gone => ErrorCode::UnknownTopicOrPartition,
        AppendError::Disk(error) => {
            metrics::DISK_FAILED.inc();
            tracing::warn!(%error, "the log cannot be written; producers try again");
            ErrorCode::KafkaStorageError
        }
    })
}

/// An id for an idempotent producer. Transactions are not offered: a decision record is the commit.
pub(super) fn producer_id(
    shared: &Shared,
    request: &InitProducerIdRequest,
) -> InitProducerIdResponse {
    let response = InitProducerIdResponse::default().throttle_time_ms(0);
    let refused = |error: ErrorCode| {
        response.clone().error_code(error.into()).producer_id(-1).producer_epoch(-1)
    };
    if request.transactional_id.is_some() {
        return refused(ErrorCode::InvalidRequest);
    }
    match shared.store.producer_id() {
        Ok(id) => {
            response.clone().error_code(ErrorCode::None.into()).producer_id(id).producer_epoch(0)
        }
        Err(error) => {
            metrics::DISK_FAILED.inc();
            tracing::warn!(%error, "the log cannot give a producer its id; it tries again");
            refused(ErrorCode::CoordinatorNotAvailable)
        }
    }
}
