//! Where partitions begin and end, which offset has a time, and giving up old records.

use tansu_sans_io::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use tansu_sans_io::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use tansu_sans_io::{
    DeleteRecordsRequest, DeleteRecordsResponse, ErrorCode, ListOffsetsRequest, ListOffsetsResponse,
};

use super::Shared;
use super::topics::code;
use crate::metrics;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// Offsets by name or by time.
pub(super) fn list(shared: &Shared, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.unwrap_or_default().into_iter().map(|topic| {
        let partitions = topic.partitions.unwrap_or_default().into_iter().map(|asked| {
            let found = offset(shared, &topic.name, asked.partition_index, asked.timestamp);
            let (error, offset, timestamp) = match found {
                Ok((offset, timestamp)) => (ErrorCode::None, offset, timestamp),
                Err(error) => (error, -1, -1),
            };
            ListOffsetsPartitionResponse::default()
                .partition_index(asked.partition_index)
                .error_code(error.into())
                .old_style_offsets(Some(vec![offset]))
                .timestamp(Some(timestamp))
                .offset(Some(offset))
                .leader_epoch(Some(-1))
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default().name(topic.name).partitions(Some(partitions))
    });
    ListOffsetsResponse::default().throttle_time_ms(Some(0)).topics(Some(topics.collect()))
}

fn offset(
    shared: &Shared,
    topic: &str,
    partition: i32,
    timestamp: i64,
) -> Result<(i64, i64), ErrorCode> {
    let partition =
        shared.store.partition(topic, partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    match timestamp {
        LATEST => Ok((partition.bounds().next, -1)),
        EARLIEST => Ok((partition.bounds().start, -1)),
        time if time < 0 => Err(ErrorCode::UnsupportedVersion),
        time => match partition.at_time(time) {
            Ok(found) => Ok(found.unwrap_or((-1, -1))),
            Err(damage) => {
                metrics::DAMAGED.inc();
                tracing::error!(%damage, "the log cannot be searched");
                Err(ErrorCode::CorruptMessage)
            }
        },
    }
}

/// Gives up records.
pub(super) fn delete_records(
    shared: &Shared,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let topics = request.topics.unwrap_or_default().into_iter().map(|topic| {
        let partitions = topic.partitions.unwrap_or_default().into_iter().map(|asked| {
            let index = asked.partition_index;
            let before = if asked.offset == -1 { i64::MAX } else { asked.offset };
            let (error, start) = if before < 0 {
                (ErrorCode::OffsetOutOfRange, -1)
            } else {
                match shared.store.delete_records(&topic.name, index, before) {
                    Ok(start) => (ErrorCode::None, start),
                    Err(error) => (code(&error), -1),
                }
            };
            DeleteRecordsPartitionResult::default()
                .partition_index(index)
                .low_watermark(start)
                .error_code(error.into())
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default().name(topic.name).partitions(Some(partitions))
    });
    DeleteRecordsResponse::default().throttle_time_ms(0).topics(Some(topics.collect()))
}
