//! When control stops and comes back, what is held of an estimate, and how long a release takes.

use schemas::records::decision::NodeBinding;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn feeder_id() -> FeederId {
    FeederId::new("root").expect("an id")
}

fn fresh() -> NodeSnapshot {
    node(&mut BTreeMap::new(), &feeder_id()).clone()
}

/// Good (true) and failed cycles, one after the other: whether control is stopped after each.
fn stopped(root: &mut NodeSnapshot, cycles: &[bool], resumes: i64) -> Vec<bool> {
    let settings = ControlSettings { max_consecutive_failures: 3, ..ControlSettings::default() };
    let cycle = |certified: &bool| {
        count_cycle(root, *certified, resumes, &settings);
        root.stopped.is_some()
    };
    cycles.iter().map(cycle).collect()
}

#[test]
fn control_stops_after_failed_cycles_in_a_row_and_comes_back_after_as_many_good_ones() {
    let mut root = fresh();
    assert_eq!(stopped(&mut root, &[false, false, true, false, false], 0), [false; 5]);
    assert_eq!(stopped(&mut root, &[false, false], 0), [true, true]);
    assert_eq!(stopped(&mut root, &[true, true, false, true, true, true], 0), {
        [true, true, true, true, true, false]
    });
    // It begins to count anew.
    assert_eq!(root.failures, 0);
    assert_eq!(stopped(&mut root, &[false, false, false], 0), [false, false, true]);
}

#[test]
fn an_operators_word_brings_control_back_once() {
    let mut root = fresh();
    assert_eq!(stopped(&mut root, &[false; 3], 7), [false, false, true]);
    assert_eq!(stopped(&mut root, &[false], 7), [true], "that word is an old one");
    assert_eq!(stopped(&mut root, &[true], 8), [false]);
    assert_eq!(stopped(&mut root, &[false; 3], 8), [false, false, true]);
}

#[test]
fn no_setting_stops_control_without_a_failure() {
    let mut root = fresh();
    let settings = ControlSettings { max_consecutive_failures: 0, ..ControlSettings::default() };
    count_cycle(&mut root, true, 0, &settings);
    assert_eq!(root.stopped, None);
    count_cycle(&mut root, false, 0, &settings);
    assert!(root.stopped.is_some());
}

#[test]
fn the_load_of_the_last_minute_is_remembered_and_a_peak_counts_once_it_lasts() {
    let mut state = fresh();
    note_recent(&mut state, Watts(900));
    assert_eq!(state.recent_w, [Watts(900)]);
    note_recent(&mut state, Watts(300));
    assert_eq!(state.recent_w, [Watts(300), Watts(300)], "what lasted for one window is not held");
    note_recent(&mut state, Watts(500));
    assert_eq!(state.recent_w, [Watts(300), Watts(300), Watts(500)]);
    for _ in 0..20 {
        note_recent(&mut state, Watts(500));
    }
    assert_eq!(state.recent_w, [Watts(500); 12]);
}

fn limits(source: Option<Uuid>) -> Limits {
    let (own_import, zero) = (Watts(10_000), Watts::ZERO);
    Limits {
        own_import,
        import: own_import,
        export: None,
        margin: zero,
        export_margin: zero,
        binding: NodeBinding::ImportLimit,
        source,
    }
}

#[test]
fn a_release_begins_at_the_end_of_a_restriction_and_is_over_a_minute_later() {
    let mut registry = Registry::default();
    registry.feeders.entry(feeder_id()).or_default();
    let topology = Topology::of(&registry, &feeder_id());
    let (mut nodes, event) = (BTreeMap::new(), Uuid::from_u128(5));
    let mut at = |ms: i64, source: Option<Uuid>| {
        note_restrictions(&mut nodes, &topology, &[limits(source)], NOW.plus_ms(ms));
        let state = node(&mut nodes, &feeder_id());
        (state.restricted, state.restricted_by, state.released_at.map(|at| at.since(NOW)))
    };
    assert_eq!(at(0, None), (false, None, None));
    assert_eq!(at(10, Some(event)), (true, Some(event), None));
    assert_eq!(at(20, None), (false, Some(event), Some(20)));
    assert_eq!(at(20 + RELEASE_SPREAD_MS - 1, None), (false, Some(event), Some(20)));
    assert_eq!(at(20 + RELEASE_SPREAD_MS, None), (false, None, None));
    // One that begins in the middle of a release ends it.
    assert_eq!(at(100_000, Some(event)), (true, Some(event), None));
    assert_eq!(at(100_010, None), (false, Some(event), Some(100_010)));
    assert_eq!(at(100_020, Some(event)), (true, Some(event), None));
}
