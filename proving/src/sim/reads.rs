//! Reading the log as the reference does.

use control_instance::{Driver, gather};
use schemas::codec::Record;
use schemas::records::operator::OperatorRecord;
use schemas::topics::Topic;

use crate::sim::log::Log;

/// The records of `operator.v1` from an offset on.
pub(super) fn operator_records(log: &Log, from: i64) -> Vec<(i64, OperatorRecord)> {
    let mut records = Vec::new();
    for record in log.read(Topic::Operator, 0, from) {
        match OperatorRecord::decode(&record.value) {
            Ok(decoded) => records.push((record.offset, decoded)),
            Err(error) => tracing::error!(%error, "an operator record cannot be read"),
        }
    }
    records
}

/// Hands the driver every input of its partition that it has not gathered.
pub(super) fn gather_new(driver: &mut Driver, partition: i32, log: &Log) {
    let next = driver.gathered();
    for (topic, from) in [(Topic::Acks, next.acks), (Topic::Telemetry, next.telemetry)] {
        for record in log.read(topic, partition, from) {
            if let Err(error) = gather(driver, record) {
                tracing::error!(%error, "an input cannot be read");
            }
        }
    }
}
