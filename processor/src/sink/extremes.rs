//! Any record with any numbers becomes rows, or a dead letter: no stream stands still.

use proptest::prelude::*;
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ledger::Ledger;
use schemas::records::decision::LedgerRecord;
use schemas::samples::{EXTREMES, encode, samples, spoil};
use schemas::topics::Topic;
use service_kit::log::LogRecord;
use uuid::Uuid;

use super::block::Limits;
use super::seen::Past;
use super::stream::{Reading, Resume, Stream};
use super::tables::Kept;

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
        Reading::Nothing | Reading::Again | Reading::Void(_) => return Some(0),
        Reading::Poison(_) => return None,
    };
    let before = if stream.must_write_before(&ready) { stream.take_block() } else { None };
    stream.written();
    stream.push(ready, Timestamp(0));
    let block = stream.take_block()?;
    stream.written();
    Some(usize::from(before.is_some()) + block.rows.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_numbers_in_any_record_stop_no_stream(
        kept in prop::sample::select(Kept::ALL.to_vec()),
        kind in any::<prop::sample::Index>(),
        spoils in prop::collection::vec((0..200_usize, prop::sample::select(EXTREMES.to_vec())), 1..4),
    ) {
        let resume = Resume { at: 0, again: None, past: Past::Nothing, log: LOG };
        let topic = kept.topic;
        let mut stream = Stream::new(kept, 0, LIMITS, resume, None);
        let all = samples(topic);
        let mut offset = 0;
        let mut ledger = Ledger::new();
        if topic == Topic::Decisions {
            let claim = encode(topic, &all[0]).expect("a sample");
            ledger.read(LedgerRecord::decode(&claim).expect("a sample"));
            rows_of(&mut stream, &record(topic, offset, claim));
        }
        let mut spoilt = all[kind.index(all.len())].clone();
        for (which, extreme) in spoils {
            offset += 1;
            if let Some(bytes) = spoil(topic, &mut spoilt, which, extreme) {
                if topic == Topic::Decisions
                    && let Ok(read) = LedgerRecord::decode(&bytes)
                {
                    ledger.read(read);
                }
                rows_of(&mut stream, &record(topic, offset, bytes));
            }
        }
        // A good one after it is stored.
        let mut good = all[all.len() - 1].clone();
        if topic == Topic::Decisions {
            let root = schemas::FeederId::new(schemas::samples::ROOT).expect("an id");
            good["DecisionPart"]["seq"] = serde_json::json!(ledger.last_seq(&root).unwrap_or(0) + 1);
        }
        if matches!(topic, Topic::Telemetry | Topic::Acks) {
            good["ts"] = serde_json::json!(schemas::samples::AT + 1);
            good["message_id"] = serde_json::json!(Uuid::from_u128(77));
        }
        let bytes = encode(topic, &good).expect("a sample");
        prop_assert!(rows_of(&mut stream, &record(topic, offset + 1, bytes)) > Some(0));
    }
}
