//! An instance on a log in memory: what it wants happens at once, unless a test keeps the log's answers back.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use control_instance::{
    Answer, Ask, Effect, Instance, Note, Now, Owners, Recovered, Recovery, Rules,
};
use schemas::Timestamp;
use schemas::log::{LogRecord, Outgoing, Start};
use schemas::samples::{ROOT, raw};
use schemas::topics::Topic;
use uuid::Uuid;

pub const INTERVAL_MS: i64 = 5_000;

/// What a broker would hold.
#[derive(Debug, Clone, Default)]
pub struct Log(BTreeMap<(Topic, i32), Vec<LogRecord>>);

impl Log {
    pub fn end(&self, topic: Topic, partition: i32) -> i64 {
        let records = self.0.get(&(topic, partition));
        records.map_or(0, |records| i64::try_from(records.len()).expect("few"))
    }

    /// Appends a record under the key of the samples.
    pub fn append(&mut self, topic: Topic, partition: i32, value: Vec<u8>) {
        self.take(vec![raw(topic, partition, ROOT, value)]);
    }

    pub fn take(&mut self, records: Vec<Outgoing>) {
        for Outgoing { topic, partition, key, value, .. } in records {
            let (offset, key) = (self.end(topic, partition), key.into_bytes());
            let timestamp = Timestamp(0);
            let record = LogRecord { topic, partition, offset, timestamp, key, value };
            self.0.entry((topic, partition)).or_default().push(record);
        }
    }

    pub fn from(&self, topic: Topic, partition: i32, offset: i64) -> Vec<LogRecord> {
        let all = self.0.get(&(topic, partition)).into_iter().flatten();
        all.filter(|record| record.offset >= offset).cloned().collect()
    }
}

/// An instance at work.
pub struct Owner {
    pub instance: Instance,
    follows: BTreeMap<(Topic, i32), i64>,
    pub now: i64,
    /// Partitions whose appends are made and not answered, with the tickets that wait.
    pub slow: BTreeMap<i32, Vec<u64>>,
    /// Every append, in order.
    pub appended: Vec<i32>,
}

impl Owner {
    pub fn new(partitions: i32, now: i64) -> Self {
        let instance = Instance::new(Rules {
            partitions,
            owners: Owners::Group,
            standby: false,
            snapshot_decisions: 2,
            snapshot_part_devices: 100,
            decision_part_devices: 100,
            lineage: None,
            id: Uuid::from_u128(now.unsigned_abs().into()),
            name: "test".to_owned(),
        });
        let (follows, slow, appended) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { instance, follows, now, slow, appended }
    }

    /// Decides what is due, and does all that follows. Gives the partitions of which a decision counted.
    pub fn turn(&mut self, log: &mut Log) -> BTreeSet<i32> {
        self.act(log);
        self.instance.decide(Timestamp(self.now));
        self.act(log)
    }

    /// Does what the instance wants until it wants nothing any more.
    pub fn act(&mut self, log: &mut Log) -> BTreeSet<i32> {
        let mut counted = BTreeSet::new();
        loop {
            for record in self.unread(log) {
                self.instance.record(&record);
            }
            let effects = self.instance.take_effects();
            if effects.is_empty() {
                return counted;
            }
            for effect in effects {
                if let Effect::Publish { partition, .. } = &effect {
                    counted.insert(*partition);
                }
                self.does(effect, log);
            }
        }
    }

    fn does(&mut self, effect: Effect, log: &mut Log) {
        match effect {
            Effect::Recover { ticket, recovery, .. } => {
                let partition = recovery.partition();
                let now = Now { clock: Timestamp(self.now), elapsed_ms: self.now };
                let recovered = recover(*recovery, log, now);
                self.instance.recovered(partition, ticket, Some(recovered));
            }
            Effect::Follow(places) => {
                for (topic, partition, start) in places {
                    self.follows.insert((topic, partition), offset(start));
                }
            }
            Effect::Unfollow(places) => self.follows.retain(|place, _| !places.contains(place)),
            Effect::Append { ticket, partition, records, .. } => {
                log.take(records);
                self.appended.push(partition);
                match self.slow.get_mut(&partition) {
                    Some(waiting) => waiting.push(ticket),
                    None => self.instance.appended(partition, ticket, true),
                }
            }
            Effect::Publish { records, .. } => log.take(records),
            Effect::Note(Note::Differs { difference, .. }) => panic!("{difference}"),
            Effect::Note(_) | Effect::Release(_) => {}
            Effect::Want { .. } | Effect::Abandon { .. } => panic!("recoveries take no time here"),
        }
    }

    fn unread(&mut self, log: &Log) -> Vec<LogRecord> {
        let mut all = Vec::new();
        for ((topic, partition), next) in &mut self.follows {
            all.extend(log.from(*topic, *partition, *next));
            *next = log.end(*topic, *partition);
        }
        all
    }
}

/// Pumps a recovery that nobody else disturbs.
pub fn recover(mut recovery: Recovery, log: &mut Log, now: Now) -> Recovered {
    loop {
        let answer = match recovery.ask(now) {
            Ask::Nothing(recovered) => return *recovered,
            Ask::Ends(places) => Answer::Ends(
                places.iter().map(|(topic, number)| log.end(*topic, *number)).collect(),
            ),
            Ask::Read(places) => {
                for (topic, partition, start) in places {
                    let records = log.from(topic, partition, offset(start));
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
