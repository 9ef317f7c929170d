//! A damaged file of the log is a sentence that names it, what is lost and a way out; and the way out works.

mod common;

use std::path::{Path, PathBuf};

use common::{Rec, batch_of, open, read_all, small, topic};
use derms_log::store::{Disk, Store};

/// Several segments of records.
fn filled(folder: &Path) -> i64 {
    let store = open(folder, Disk::default());
    topic(&store, "t", &[]);
    let partition = store.partition("t", 0).expect("a partition");
    for number in 0..60_u8 {
        let value = Some(vec![number; 80]);
        let (mut bytes, header) = batch_of(&[Rec { key: 1, value, time: 5 }], false, None);
        partition.append(&mut bytes, &header).expect("appended");
    }
    store.sync(true).expect("synced");
    partition.bounds().next
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("partitions/t-0")).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    files
}

fn refused(folder: &Path, file: &Path) -> String {
    let damage = Store::open(folder, small(), Disk::default(), false).expect_err("refused");
    let text = damage.to_string();
    assert!(text.contains(&file.display().to_string()), "{text}");
    assert!(text.contains("DERMS_LOG_REPAIR=true") && text.contains("lost"), "{text}");
    text
}

/// Opens with a repair, and says which offsets are left.
fn repaired(folder: &Path, next: i64) -> Vec<i64> {
    let store = Store::open(folder, small(), Disk::default(), true).expect("repaired");
    let partition = store.partition("t", 0).expect("a partition");
    assert_eq!(partition.bounds().next, next, "no offset is given again");
    let left = read_all(&partition).into_iter().map(|(offset, _)| offset).collect();
    drop(store);
    drop(open(folder, Disk::default()));
    left
}

fn damaged_is_kept(file: &Path) {
    assert!(file.with_extension("log.damaged").exists(), "{}", file.display());
}

#[test]
fn a_segment_that_is_cut_short_is_named_and_given_up_on_demand() {
    for which in [0, usize::MAX] {
        let folder = tempfile::tempdir().expect("a folder");
        let next = filled(folder.path());
        let files = segments(folder.path());
        let file = files.get(which).or(files.last()).expect("segments").clone();
        let length = std::fs::metadata(&file).expect("there").len();
        let cut = std::fs::File::options().write(true).open(&file).expect("there");
        cut.set_len(length / 2).expect("cut");
        let text = refused(folder.path(), &file);
        assert!(text.contains("cut short"), "{text}");
        let left = repaired(folder.path(), next);
        assert!(left.len() < 60 && left.len() > 40, "{}", left.len());
        damaged_is_kept(&file);
    }
}

#[test]
fn a_changed_byte_is_named_and_costs_its_batch_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let next = filled(folder.path());
    let file = segments(folder.path()).last().expect("segments").clone();
    let mut bytes = std::fs::read(&file).expect("there");
    bytes[100] ^= 1;
    std::fs::write(&file, &bytes).expect("written");
    let text = refused(folder.path(), &file);
    assert!(text.contains("damaged at byte 0"), "{text}");
    assert_eq!(repaired(folder.path(), next).len(), 59);
    damaged_is_kept(&file);
}

#[test]
fn a_changed_byte_in_an_old_segment_is_met_by_its_reader_and_by_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let next = filled(folder.path());
    let file = segments(folder.path()).first().expect("segments").clone();
    let mut bytes = std::fs::read(&file).expect("there");
    bytes[100] ^= 1;
    std::fs::write(&file, &bytes).expect("written");
    let store = open(folder.path(), Disk::default());
    let partition = store.partition("t", 0).expect("a partition");
    let error = partition.read(0, 1_000).expect_err("damaged").to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert!(!partition.read(30, 1_000).expect("readable").is_empty());
    drop((partition, store));
    assert_eq!(repaired(folder.path(), next).len(), 59);
}

#[test]
fn a_damaged_journal_is_named_and_an_unfinished_line_is_not_a_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let journal = folder.path().join("journal");
    let whole = std::fs::read(&journal).expect("there");
    std::fs::write(&journal, [&whole[..], b"0123abcd {\"topic"].concat()).expect("written");
    drop(open(folder.path(), Disk::default()));
    assert_eq!(std::fs::read(&journal).expect("there"), whole);

    let mut bytes = whole;
    bytes[20] ^= 1;
    std::fs::write(&journal, &bytes).expect("written");
    refused(folder.path(), &journal);
}

#[test]
fn a_log_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let journal = folder.path().join("journal");
    let text = std::fs::read_to_string(&journal).expect("there").replacen(
        "\"format\":1",
        "\"format\":2",
        1,
    );
    let first = text.lines().next().expect("a line").split_once(' ').expect("sum and text").1;
    let sum = derms_log::store::batch::checksum(first.as_bytes());
    let later = format!("{sum:08x} {first}\n");
    std::fs::write(&journal, later).expect("written");
    let error = Store::open(folder.path(), small(), Disk::default(), true).expect_err("refused");
    assert!(error.to_string().contains("later version"), "{error}");
}
