//! Records that cannot be read: counted, logged, and laid down as dead letters. They never stop a partition.

use std::fmt::Display;

use schemas::records::dead_letter::{DeadLetter, LetterSource, UNREADABLE};
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{LogRecord, Only, Outgoing, Producer};

use crate::metrics;

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
    let (topic, partition, offset) = record.place();
    let letter = DeadLetter {
        at: SystemClock.now(),
        source: LetterSource::Record { topic, partition, offset },
        reason: UNREADABLE.to_owned(),
        detail: why.to_string(),
        device_id: None,
        raw: Vec::new(),
        raw_len: 0,
    };
    Outgoing::of(&letter.with_raw(&record.value), Only)
}
