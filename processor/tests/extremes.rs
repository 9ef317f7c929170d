//! Any record with any numbers, in any topic: nothing panics, and control goes on, live and for whoever takes over.

use std::collections::BTreeMap;

use derms_processor::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use derms_processor::rebuild::{Known, Snapshots, gather, next_epoch, stands};
use proptest::prelude::*;
use schemas::codec::Record;
use schemas::ledger::{Holder, Ledger, Verdict};
use schemas::records::decision::{Claim, LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::records::snapshot::SnapshotPart;
use schemas::samples::{AT, EXTREMES, ROOT, encode, samples, spoil};
use schemas::topics::Topic;
use schemas::{FeederId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

const INTERVAL_MS: i64 = 5_000;
/// More than anybody counts to.
const GIANT: i64 = 1 << 50;

/// One partition of a log: what a broker would hold.
#[derive(Debug, Clone, Default)]
struct Log(BTreeMap<Topic, Vec<Vec<u8>>>);

impl Log {
    fn of(&self, topic: Topic) -> impl Iterator<Item = (i64, &Vec<u8>)> {
        (0..).zip(self.0.get(&topic).into_iter().flatten())
    }

    fn end(&self, topic: Topic) -> i64 {
        self.0.get(&topic).map_or(0, |records| i64::try_from(records.len()).expect("few"))
    }

    fn append(&mut self, topic: Topic, bytes: Vec<u8>) {
        self.0.entry(topic).or_default().push(bytes);
    }

    fn decisions(&self, from: i64) -> Vec<(i64, LedgerRecord)> {
        let all = self.of(Topic::Decisions).filter(|(offset, _)| *offset >= from);
        all.filter_map(|(offset, bytes)| Some((offset, LedgerRecord::decode(bytes).ok()?)))
            .collect()
    }

    fn known(&self) -> Known {
        let inputs = Positions {
            acks: self.end(Topic::Acks),
            operator: self.end(Topic::Operator),
            telemetry: self.end(Topic::Telemetry),
        };
        Known { lineage: None, ends: Some((inputs, self.end(Topic::Decisions))) }
    }
}

/// Whoever holds the partition.
struct Owner {
    driver: Driver,
    holder: Holder,
    registry: RegistryAt,
    now: i64,
}

impl Owner {
    fn take_over(log: &mut Log, now: i64) -> Self {
        let mut snapshots = Snapshots::default();
        for (_, bytes) in log.of(Topic::Snapshots) {
            if let Ok(part) = SnapshotPart::decode(bytes) {
                snapshots.read(part);
            }
        }
        let base = snapshots.into_base(&log.known());
        let (known, from) = (base.ledger(), base.decisions_from.unwrap_or(0));
        let epoch = next_epoch(&known, &log.decisions(from));
        let holder = Holder { epoch, writer: Uuid::from_u128(epoch.unsigned_abs().into()) };
        let (writer, at) = (holder.writer, Timestamp(now));
        let claim = Claim { epoch, writer, at, name: "test".to_owned(), log: None };
        log.append(Topic::Decisions, LedgerRecord::Claim(claim).encode());
        assert!(stands(&known, holder, &log.decisions(from)), "a new claim stands: {epoch}");
        let mut driver = base.into_driver(0, 1);
        let mut replay = ReplayRegistry::default();
        for (offset, bytes) in log.of(Topic::Operator) {
            if let Ok(record) = OperatorRecord::decode(bytes) {
                replay.gather(offset, record);
            }
        }
        gather_all(&mut driver, log);
        for (_, record) in log.decisions(from) {
            driver.read_decision(record, &mut replay);
        }
        let registry = replay.into_latest();
        driver.note_roots(&registry.registry);
        Self { driver, holder, registry, now }
    }

    /// A window: a sample, a decision, and what follows from it. Whether a decision counted.
    fn round(&mut self, log: &mut Log) -> bool {
        self.now += INTERVAL_MS;
        let mut sample = samples(Topic::Telemetry).remove(0);
        let id = Uuid::from_u128(self.now.unsigned_abs().into());
        sample["message_id"] = json!(id);
        (sample["ts"], sample["arrival"]) = (json!(self.now - 100), json!(self.now - 80));
        log.append(Topic::Telemetry, encode(Topic::Telemetry, &sample).expect("a sample"));
        gather_all(&mut self.driver, log);
        let due = self.driver.decide_due(&self.registry, self.holder, Timestamp(self.now));
        let mut counted = false;
        for part in due.into_iter().flat_map(|decision| decision.into_parts(usize::MAX)) {
            let record = LedgerRecord::DecisionPart(part);
            log.append(Topic::Decisions, record.encode());
            let next = log.end(Topic::Decisions);
            let standing = self.driver.read_decision(record, &mut ReplayRegistry::default());
            if let Standing::Counts { decision, .. } = standing {
                counted = true;
                for part in self.driver.snapshot_if_due(&decision, next, 2) {
                    log.append(Topic::Snapshots, part.encode());
                }
            }
        }
        counted
    }
}

fn gather_all(driver: &mut Driver, log: &Log) {
    for (topic, telemetry) in [(Topic::Acks, false), (Topic::Telemetry, true)] {
        for (offset, bytes) in log.of(topic) {
            // One that cannot be read is passed over.
            drop(gather(driver, telemetry, offset, ROOT.as_bytes(), bytes));
        }
    }
}

/// A log with settings, a feeder, a device, an owner and some decisions.
fn standing() -> (Log, Owner) {
    let mut log = Log::default();
    for record in &samples(Topic::Operator)[..3] {
        log.append(Topic::Operator, encode(Topic::Operator, record).expect("a sample"));
    }
    let mut owner = Owner::take_over(&mut log, AT);
    let counted = (0..4).filter(|_| owner.round(&mut log)).count();
    assert!(counted >= 3, "control stands: {counted}");
    (log, owner)
}

/// Every reader from the beginning finds decisions among the last records of the log.
#[track_caller]
fn check_read_by_others(log: &Log, since: usize, what: &str) {
    let mut ledger = Ledger::new();
    let mut counted = 0;
    for (offset, record) in log.decisions(0) {
        let decided = matches!(ledger.read(record), Verdict::Decided(_));
        counted += u32::from(decided && offset >= i64::try_from(since).expect("few"));
    }
    assert!(counted > 0, "no other reader finds a decision: {what}");
}

/// A record in the log of a running system: it goes on, and so does whoever takes over.
#[track_caller]
fn check(topic: Topic, bytes: Vec<u8>, what: &str) {
    let (mut log, mut owner) = standing();
    log.append(topic, bytes.clone());
    let since = log.0[&Topic::Decisions].len();
    let live = match topic {
        Topic::Operator => {
            if let Ok(record) = OperatorRecord::decode(&bytes) {
                owner.registry.read(log.end(topic) - 1, &record);
                owner.driver.note_change(&record.change, &owner.registry.registry);
            }
            true
        }
        Topic::Decisions => match LedgerRecord::decode(&bytes) {
            // As the shell: what is written in our name and not by us makes us recover.
            Ok(LedgerRecord::DecisionPart(part)) if part.writer == owner.holder.writer => false,
            Ok(record) => !matches!(
                owner.driver.read_decision(record, &mut ReplayRegistry::default()),
                Standing::TakenOver(_)
            ),
            Err(_) => true,
        },
        _ => true,
    };
    if live {
        let counted = (0..3).filter(|_| owner.round(&mut log)).count();
        assert!(counted > 0 || topic == Topic::Operator, "live control stands still: {what}");
    }
    let now = owner.now + INTERVAL_MS;
    let mut next = Owner::take_over(&mut log, now);
    let counted = (0..3).filter(|_| next.round(&mut log)).count();
    // What an operator orders, within what can be, is obeyed: also that nothing is to be decided soon.
    if topic != Topic::Operator {
        assert!(counted > 0, "control stands still after a recovery: {what}");
        check_read_by_others(&log, since, what);
    }
}

/// A decision that continues what stands, to be spoilt further.
fn next_decision(mut record: Value) -> Value {
    if let Some(part) = record.get_mut("DecisionPart") {
        part["writer"] = json!(Uuid::from_u128(1));
        part["seq"] = json!(5);
        part["header"]["at"] = json!(AT + 5 * INTERVAL_MS);
    }
    record
}

#[test]
fn a_giant_a_far_future_and_a_snapshot_that_lies_do_not_stop_control() {
    let root = FeederId::new(ROOT).expect("an id");
    assert_eq!(standing().1.driver.last_seq(&root), 4, "the next one is 5");
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
