//! Blocks of a stream: what they hold, and that whoever goes on writes the same one again.

use super::*;
use schemas::codec::Record;
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::{DeviceId, FeederId, Watts};

const LIMITS: Limits = Limits { age_ms: 1_000, rows: 4, bytes: 1_000_000 };
const FRESH: Resume = Resume { at: 0, again: None, past: Past::Nothing, log: LOG };
const LOG: Uuid = Uuid::from_u128(9);

fn record(offset: i64, id: u128, ts: i64) -> LogRecord {
    let sample = Telemetry {
        message_id: Uuid::from_u128(id),
        device_id: DeviceId::new("ev-1").unwrap(),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: FeederId::new("north").unwrap(),
        site_id: None,
        ts: Timestamp(ts),
        sent_at: None,
        arrival: Timestamp(ts + 40),
        power_w: Watts(1),
        soc: None,
        energy_wh: None,
        voltage_mv: None,
        current_ma: None,
        online: true,
        fault_code: None,
        capabilities: Capabilities::default(),
        preferences: Preferences::default(),
        source: "simulator".to_owned(),
        correlation_id: None,
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    };
    LogRecord {
        topic: Topic::Telemetry,
        partition: 3,
        offset,
        timestamp: Timestamp(ts),
        key: b"north".to_vec(),
        value: sample.encode(),
    }
}

fn samples() -> Kept {
    *Kept::ALL.iter().find(|kept| kept.topic == Topic::Telemetry).unwrap()
}

/// Reads records and gives the blocks that come of them, each settled at once: first, last, rows.
fn blocks(stream: &mut Stream, records: &[LogRecord]) -> Vec<(i64, i64, usize)> {
    let mut all = Vec::new();
    let mut take = |stream: &mut Stream| {
        let block = stream.take_block().expect("a block is open");
        all.push((block.first, block.last, block.rows.len()));
        stream.written();
    };
    for record in records {
        if let Reading::Row(ready) = stream.read(record) {
            if stream.must_write_before(&ready) {
                take(stream);
            }
            stream.push(ready, Timestamp(0));
        }
        if stream.is_due(Timestamp(0)) {
            take(stream);
        }
    }
    all
}

fn ten() -> Vec<LogRecord> {
    (0..10).map(|n| record(n, 100 + u128::from(n.unsigned_abs()), 1_000 * n)).collect()
}

#[test]
fn a_message_that_comes_again_leads_to_no_row() {
    let mut stream = Stream::new(samples(), 3, LIMITS, FRESH, None);
    let records = [
        record(0, 1, 1_000),
        record(1, 1, 1_000),
        record(2, 2, 1_000),
        record(3, 3, 2_000),
        record(4, 4, 3_000),
        record(5, 5, 4_000),
    ];
    assert_eq!(blocks(&mut stream, &records), [(0, 5, 4)]);
}

#[test]
fn whoever_goes_on_writes_the_same_block_again_and_then_goes_on() {
    let mut first = Stream::new(samples(), 3, LIMITS, FRESH, None);
    assert_eq!(blocks(&mut first, &ten()), [(0, 3, 4), (4, 7, 4)]);
    // The first ended while its second block was on its way; the other one has other limits, even.
    let again = Some(Planned { first: 4, last: 7, at: Timestamp(0), log: None });
    let limits = Limits { rows: 2, ..LIMITS };
    let resume = Resume { at: 4, again, past: Past::Nothing, log: LOG };
    let mut second = Stream::new(samples(), 3, limits, resume, None);
    assert_eq!(blocks(&mut second, &ten()), [(4, 7, 4), (8, 9, 2)]);
}

#[test]
fn records_before_the_place_to_go_on_are_remembered_and_not_stored() {
    let resume = Resume { at: 8, again: None, past: Past::Nothing, log: LOG };
    let mut stream = Stream::new(samples(), 3, Limits { rows: 1, ..LIMITS }, resume, None);
    let mut records = ten();
    records.push(record(10, 100, 0));
    assert_eq!(blocks(&mut stream, &records), [(8, 8, 1), (9, 9, 1)]);
}

#[test]
fn a_record_that_cannot_be_read_is_said_once_and_stops_nothing() {
    let mut stream = Stream::new(samples(), 3, Limits { rows: 2, ..LIMITS }, FRESH, None);
    let mut broken = record(1, 1, 1);
    broken.value = b"nonsense".to_vec();
    assert!(matches!(stream.read(&broken), Reading::Poison(_)));
    let after = Resume { at: 2, ..FRESH };
    let mut later = Stream::new(samples(), 3, LIMITS, after, None);
    assert!(matches!(later.read(&broken), Reading::Nothing), "it was said before");
    assert_eq!(blocks(&mut stream, &ten()[2..4]), [(2, 3, 2)]);
}
