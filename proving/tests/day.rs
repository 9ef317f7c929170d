//! The demo's day, lived once for what must hold of all its decisions.
//!
//! What is kept of it adds up: for every decision, wanted less given is what was curtailed, by feeder and by constraint, and the
//! times that decisions count for cover the day. And the same log in gives the same bytes out, from one state of the code to
//! the next: hour by hour and tree by tree, the decisions are what `golden/day.txt` says. A change that is meant to decide
//! otherwise writes that file anew (`WRITE_GOLDEN=1 cargo test -p proving --test day`), and its reader sees from which
//! hour on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proving::day::{Event, watched};
use schemas::FeederId;
use schemas::clickhouse::{counts_for_ms, curtailed_by_node};
use schemas::codec::Record;
use schemas::ids::stable_hash;
use schemas::records::decision::{Decision, DeviceDecision, LedgerRecord};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The first window begins before the day, and the last one that is decided ends before its end.
const EDGES_MS: i64 = 30_000;

/// The decisions of a tree in one hour.
#[derive(Default)]
struct Hour {
    count: usize,
    hash: u64,
}

impl Hour {
    fn take(&mut self, decision: &Decision) {
        self.count += 1;
        for part in decision.clone().into_parts(usize::MAX) {
            let bytes = LedgerRecord::DecisionPart(part).encode();
            self.hash = stable_hash(&[&self.hash.to_be_bytes(), &bytes]);
        }
    }
}

/// What the tests ask of the day.
#[derive(Default)]
struct Day {
    decisions: usize,
    /// Decisions by which somebody is given less than wanted.
    curtailing: usize,
    /// For how long the decisions of each tree count, ms.
    covered: BTreeMap<FeederId, i64>,
    hours: BTreeMap<(FeederId, i64), Hour>,
}

static DAY: LazyLock<Day> = LazyLock::new(|| {
    let mut day = Day::default();
    watched("water-fill", &mut |event| {
        let Event::Decided(decision) = event else { return };
        day.decisions += 1;
        day.curtailing += usize::from(check(decision) > 0);
        let root = decision.root.clone();
        *day.covered.entry(root.clone()).or_default() += counts_for_ms(&decision.header);
        let hour = decision.header.at.0.rem_euclid(DAY_MS) / HOUR_MS;
        day.hours.entry((root, hour)).or_default().take(decision);
    });
    day
});

/// The part of a want that a setpoint covers: written again here, so that the rule of the tables is checked and not repeated.
fn given(device: &DeviceDecision) -> i64 {
    let want = device.wanted_w.0;
    match device.setpoint_w {
        None => want.abs(),
        Some(setpoint) if want >= 0 => want.min(setpoint.0.max(0)),
        Some(setpoint) => (-want).min((-setpoint.0).max(0)),
    }
}

fn check(decision: &Decision) -> i64 {
    let nodes = &decision.header.nodes;
    let parent = |feeder: &FeederId| {
        let node = nodes.iter().find(|node| node.feeder_id == *feeder);
        node.and_then(|node| node.parent_id.clone())
    };
    let mut by_feeder: BTreeMap<FeederId, i64> = BTreeMap::new();
    let mut by_constraint: BTreeMap<Option<FeederId>, i64> = BTreeMap::new();
    let mut whole = 0;
    for device in &decision.devices {
        let curtailed = device.wanted_w.0.abs() - given(device);
        whole += curtailed;
        *by_constraint.entry(device.bound_by.clone()).or_default() += curtailed;
        let mut above = Some(device.feeder_id.clone());
        while let Some(feeder) = above {
            above = parent(&feeder);
            *by_feeder.entry(feeder).or_default() += curtailed;
        }
    }
    for (feeder, curtailed) in curtailed_by_node(decision) {
        assert_eq!(curtailed.0, by_feeder.get(&feeder).copied().unwrap_or(0), "{feeder}");
    }
    assert_eq!(by_constraint.values().sum::<i64>(), whole);
    for bound in by_constraint.into_keys().flatten() {
        assert!(
            nodes.iter().any(|node| node.feeder_id == bound),
            "{bound} is no feeder of the tree"
        );
    }
    whole
}

#[test]
fn sums_agree_for_every_decision_of_a_day() {
    let Day { decisions, curtailing, covered, .. } = &*DAY;
    assert!(*decisions > 2 * 17_000, "{decisions}");
    assert!(*curtailing > 1_000, "limits are felt: {curtailing} of {decisions}");
    for (root, covered) in covered {
        assert!((DAY_MS - EDGES_MS..=DAY_MS + EDGES_MS).contains(covered), "{root}: {covered} ms");
    }
}

#[test]
fn the_demos_day_is_decided_as_before_to_the_last_byte() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/day.txt");
    let mut ours = String::new();
    for ((root, hour), Hour { count, hash }) in &DAY.hours {
        writeln!(ours, "{root} {hour:02} h: {count} decisions, {hash:016x}")
            .expect("a string takes all");
    }
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&page, &ours).expect("the page is written");
    }
    let kept = fs::read_to_string(&page).expect("the page is there");
    let differs = ours.lines().zip(kept.lines()).find(|(ours, kept)| ours != kept);
    assert_eq!(differs, None, "the first hour that is decided otherwise");
    assert_eq!(ours.lines().count(), kept.lines().count());
    assert!(kept.lines().count() >= 2 * 23, "a whole day: {kept}");
}
