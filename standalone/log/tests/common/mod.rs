//! What the tests of the store share: batches as producers send them, and reading all of a partition.

#![allow(dead_code, reason = "each test uses its part")]

use derms_log::store::batch::{self, Header};
use derms_log::store::record::{self, Builder};
use derms_log::store::{Disk, Limits, Partition, Store};

/// A record: key, value, time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rec {
    pub(crate) key: u8,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) time: i64,
}

/// Small segments, so that few records fill several.
pub(crate) fn small() -> Limits {
    Limits { segment_bytes: 1_500, compacted_segment_bytes: 900, bytes_max: u64::MAX }
}

pub(crate) fn open(folder: &std::path::Path, disk: Disk) -> Store {
    Store::open(folder, small(), disk, false).expect("the log opens")
}

pub(crate) fn topic(store: &Store, name: &str, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    store.create_topic(name, 1, configs, false).expect("a topic");
}

/// A batch as a producer sends it; `producer` is its id and the first sequence.
pub(crate) fn batch_of(
    records: &[Rec],
    packed: bool,
    producer: Option<(i64, i32)>,
) -> (Vec<u8>, Header) {
    let mut builder = Builder::new(0, records[0].time);
    for (offset, one) in records.iter().enumerate() {
        let headers = [(b"h".to_vec(), None)];
        builder.push(offset as i64, one.time, Some(&[one.key]), one.value.as_deref(), &headers);
    }
    let mut bytes = builder.build(packed).expect("a batch");
    let mut header = Header::parse(&bytes).expect("a header");
    if let Some((id, sequence)) = producer {
        (header.producer_id, header.producer_epoch, header.base_sequence) = (id, 0, sequence);
        header.seal(&mut bytes);
    }
    let header = batch::check_produced(&bytes).expect("a good batch");
    (bytes, header)
}

/// All records with their offsets, read in small pieces.
pub(crate) fn read_all(partition: &Partition) -> Vec<(i64, Rec)> {
    let bounds = partition.bounds();
    let mut from = bounds.start;
    let mut found = Vec::new();
    while from < bounds.next {
        let batches = partition.read(from, 200).expect("readable");
        if batches.is_empty() {
            break;
        }
        for (header, bytes) in batches {
            let unpacked = record::unpack(&header, &bytes).expect("unpacks");
            for one in record::records(&header, &unpacked).expect("records") {
                let offset = header.base_offset + i64::from(one.offset_delta);
                if offset >= from {
                    let key = one.key.expect("a key")[0];
                    let time = header.base_timestamp + one.timestamp_delta;
                    found.push((offset, Rec { key, value: one.value.map(<[u8]>::to_vec), time }));
                }
            }
            from = header.next_offset();
        }
    }
    found
}
