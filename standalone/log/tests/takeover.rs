//! The log of an older version, in one SQLite file, is taken over once: records with offsets, times, keys, values and
//! headers, settings, positions; and the old file is kept so that one can go back.

use std::collections::BTreeMap;
use std::path::Path;

use derms_log::store::{Disk, Limits, Store, record};
use derms_log::takeover::take_over;

/// What the older version kept, as far as it is taken over.
const TABLES: &str = "
create table topic (id integer primary key, cluster int, name text, uuid text, partitions int);
create table topic_configuration (id integer primary key, topic int, name text, value text);
create table topition (id integer primary key, topic integer, partition integer);
create table watermark (id integer primary key, topition integer, low integer, high integer);
create table record (topition integer, offset_id integer, attributes integer, producer_id integer,
  producer_epoch integer, timestamp integer, v blob, k blob, primary key (topition, offset_id));
create table header (topition integer, offset_id integer, k blob, v blob);
create table consumer_group (id integer primary key, cluster integer, name text);
create table consumer_offset (id integer primary key, consumer_group integer, topition integer,
  committed_offset integer, leader_epoch integer, timestamp text, metadata text);
insert into topic values (1, 1, 'derms.decisions.v1', 'x', 2), (2, 1, 'derms.snapshots.v1', 'y', 1);
insert into topic_configuration values (1, 1, 'retention.ms', '2592000000'), (2, 2, 'cleanup.policy', 'compact');
insert into topition values (1, 1, 0), (2, 1, 1), (3, 2, 0);
insert into watermark values (1, 1, 0, 20001), (2, 2, 0, 0), (3, 3, 4, 9);
insert into record
  with recursive n(i) as (select 0 union all select i + 1 from n where i < 20000)
  select 1, i, 0, -1, -1, 1700000000000 + i, cast('value ' || i as blob),
    case when i % 7 then cast('key ' || (i % 7) as blob) end from n;
insert into record values (3, 5, 0, -1, -1, 77, null, cast('gone' as blob)),
  (3, 8, 0, -1, -1, 78, zeroblob(300000), cast('large' as blob));
insert into header values (1, 10, x'68', x'31'), (1, 10, x'68', null), (3, 8, x'78', x'79');
insert into consumer_group values (1, 1, 'derms.sink');
insert into consumer_offset values (1, 1, 1, 1234, 0, null, 'a text'), (2, 1, 3, 9, 0, null, null);
";

async fn old_log(folder: &Path) {
    let database = libsql::Builder::new_local(folder.join("log.db")).build().await.expect("made");
    database.connect().expect("open").execute_batch(TABLES).await.expect("filled");
}

type Found = BTreeMap<i64, (i64, Option<Vec<u8>>, Option<Vec<u8>>)>;

fn records(store: &Store, topic: &str) -> Found {
    let partition = store.partition(topic, 0).expect("a partition");
    let bounds = partition.bounds();
    let (mut from, mut found) = (bounds.start, Found::new());
    while from < bounds.next {
        let batches = partition.read(from, 1 << 20).expect("readable");
        let Some((last, _)) = batches.last() else {
            break;
        };
        from = last.next_offset();
        for (header, bytes) in &batches {
            let unpacked = record::unpack(header, bytes).expect("unpacks");
            for one in record::records(header, &unpacked).expect("records") {
                let offset = header.base_offset + i64::from(one.offset_delta);
                let time = header.base_timestamp + one.timestamp_delta;
                let copy = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                found.insert(offset, (time, copy(one.key), copy(one.value)));
            }
        }
    }
    found
}

#[tokio::test]
async fn everything_of_an_older_log_is_there_and_the_old_file_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    old_log(folder.path()).await;
    take_over(folder.path()).await.expect("taken over");
    assert!(!folder.path().join("log.db").exists() && folder.path().join("log.db.before").exists());

    let open = || Store::open(folder.path(), Limits::default(), Disk::default(), false);
    let store = open().expect("it opens");
    let decisions = records(&store, "derms.decisions.v1");
    assert_eq!(decisions.len(), 20_001);
    for (offset, (time, key, value)) in &decisions {
        assert_eq!(*time, 1_700_000_000_000 + offset);
        assert_eq!(value.as_deref(), Some(format!("value {offset}").as_bytes()));
        let number = offset % 7;
        let expected = (number != 0).then(|| format!("key {number}").into_bytes());
        assert_eq!(*key, expected);
    }
    let snapshots = records(&store, "derms.snapshots.v1");
    assert_eq!(snapshots[&5], (77, Some(b"gone".to_vec()), None));
    assert_eq!(snapshots[&8], (78, Some(b"large".to_vec()), Some(vec![0; 300_000])));
    let bounds = store.partition("derms.snapshots.v1", 0).expect("a partition").bounds();
    assert_eq!((bounds.start, bounds.next), (4, 9));
    assert!(store.partition("derms.snapshots.v1", 0).expect("a partition").policy().compact);

    let positions = store.positions("derms.sink");
    let position = &positions[&("derms.decisions.v1".to_owned(), 0)];
    assert_eq!((position.offset, position.metadata.as_deref()), (1234, Some("a text")));
    assert_eq!(positions[&("derms.snapshots.v1".to_owned(), 0)].offset, 9);
    drop(store);

    take_over(folder.path()).await.expect("nothing to do");
    assert_eq!(records(&open().expect("it opens"), "derms.decisions.v1").len(), 20_001);
}

#[tokio::test]
async fn a_damaged_old_log_is_a_sentence_that_names_it_and_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    old_log(folder.path()).await;
    let old = folder.path().join("log.db");
    let whole = std::fs::read(&old).expect("there");
    let mut damaged = whole[..whole.len() / 3].to_vec();
    damaged[5_000..20_000].fill(0x5a);
    std::fs::write(&old, &damaged).expect("written");
    let error = take_over(folder.path()).await.expect_err("refused").to_string();
    assert!(error.contains(&old.display().to_string()) && error.contains("backup"), "{error}");
    assert_eq!(std::fs::read(&old).expect("there"), damaged);
    assert!(!Store::exists(folder.path()));

    // Put back, it is taken over, whatever the first attempt has left.
    std::fs::write(&old, &whole).expect("written");
    take_over(folder.path()).await.expect("taken over");
}
