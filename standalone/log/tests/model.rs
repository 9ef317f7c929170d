//! The store against a model, from random operations: whatever is appended, repeated, deleted, compacted, cut off in the
//! middle of a write or met by a full disk, what was acknowledged is there, once, in order, at its offset.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{Rec, batch_of, open, read_all, topic};
use derms_log::store::{AppendError, Disk, Partition, Store, batch};
use proptest::prelude::*;

const DELETED: &str = "deleted";
const COMPACTED: &str = "compacted";
const RETENTION_MS: i64 = 1_000;
const NEVER: i64 = i64::MAX;

#[derive(Debug, Clone)]
enum Op {
    /// Appends so many records of keys, packed or not, idempotently or not.
    Append { compacted: bool, keys: Vec<(u8, bool)>, packed: bool, producer: Option<u8> },
    /// Sends a producer's last batch again.
    Repeat { compacted: bool, producer: u8 },
    /// Sends a batch with a hole before it.
    Gap { compacted: bool, producer: u8 },
    /// Lets time go by and tidies.
    Tidy { millis: i64 },
    /// Checkpoints everything.
    Sync,
    /// Gives up a part of the records.
    Delete { compacted: bool, part: u8 },
    /// Stops without a word and starts again; with a cut, the end of the last write is missing.
    Crash { compacted: bool, cut: Option<u16> },
    /// Stops in order and starts again.
    Restart,
    /// The disk has so much room left.
    Room { bytes: u16 },
    /// There is room again.
    Free,
    /// Stores a position.
    Position { group: u8, offset: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    let keys = proptest::collection::vec((0..6_u8, proptest::bool::weighted(0.2)), 1..8);
    prop_oneof![
        12 => (any::<bool>(), keys, any::<bool>(), proptest::option::of(0..3_u8)).prop_map(
            |(compacted, keys, packed, producer)| Op::Append { compacted, keys, packed, producer }
        ),
        2 => (any::<bool>(), 0..3_u8)
            .prop_map(|(compacted, producer)| Op::Repeat { compacted, producer }),
        1 => (any::<bool>(), 0..3_u8)
            .prop_map(|(compacted, producer)| Op::Gap { compacted, producer }),
        2 => (0..800_i64).prop_map(|millis| Op::Tidy { millis }),
        1 => Just(Op::Sync),
        1 => (any::<bool>(), any::<u8>())
            .prop_map(|(compacted, part)| Op::Delete { compacted, part }),
        2 => (any::<bool>(), proptest::option::of(any::<u16>()))
            .prop_map(|(compacted, cut)| Op::Crash { compacted, cut }),
        1 => Just(Op::Restart),
        1 => (0..600_u16).prop_map(|bytes| Op::Room { bytes }),
        2 => Just(Op::Free),
        1 => (0..3_u8, 0..100_i64).prop_map(|(group, offset)| Op::Position { group, offset }),
    ]
}

/// What a partition must hold.
#[derive(Debug, Default)]
struct Model {
    records: BTreeMap<i64, Rec>,
    start: i64,
    next: i64,
    /// By producer: the next sequence, and its last batch with its offset.
    producers: HashMap<u8, (i32, Vec<Rec>, i64)>,
    /// Added to a producer's number, so that later ones are others.
    era: i64,
    /// Bytes of files that are checkpointed.
    covered: HashMap<PathBuf, u64>,
}

struct World {
    folder: tempfile::TempDir,
    store: Option<Store>,
    room: Arc<AtomicI64>,
    models: [Model; 2],
    positions: BTreeMap<u8, i64>,
    now: i64,
    serial: u32,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Arc::new(AtomicI64::new(NEVER));
        let store = open(folder.path(), Disk::with_room(Arc::clone(&room)));
        let retention = RETENTION_MS.to_string();
        topic(&store, DELETED, &[("retention.ms", &retention)]);
        topic(
            &store,
            COMPACTED,
            &[("cleanup.policy", "compact"), ("delete.retention.ms", "1000000000")],
        );
        Self {
            folder,
            store: Some(store),
            room,
            models: Default::default(),
            positions: BTreeMap::new(),
            now: 1_000_000,
            serial: 0,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    fn partition(&self, compacted: bool) -> Arc<Partition> {
        let name = if compacted { COMPACTED } else { DELETED };
        self.store().partition(name, 0).expect("a partition")
    }

    fn folder(&self, compacted: bool) -> PathBuf {
        let name = if compacted { COMPACTED } else { DELETED };
        self.folder.path().join(format!("partitions/{name}-0"))
    }

    fn append(&mut self, compacted: bool, keys: &[(u8, bool)], packed: bool, producer: Option<u8>) {
        self.serial += 1;
        let value = |deleted: bool| (!deleted).then(|| format!("value {}", self.serial).into());
        let records: Vec<_> = keys
            .iter()
            .map(|(key, deleted)| Rec { key: *key, value: value(*deleted), time: self.now })
            .collect();
        let sequence = |producer: u8| {
            self.models[usize::from(compacted)]
                .producers
                .get(&producer)
                .map_or(0, |(next, ..)| *next)
        };
        let era = self.models[usize::from(compacted)].era;
        let idempotent = producer.map(|one| (era + i64::from(one), sequence(one)));
        let (mut bytes, header) = batch_of(&records, packed, idempotent);
        let appended = self.partition(compacted).append(&mut bytes, &header);
        let model = &mut self.models[usize::from(compacted)];
        match appended {
            Ok(offset) => {
                assert_eq!(offset, model.next, "offsets have no holes");
                for (offset, one) in (offset..).zip(&records) {
                    model.records.insert(offset, one.clone());
                }
                model.next += records.len() as i64;
                if let (Some(producer), Some((_, sequence))) = (producer, idempotent) {
                    let next = sequence + i32::try_from(records.len()).expect("few");
                    model.producers.insert(producer, (next, records, offset));
                }
            }
            Err(AppendError::Disk(_)) => {
                let left = self.room.load(Ordering::SeqCst);
                assert!(left < bytes.len() as i64, "an error with {left} bytes of room");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn repeat(&self, compacted: bool, producer: u8) {
        let model = &self.models[usize::from(compacted)];
        let Some((next, records, offset)) = model.producers.get(&producer) else {
            return;
        };
        let first = next - i32::try_from(records.len()).expect("few");
        let (mut bytes, header) =
            batch_of(records, true, Some((model.era + i64::from(producer), first)));
        let repeated = self.partition(compacted).append(&mut bytes, &header);
        assert_eq!(repeated.expect("taken"), *offset, "a repeat is where the first is");
    }

    fn gap(&self, compacted: bool, producer: u8) {
        let model = &self.models[usize::from(compacted)];
        let Some((next, records, _)) = model.producers.get(&producer) else {
            return;
        };
        let (mut bytes, header) =
            batch_of(records, false, Some((model.era + i64::from(producer), next + 7)));
        let refused = self.partition(compacted).append(&mut bytes, &header);
        assert!(matches!(refused, Err(AppendError::OutOfOrder)), "{refused:?}");
    }

    fn tidy(&mut self, millis: i64) {
        self.now += millis;
        // On a full disk compaction says so and leaves all as it was.
        self.store().tidy(self.now).ok();
        let start = self.partition(false).bounds().start;
        let model = &mut self.models[0];
        for (offset, gone) in model.records.range(model.start..start) {
            let age = self.now - gone.time;
            assert!(age > RETENTION_MS, "offset {offset} was deleted at the age of {age}");
        }
        model.start = start;
    }

    fn sync(&mut self) {
        if self.store().sync(true).is_err() {
            return;
        }
        for compacted in [false, true] {
            let files = files(&self.folder(compacted));
            let lengths = files.into_iter().filter_map(|path| Some((path.clone(), length(&path)?)));
            self.models[usize::from(compacted)].covered = lengths.collect();
        }
    }

    fn delete(&mut self, compacted: bool, part: u8) {
        let name = if compacted { COMPACTED } else { DELETED };
        let model = &self.models[usize::from(compacted)];
        let before = model.start + (model.next - model.start) * i64::from(part) / 255;
        let start = self.store().delete_records(name, 0, before);
        if let Ok(start) = start {
            assert_eq!(start, before);
            self.models[usize::from(compacted)].start = before;
        }
    }

    /// Opens again; the end of the newest file may be missing, down to what is checkpointed.
    fn crash(&mut self, compacted: bool, cut: Option<u16>) {
        self.store = None;
        if let (Some(cut), Some(path)) = (cut, files(&self.folder(compacted)).pop()) {
            let model = &mut self.models[usize::from(compacted)];
            let covered = model.covered.get(&path).copied().unwrap_or(0);
            let bytes = std::fs::read(&path).expect("the file");
            let open = bytes.len() as u64 - covered.min(bytes.len() as u64);
            let left = bytes.len() as u64 - u64::from(cut) % (open + 1);
            let file = std::fs::File::options().write(true).open(&path).expect("the file");
            file.set_len(left).expect("cut");
            model.lose_after(&bytes, usize::try_from(left).expect("small"));
        }
        self.open();
    }

    fn open(&mut self) {
        self.store = Some(open(self.folder.path(), Disk::with_room(Arc::clone(&self.room))));
    }

    fn restart(&mut self) {
        self.sync();
        self.store = None;
        self.open();
    }

    fn check(&self) {
        for compacted in [false, true] {
            let model = &self.models[usize::from(compacted)];
            let partition = self.partition(compacted);
            let bounds = partition.bounds();
            assert_eq!((bounds.start, bounds.next), (model.start, model.next));
            let found = read_all(&partition);
            let kept = model.records.range(model.start..);
            if compacted {
                model.check_compacted(&found);
            } else {
                let expected: Vec<_> = kept.map(|(offset, one)| (*offset, one.clone())).collect();
                assert_eq!(found, expected);
            }
        }
        for (group, offset) in &self.positions {
            let positions = self.store().positions(&format!("g{group}"));
            let position = &positions[&(DELETED.to_owned(), 0)];
            assert_eq!((position.offset, position.metadata.as_deref()), (*offset, Some("text")));
        }
    }

    fn act(&mut self, op: &Op) {
        match op {
            Op::Append { compacted, keys, packed, producer } => {
                self.append(*compacted, keys, *packed, *producer);
            }
            Op::Repeat { compacted, producer } => self.repeat(*compacted, *producer),
            Op::Gap { compacted, producer } => self.gap(*compacted, *producer),
            Op::Tidy { millis } => self.tidy(*millis),
            Op::Sync => self.sync(),
            Op::Delete { compacted, part } => self.delete(*compacted, *part),
            Op::Crash { compacted, cut } => self.crash(*compacted, *cut),
            Op::Restart => self.restart(),
            Op::Room { bytes } => self.room.store(i64::from(*bytes), Ordering::SeqCst),
            Op::Free => self.room.store(NEVER, Ordering::SeqCst),
            Op::Position { group, offset } => {
                let metadata = Some("text".to_owned());
                let position = derms_log::store::Position { offset: *offset, metadata };
                let name = format!("g{group}");
                if self.store().put_position(&name, DELETED, 0, position).is_ok() {
                    self.positions.insert(*group, *offset);
                }
            }
        }
    }
}

impl Model {
    /// The batches of a file that do not end before `left` are gone, with what was known of their producers.
    fn lose_after(&mut self, bytes: &[u8], left: usize) {
        let (mut at, mut lost) = (0, None);
        while at < bytes.len() {
            let header = batch::check(&bytes[at..]).expect("the store's own batch");
            at += header.bytes;
            if at > left {
                lost = Some(header.base_offset);
                break;
            }
        }
        let Some(lost) = lost else {
            return;
        };
        self.records.split_off(&lost);
        // What was given up by hand is not given again.
        self.next = lost.max(self.start);
        // Who lost a batch would send it again; here new producers come.
        self.producers.clear();
        self.era += 10;
    }

    /// Every record was appended; the latest of each key is there.
    fn check_compacted(&self, found: &[(i64, Rec)]) {
        let mut latest: BTreeMap<u8, i64> = BTreeMap::new();
        for (offset, one) in self.records.range(self.start..) {
            latest.insert(one.key, *offset);
        }
        let mut before = -1;
        for (offset, one) in found {
            assert!(*offset > before, "in order");
            before = *offset;
            assert_eq!(self.records.get(offset), Some(one));
        }
        for (key, offset) in latest {
            assert!(found.iter().any(|(there, _)| *there == offset), "the latest of {key} is lost");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the partition's folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    files
}

fn length(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn what_was_acknowledged_is_there_once_in_order_whatever_happens(
        ops in proptest::collection::vec(op(), 1..60)
    ) {
        let mut world = World::new();
        for op in &ops {
            world.act(op);
            world.check();
        }
        world.room.store(NEVER, Ordering::SeqCst);
        world.append(false, &[(0, false)], true, None);
        world.append(true, &[(0, false)], true, None);
        world.restart();
        world.check();
    }
}
