//! Reading the log as a processor does, and snapshots in small parts.

use schemas::codec::Record;
use schemas::records::decision::LedgerRecord;
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::topics::Topic;

use crate::driver::Driver;
use crate::rebuild::gather;
use crate::sim::log::Log;

/// Devices in a part of a snapshot: few, so that a crash can tear it.
const SNAPSHOT_PART_DEVICES: usize = 4;

pub(super) fn decisions(log: &Log, partition: i32, from: i64) -> Vec<(i64, LedgerRecord)> {
    let mut records = Vec::new();
    for (offset, entry) in log.read(Topic::Decisions, partition, from) {
        match LedgerRecord::decode(&entry.value) {
            Ok(record) => records.push((offset, record)),
            Err(error) => tracing::error!(%error, "a decision cannot be read"),
        }
    }
    records
}

/// The records of `operator.v1` from an offset on.
pub fn operator_records(log: &Log, from: i64) -> Vec<(i64, OperatorRecord)> {
    let mut records = Vec::new();
    for (offset, entry) in log.read(Topic::Operator, 0, from) {
        match OperatorRecord::decode(&entry.value) {
            Ok(record) => records.push((offset, record)),
            Err(error) => tracing::error!(%error, "an operator record cannot be read"),
        }
    }
    records
}

/// Hands the driver every input of its partition that it has not gathered.
pub fn gather_new(driver: &mut Driver, partition: i32, log: &Log) {
    let next = driver.gathered();
    for (topic, from) in [(Topic::Acks, next.acks), (Topic::Telemetry, next.telemetry)] {
        for (offset, entry) in log.read(topic, partition, from) {
            let telemetry = topic == Topic::Telemetry;
            let key = entry.key.as_bytes();
            if let Err(error) = gather(driver, telemetry, offset, key, &entry.value) {
                tracing::error!(%error, "an input cannot be read");
            }
        }
    }
}

/// A snapshot in smaller parts, as one of a large tree would be.
pub(super) fn split(parts: Vec<SnapshotPart>) -> Vec<SnapshotPart> {
    let Some(first) = parts.first().cloned() else { return parts };
    let devices: Vec<_> = parts.into_iter().flat_map(|part| part.devices).collect();
    let mut chunks: Vec<_> = devices.chunks(SNAPSHOT_PART_DEVICES).map(<[_]>::to_vec).collect();
    if chunks.is_empty() {
        chunks.push(Vec::new());
    }
    let count = i32::try_from(chunks.len()).expect("few");
    let mut tree = first.tree.clone();
    (0..count)
        .zip(chunks)
        .map(|(part, devices)| SnapshotPart {
            part,
            parts: count,
            tree: tree.take(),
            devices,
            ..first.clone()
        })
        .collect()
}
