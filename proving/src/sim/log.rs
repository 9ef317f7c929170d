//! The log in memory: topics, partitions, offsets, one order of appends that all readers see. Knows no record's meaning.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::log::{LogRecord, Outgoing, Start};
use schemas::topics::Topic;

/// Every partition's records.
#[derive(Debug, Default)]
pub struct Log {
    partitions: BTreeMap<(Topic, i32), Vec<Option<LogRecord>>>,
}

impl Log {
    /// Appends a record.
    pub fn append(&mut self, now: i64, outgoing: Outgoing) {
        let Outgoing { topic, partition, key, value, .. } = outgoing;
        let records = self.partitions.entry((topic, partition)).or_default();
        let offset = i64::try_from(records.len()).expect("fits");
        let (timestamp, key) = (Timestamp(now), key.into_bytes());
        records.push(Some(LogRecord { topic, partition, offset, timestamp, key, value }));
    }

    /// The next offset of a partition.
    #[must_use]
    pub fn end(&self, topic: Topic, partition: i32) -> i64 {
        let len = self.partitions.get(&(topic, partition)).map_or(0, Vec::len);
        i64::try_from(len).expect("fits")
    }

    /// Where reading begins.
    #[must_use]
    pub fn start(&self, topic: Topic, partition: i32, start: Start) -> i64 {
        match start {
            Start::Beginning => 0,
            Start::End => self.end(topic, partition),
            Start::Offset(offset) => offset,
        }
    }

    /// The records from an offset on that compaction has left.
    pub fn read(
        &self,
        topic: Topic,
        partition: i32,
        from: i64,
    ) -> impl Iterator<Item = &LogRecord> {
        let records = self.partitions.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(from.max(0)).expect("at least 0").min(records.len());
        records[from..].iter().flatten()
    }

    /// Leaves the last record of each key, as the log does with snapshots, some time later.
    pub fn compact(&mut self, topic: Topic, partition: i32) {
        let Some(records) = self.partitions.get_mut(&(topic, partition)) else { return };
        let mut seen = std::collections::BTreeSet::new();
        for record in records.iter_mut().rev() {
            if record.as_ref().is_some_and(|record| !seen.insert(record.key.clone())) {
                *record = None;
            }
        }
    }
}
