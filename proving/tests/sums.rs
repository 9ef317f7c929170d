//! What is kept of a day of the real core adds up: for every decision, wanted less given is what was curtailed, by feeder and by
//! constraint, and the times that decisions count for cover the day.

use std::collections::BTreeMap;

use proving::day::watched;
use schemas::FeederId;
use schemas::clickhouse::{counts_for_ms, curtailed_by_node};
use schemas::records::decision::{Decision, DeviceDecision};

const DAY_MS: i64 = 86_400_000;
/// The first window begins before the day, and the last one that is decided ends before its end.
const EDGES_MS: i64 = 30_000;

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
    let mut covered: BTreeMap<FeederId, i64> = BTreeMap::new();
    let (mut decisions, mut curtailing) = (0, 0);
    watched("water-fill", &mut |decision| {
        decisions += 1;
        curtailing += usize::from(check(decision) > 0);
        *covered.entry(decision.root.clone()).or_default() += counts_for_ms(&decision.header);
    });
    assert!(decisions > 2 * 17_000, "{decisions}");
    assert!(curtailing > 1_000, "limits are felt: {curtailing} of {decisions}");
    for (root, covered) in covered {
        assert!((DAY_MS - EDGES_MS..=DAY_MS + EDGES_MS).contains(&covered), "{root}: {covered} ms");
    }
}
