//! Any record with any numbers, in any topic: nothing panics, and control goes on, live and for whoever takes over.

mod world;

use proptest::prelude::*;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::decision::LedgerRecord;
use schemas::samples::{AT, EXTREMES, encode, samples, spoil};
use schemas::topics::Topic;
use serde_json::{Value, json};
use uuid::Uuid;
use world::{INTERVAL_MS, Log, Owner};

/// More than anybody counts to.
const GIANT: i64 = 1 << 50;

fn take_over(log: &mut Log, now: i64) -> Owner {
    let mut owner = Owner::new(1, now);
    owner.instance.assign(&[0]);
    owner.act(log);
    assert_eq!(owner.instance.held().count(), 1, "a new claim stands");
    owner
}

/// A window: a sample, a decision, and what follows from it. Whether a decision counted.
fn round(owner: &mut Owner, log: &mut Log) -> bool {
    owner.now += INTERVAL_MS;
    let mut sample = samples(Topic::Telemetry).remove(0);
    let id = Uuid::from_u128(owner.now.unsigned_abs().into());
    sample["message_id"] = json!(id);
    (sample["ts"], sample["arrival"]) = (json!(owner.now - 100), json!(owner.now - 80));
    log.append(Topic::Telemetry, 0, encode(Topic::Telemetry, &sample).expect("a sample"));
    owner.turn(log).contains(&0)
}

/// A log with settings, a feeder, a device, an owner and some decisions.
fn standing() -> (Log, Owner) {
    let mut log = Log::default();
    for record in &samples(Topic::Operator)[..3] {
        log.append(Topic::Operator, 0, encode(Topic::Operator, record).expect("a sample"));
    }
    let mut owner = take_over(&mut log, AT);
    let counted = (0..4).filter(|_| round(&mut owner, &mut log)).count();
    assert!(counted >= 3, "control stands: {counted}");
    (log, owner)
}

/// Every reader from the beginning finds decisions among the last records of the log.
#[track_caller]
fn check_read_by_others(log: &Log, since: i64, what: &str) {
    let mut ledger = Ledger::new();
    let mut counted = 0;
    for record in log.from(Topic::Decisions, 0, 0) {
        let Ok(decoded) = LedgerRecord::decode(&record.value) else { continue };
        let decided = matches!(ledger.read(decoded), Verdict::Decided(_));
        counted += u32::from(decided && record.offset >= since);
    }
    assert!(counted > 0, "no other reader finds a decision: {what}");
}

/// A record in the log of a running system: it goes on, and so does whoever takes over.
#[track_caller]
fn check(topic: Topic, bytes: Vec<u8>, what: &str) {
    let (mut log, mut owner) = standing();
    log.append(topic, 0, bytes);
    let since = log.end(Topic::Decisions, 0);
    let live = (0..3).filter(|_| round(&mut owner, &mut log)).count();
    let now = owner.now + INTERVAL_MS;
    let mut next = take_over(&mut log, now);
    let recovered = (0..3).filter(|_| round(&mut next, &mut log)).count();
    // What an operator orders, within what can be, is obeyed: also that nothing is to be decided soon.
    if topic != Topic::Operator {
        assert!(live > 0, "live control stands still: {what}");
        assert!(recovered > 0, "control stands still after a recovery: {what}");
        check_read_by_others(&log, since, what);
    }
}

/// In whose name decisions are written: by the first record of the decisions, a claim.
fn writer() -> Uuid {
    let (log, _) = standing();
    match LedgerRecord::decode(&log.from(Topic::Decisions, 0, 0)[0].value) {
        Ok(LedgerRecord::Claim(claim)) => claim.writer,
        other => panic!("{other:?}"),
    }
}

/// A decision that continues what stands, to be spoilt further.
fn next_decision(mut record: Value) -> Value {
    if let Some(part) = record.get_mut("DecisionPart") {
        part["writer"] = json!(writer());
        part["seq"] = json!(5);
        part["header"]["at"] = json!(AT + 5 * INTERVAL_MS);
    }
    record
}

#[test]
fn a_giant_a_far_future_and_a_snapshot_that_lies_do_not_stop_control() {
    let (log, _) = standing();
    assert_eq!(
        log.end(Topic::Decisions, 0),
        1 + 4,
        "a claim and four decisions: the next one is 5"
    );
    let claim = |epoch: i64| {
        let mut record = samples(Topic::Decisions)[0].clone();
        record["Claim"]["epoch"] = json!(epoch);
        encode(Topic::Decisions, &record).expect("a claim")
    };
    for epoch in [3, 1 << 50, 1 << 53, i64::MAX, i64::MIN] {
        check(Topic::Decisions, claim(epoch), &format!("a claim of epoch {epoch}"));
    }
    for (field, value) in
        [("seq", 1 << 50), ("seq", i64::MAX), ("parts", 2), ("at", 4_102_444_799_999)]
    {
        let mut record = next_decision(samples(Topic::Decisions)[1].clone());
        match field {
            "at" => record["DecisionPart"]["header"]["at"] = json!(value),
            _ => record["DecisionPart"][field] = json!(value),
        }
        let bytes = encode(Topic::Decisions, &record).expect("a decision");
        check(Topic::Decisions, bytes, &format!("a decision with {field} {value}"));
    }
    for (epoch, seq, number) in [(GIANT, 1, 9), (1, GIANT, 9), (1, 3, GIANT), (GIANT, GIANT, GIANT)]
    {
        let mut record = samples(Topic::Snapshots)[0].clone();
        record["version"] = json!({"epoch": epoch, "seq": seq});
        record["number"] = json!(number);
        let bytes = encode(Topic::Snapshots, &record).expect("a snapshot");
        check(Topic::Snapshots, bytes, &format!("a snapshot {number} of {epoch}/{seq}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_numbers_in_any_record_leave_control_going(
        topic in prop::sample::select(vec![
            Topic::Telemetry, Topic::Acks, Topic::Operator, Topic::Decisions, Topic::Snapshots,
        ]),
        kind in any::<prop::sample::Index>(),
        continues in any::<bool>(),
        spoils in prop::collection::vec((0..200_usize, prop::sample::select(EXTREMES.to_vec())), 1..3),
    ) {
        let all = samples(topic);
        let mut record = all[kind.index(all.len())].clone();
        if continues {
            record = next_decision(record);
        }
        let mut bytes = None;
        for (which, extreme) in spoils {
            bytes = spoil(topic, &mut record, which, extreme).or(bytes);
        }
        if let Some(bytes) = bytes {
            check(topic, bytes, &record.to_string());
        }
    }
}
