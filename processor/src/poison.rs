//! Records that cannot be read: counted, logged, and laid down as dead letters. They never stop a partition.

use std::fmt::Display;

use schemas::caps::DEAD_LETTER_RAW_MAX;
use schemas::codec::Record;
use schemas::records::dead_letter::DeadLetter;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{LogRecord, Outgoing, Producer};

use crate::metrics;

/// The reason of their dead letters.
pub(crate) const UNREADABLE: &str = "unreadable_record";

/// Lays a record down. The sink does this, since it reads every record of every topic; after a crash it may do it
/// again, and recognises that by the record's place.
pub(crate) fn report(producer: &Producer, record: &LogRecord, why: &dyn Display) {
    metrics::count_poison(record.place(), why);
    if record.topic == Topic::DeadLetters {
        return;
    }
    let outgoing = letter(record, why);
    let (partition, offset) = (record.partition, record.offset);
    let on_delivery = Box::new(move |outcome: Result<i64, _>| {
        if let Err(error) = outcome {
            tracing::error!(%error, partition, offset, "a poison record has no dead letter");
        }
    });
    if producer.send(&outgoing, on_delivery).is_err() {
        tracing::error!(partition, offset, "the log is slow: a poison record has no dead letter");
    }
}

fn letter(record: &LogRecord, why: &dyn Display) -> Outgoing {
    let source = format!("{}/{}/{}", record.topic.suffix(), record.partition, record.offset);
    let raw = &record.value[..record.value.len().min(DEAD_LETTER_RAW_MAX)];
    let letter = DeadLetter {
        at: SystemClock.now(),
        source: source.clone(),
        reason: UNREADABLE.to_owned(),
        detail: why.to_string(),
        device_id: None,
        raw: raw.to_vec(),
        raw_len: i64::try_from(record.value.len()).unwrap_or(i64::MAX),
    };
    Outgoing { topic: Topic::DeadLetters, partition: 0, key: source, value: letter.encode() }
}
