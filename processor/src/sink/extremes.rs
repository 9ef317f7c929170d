//! Any record with any numbers becomes rows, or a dead letter: no stream stands still.

use proptest::prelude::*;
use schemas::Timestamp;
use schemas::samples::{EXTREMES, encode, samples, spoil};
use schemas::topics::Topic;
use service_kit::clickhouse::rows::{self, Place};
use service_kit::log::LogRecord;
use uuid::Uuid;

use super::block::Limits;
use super::gathered::Gathered;
use super::kept::Kept;
use super::stream::{Reading, Resume, Stream};

const LIMITS: Limits = Limits { age_ms: 1_000, rows: 100, bytes: 1_000_000 };
const LOG: Uuid = Uuid::from_u128(9);
fn record(topic: Topic, offset: i64, value: Vec<u8>) -> LogRecord {
    let key = schemas::samples::ROOT.as_bytes().to_vec();
    LogRecord { topic, partition: 0, offset, timestamp: Timestamp(0), key, value }
}

/// Reads a record and gives the number of rows that it becomes; none where it is poison.
fn rows_of(stream: &mut Stream, record: &LogRecord) -> Option<usize> {
    let ready = match stream.read(record) {
        Reading::Row(ready) => ready,
        Reading::Nothing => return Some(0),
        Reading::Poison(_) => return None,
    };
    let before = if stream.must_write_before(&ready) { stream.take_block() } else { None };
    stream.written();
    stream.push(ready, Timestamp(0));
    let block = stream.take_block()?;
    stream.written();
    let place = Place { log: LOG, partition: 0, offset: record.offset };
    Some(
        usize::from(before.is_some())
            + match &block.rows.gathered {
                Gathered::Telemetry(rows) => rows.len(),
                Gathered::Acks(rows) => rows.len(),
                Gathered::Operator(rows) => rows.len(),
                Gathered::DeadLetters(rows) => rows.len(),
                Gathered::Sent(rows) => rows.len(),
                Gathered::Decisions(all) => all
                    .iter()
                    .map(|(_, decision)| {
                        rows::decision(decision, place).len()
                            + rows::decision_devices(decision, place).len()
                            + rows::setpoints(decision, place).len()
                            + rows::alarms(decision, place).len()
                    })
                    .sum(),
            },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_numbers_in_any_record_stop_no_stream(
        kept in prop::sample::select(Kept::ALL.to_vec()),
        kind in any::<prop::sample::Index>(),
        spoils in prop::collection::vec((0..200_usize, prop::sample::select(EXTREMES.to_vec())), 1..4),
    ) {
        let resume = Resume { at: 0, again: None, whole: true, log: LOG };
        let topic = kept.topic();
        let mut stream = Stream::new(kept, 0, LIMITS, resume, None);
        let all = samples(topic);
        let mut offset = 0;
        if topic == Topic::Decisions {
            let claim = encode(topic, &all[0]).expect("a sample");
            rows_of(&mut stream, &record(topic, offset, claim));
        }
        let mut spoilt = all[kind.index(all.len())].clone();
        for (which, extreme) in spoils {
            offset += 1;
            if let Some(bytes) = spoil(topic, &mut spoilt, which, extreme) {
                rows_of(&mut stream, &record(topic, offset, bytes));
            }
        }
        // A good one after it is stored.
        let mut good = all[all.len() - 1].clone();
        if topic == Topic::Decisions {
            let last = stream.last_seq(schemas::samples::ROOT);
            good["DecisionPart"]["seq"] = serde_json::json!(last + 1);
        }
        if matches!(topic, Topic::Telemetry | Topic::Acks) {
            good["ts"] = serde_json::json!(schemas::samples::AT + 1);
            good["message_id"] = serde_json::json!(Uuid::from_u128(77));
        }
        let bytes = encode(topic, &good).expect("a sample");
        prop_assert!(rows_of(&mut stream, &record(topic, offset + 1, bytes)) > Some(0));
    }
}
