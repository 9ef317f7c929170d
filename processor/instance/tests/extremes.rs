//! Any record with any numbers, in any topic: nothing panics, and control goes on, live and for whoever takes over.

use std::collections::BTreeMap;

use control_instance::{
    Answer, Ask, Effect, Instance, Note, Now, Owners, Recovered, Recovery, Rules,
};
use proptest::prelude::*;
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::log::{LogRecord, Outgoing, Start};
use schemas::records::decision::LedgerRecord;
use schemas::samples::{AT, EXTREMES, ROOT, encode, samples, spoil};
use schemas::topics::Topic;
use serde_json::{Value, json};
use uuid::Uuid;

const INTERVAL_MS: i64 = 5_000;
/// More than anybody counts to.
const GIANT: i64 = 1 << 50;

/// One partition of a log: what a broker would hold.
#[derive(Debug, Clone, Default)]
struct Log(BTreeMap<Topic, Vec<LogRecord>>);

impl Log {
    fn end(&self, topic: Topic) -> i64 {
        self.0.get(&topic).map_or(0, |records| i64::try_from(records.len()).expect("few"))
    }

    fn append(&mut self, topic: Topic, value: Vec<u8>) {
        let (offset, key) = (self.end(topic), ROOT.as_bytes().to_vec());
        let record =
            LogRecord { topic, partition: 0, offset, timestamp: Timestamp(AT), key, value };
        self.0.entry(topic).or_default().push(record);
    }

    fn take(&mut self, records: Vec<Outgoing>) {
        records.into_iter().for_each(|record| self.append(record.topic, record.value));
    }

    fn from(&self, topic: Topic, offset: i64) -> Vec<LogRecord> {
        let all = self.0.get(&topic).into_iter().flatten();
        all.filter(|record| record.offset >= offset).cloned().collect()
    }
}

/// Whoever holds the partition. What it wants of the log happens at once.
struct Owner {
    instance: Instance,
    follows: BTreeMap<Topic, i64>,
    now: i64,
}

impl Owner {
    fn take_over(log: &mut Log, now: i64) -> Self {
        let instance = Instance::new(Rules {
            partitions: 1,
            owners: Owners::Group,
            standby: false,
            snapshot_decisions: 2,
            snapshot_part_devices: 100,
            decision_part_devices: 100,
            lineage: None,
            id: Uuid::from_u128(now.unsigned_abs().into()),
            name: "test".to_owned(),
        });
        let mut owner = Self { instance, follows: BTreeMap::new(), now };
        owner.instance.assign(&[0]);
        owner.act(log);
        assert_eq!(owner.instance.held().count(), 1, "a new claim stands");
        owner
    }

    /// A window: a sample, a decision, and what follows from it. Whether a decision counted.
    fn round(&mut self, log: &mut Log) -> bool {
        self.now += INTERVAL_MS;
        let mut sample = samples(Topic::Telemetry).remove(0);
        let id = Uuid::from_u128(self.now.unsigned_abs().into());
        sample["message_id"] = json!(id);
        (sample["ts"], sample["arrival"]) = (json!(self.now - 100), json!(self.now - 80));
        log.append(Topic::Telemetry, encode(Topic::Telemetry, &sample).expect("a sample"));
        self.act(log);
        self.instance.decide(Timestamp(self.now));
        self.act(log)
    }

    /// Does what the instance wants until it wants nothing any more. Whether a decision counted.
    fn act(&mut self, log: &mut Log) -> bool {
        let mut counted = false;
        loop {
            for record in self.unread(log) {
                self.instance.record(&record);
            }
            let effects = self.instance.take_effects();
            if effects.is_empty() {
                return counted;
            }
            for effect in effects {
                counted |= matches!(&effect, Effect::Publish { .. });
                self.does(effect, log);
            }
        }
    }

    fn does(&mut self, effect: Effect, log: &mut Log) {
        match effect {
            Effect::Recover { ticket, recovery, .. } => {
                let now = Now { clock: Timestamp(self.now), elapsed_ms: self.now };
                let recovered = recover(*recovery, log, now);
                self.instance.recovered(0, ticket, Some(recovered));
            }
            Effect::Follow(places) => {
                for (topic, _, start) in places {
                    self.follows.insert(topic, offset(start));
                }
            }
            Effect::Unfollow(places) => {
                places.iter().for_each(|(topic, _)| {
                    self.follows.remove(topic);
                });
            }
            Effect::Append { ticket, partition, records, .. } => {
                log.take(records);
                self.instance.appended(partition, ticket, true);
            }
            Effect::Publish { records, .. } => log.take(records),
            Effect::Note(Note::Differs { difference, .. }) => panic!("{difference}"),
            Effect::Note(_) | Effect::Release(_) => {}
            Effect::Want { .. } | Effect::Abandon { .. } => panic!("nobody else is there"),
        }
    }

    fn unread(&mut self, log: &Log) -> Vec<LogRecord> {
        let mut all = Vec::new();
        for (topic, next) in &mut self.follows {
            all.extend(log.from(*topic, *next));
            *next = log.end(*topic);
        }
        all
    }
}

fn recover(mut recovery: Recovery, log: &mut Log, now: Now) -> Recovered {
    loop {
        let answer = match recovery.ask(now) {
            Ask::Nothing(recovered) => return *recovered,
            Ask::Ends(places) => {
                Answer::Ends(places.iter().map(|(topic, _)| log.end(*topic)).collect())
            }
            Ask::Read(places) => {
                for (topic, _, start) in places {
                    let records = log.from(topic, offset(start));
                    records.iter().for_each(|record| recovery.record(record));
                }
                Answer::Read
            }
            Ask::Append(claim) => {
                log.take(vec![claim]);
                Answer::Appended
            }
            Ask::Wait(_) => Answer::Waited,
        };
        recovery.answer(answer, now).expect("nobody else claims");
    }
}

fn offset(start: Start) -> i64 {
    match start {
        Start::Offset(offset) => offset,
        Start::Beginning | Start::End => 0,
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
fn check_read_by_others(log: &Log, since: i64, what: &str) {
    let mut ledger = Ledger::new();
    let mut counted = 0;
    for record in log.from(Topic::Decisions, 0) {
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
    log.append(topic, bytes);
    let since = log.end(Topic::Decisions);
    let live = (0..3).filter(|_| owner.round(&mut log)).count();
    let now = owner.now + INTERVAL_MS;
    let mut next = Owner::take_over(&mut log, now);
    let recovered = (0..3).filter(|_| next.round(&mut log)).count();
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
    match LedgerRecord::decode(&log.from(Topic::Decisions, 0)[0].value) {
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
    assert_eq!(log.end(Topic::Decisions), 1 + 4, "a claim and four decisions: the next one is 5");
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
