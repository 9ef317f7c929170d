//! Tests of the history that is made, without a database.

use std::collections::BTreeMap;

use schemas::clickhouse::{curtailed, curtailed_by_node};
use schemas::records::decision::Decision;

use super::*;

fn plan(seed: u64) -> Plan {
    let start =
        Timestamp(1_780_335_000_000).window_start(DAY_MS).plus_ms(EVENT_FROM_MS - 10 * MINUTE_MS);
    Plan {
        devices: 60,
        feeders: 6,
        seed,
        start,
        until: start.plus_ms(20 * MINUTE_MS),
        interval_ms: 5_000,
        window_ms: 5_000,
    }
}

fn decisions(seed: u64) -> Vec<Decision> {
    let mut world = World::new(plan(seed));
    let mut all = Vec::new();
    while world.step() {
        let now = world.now;
        for area in &mut world.areas {
            let moment = Moment {
                at: now.plus_ms(DECIDED_AFTER_MS),
                window: (now.plus_ms(-5_000), now),
                positions: Positions::default(),
                writer: Uuid::nil(),
            };
            all.push(area.decide(moment));
        }
    }
    all
}

#[test]
fn loads_add_up_and_nobody_is_given_more_than_it_wants() {
    let decisions = decisions(7);
    let mut bound = 0;
    for decision in &decisions {
        let nodes = &decision.header.nodes;
        let of_devices: i64 =
            decision.devices.iter().map(|device| device.power_w.map_or(0, |power| power.0)).sum();
        let feeders = &nodes[1..];
        assert_eq!(nodes[0].controlled_w.0, of_devices);
        assert_eq!(nodes[0].load_w.0, feeders.iter().map(|node| node.load_w.0).sum::<i64>());
        assert_eq!(nodes[0].load_w.0, of_devices + nodes[0].uncontrolled_w.0);
        let by_node = curtailed_by_node(decision);
        let sum: i64 = decision.devices.iter().map(|device| curtailed(device).0).sum();
        assert_eq!(by_node[&nodes[0].feeder_id].0, sum);
        for node in nodes {
            let asked = node.water_level_w.is_some() && node.unmet_w.0 == 0;
            let under = |device: &&schemas::records::decision::DeviceDecision| {
                node.parent_id.is_none() || device.feeder_id == node.feeder_id
            };
            let steered = decision.devices.iter().filter(under);
            let shares: i64 = steered.map(|device| device.share_w.0).sum();
            assert!(!asked || shares + node.reserved_w.0 <= node.limit_w.0, "{node:?}");
            bound += usize::from(asked);
        }
    }
    assert!(bound > 100, "limits are felt: {bound} of {}", decisions.len());
}

#[test]
fn one_sample_in_twenty_is_late_and_every_sample_comes_once() {
    let mut lines = Lines::new(100);
    let plan = plan(3);
    let mut late = 0;
    let mut twice = 0;
    for nth in 0..200_000 {
        late += usize::from(matches!(lines.next(&plan, nth % 100), Line::Broken(_)));
        twice += usize::from(lines.comes_twice(&plan));
    }
    assert!((9_000..11_000).contains(&late), "{late}");
    assert!((9_000..11_000).contains(&twice), "{twice}");
}

/// The rows of every block, as text.
fn texts(seed: u64) -> BTreeMap<String, String> {
    let mut world = World::new(plan(seed));
    let mut blocks = Vec::new();
    while world.step() {
        blocks.extend(world.take());
    }
    blocks.extend(world.finish());
    let named = |block: Block| {
        (format!("{} {} {}", block.table, block.first, block.last), format!("{:?}", block.rows))
    };
    blocks.into_iter().map(named).collect()
}

#[test]
fn the_same_seed_gives_the_same_rows_and_another_does_not() {
    let first = texts(1);
    assert!(first == texts(1), "the same rows");
    assert!(first != texts(2), "other rows");
}
