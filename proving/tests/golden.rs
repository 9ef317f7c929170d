//! The same log in gives the same bytes out, from one state of the code to the next: the decisions of the demo's day, hour by
//! hour and tree by tree, are what `golden/day.txt` says. A change that is meant to decide otherwise writes the file
//! anew (`WRITE_GOLDEN=1 cargo test -p proving --test golden`), and its reader sees from which hour on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proving::day::watched;
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ids::stable_hash;
use schemas::records::decision::LedgerRecord;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The decisions of a tree in one hour.
#[derive(Default)]
struct Hour {
    count: usize,
    hash: u64,
}

fn day() -> String {
    let mut hours: BTreeMap<(FeederId, i64), Hour> = BTreeMap::new();
    watched("water-fill", &mut |decision| {
        let of_day = decision.header.at.0.rem_euclid(DAY_MS) / HOUR_MS;
        let hour = hours.entry((decision.root.clone(), of_day)).or_default();
        hour.count += 1;
        for part in decision.clone().into_parts(usize::MAX) {
            let bytes = LedgerRecord::DecisionPart(part).encode();
            hour.hash = stable_hash(&[&hour.hash.to_be_bytes(), &bytes]);
        }
    });
    let mut text = String::new();
    for ((root, hour), Hour { count, hash }) in hours {
        writeln!(text, "{root} {hour:02} h: {count} decisions, {hash:016x}")
            .expect("a string takes all");
    }
    text
}

#[test]
fn the_demos_day_is_decided_as_before_to_the_last_byte() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/day.txt");
    let ours = day();
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&page, &ours).expect("the page is written");
    }
    let kept = fs::read_to_string(&page).expect("the page is there");
    let differs = ours.lines().zip(kept.lines()).find(|(ours, kept)| ours != kept);
    assert_eq!(differs, None, "the first hour that is decided otherwise");
    assert_eq!(ours.lines().count(), kept.lines().count());
    assert!(kept.lines().count() >= 2 * 23, "a whole day: {kept}");
}
