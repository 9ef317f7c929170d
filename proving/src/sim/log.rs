//! The log in memory: topics, partitions, offsets, one order of appends that all readers see. Knows no record's meaning.

use std::collections::BTreeMap;

use schemas::topics::Topic;

/// One record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Every partition's records.
#[derive(Debug, Default)]
pub struct Log {
    partitions: BTreeMap<(Topic, i32), Vec<Option<Entry>>>,
}

impl Log {
    /// Appends a record and gives its offset.
    pub fn append(&mut self, topic: Topic, partition: i32, key: String, value: Vec<u8>) -> i64 {
        let records = self.partitions.entry((topic, partition)).or_default();
        records.push(Some(Entry { key, value }));
        i64::try_from(records.len()).expect("fits") - 1
    }

    /// The next offset of a partition.
    #[must_use]
    pub fn end(&self, topic: Topic, partition: i32) -> i64 {
        let len = self.partitions.get(&(topic, partition)).map_or(0, Vec::len);
        i64::try_from(len).expect("fits")
    }

    /// The records from an offset on that compaction has left.
    pub fn read(
        &self,
        topic: Topic,
        partition: i32,
        from: i64,
    ) -> impl Iterator<Item = (i64, &Entry)> {
        let records = self.partitions.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(from.max(0)).expect("at least 0").min(records.len());
        (0_i64..)
            .zip(records)
            .skip(from)
            .filter_map(|(offset, entry)| entry.as_ref().map(|entry| (offset, entry)))
    }

    /// Leaves the last record of each key, as the log does with snapshots, some time later.
    pub fn compact(&mut self, topic: Topic, partition: i32) {
        let Some(records) = self.partitions.get_mut(&(topic, partition)) else { return };
        let mut seen = std::collections::BTreeSet::new();
        for record in records.iter_mut().rev() {
            if record.as_ref().is_some_and(|entry| !seen.insert(entry.key.clone())) {
                *record = None;
            }
        }
    }
}
