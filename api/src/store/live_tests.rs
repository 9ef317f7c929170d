//! The live view: what wins, what counts as a change, and what subscribers see of it.

use schemas::records::operator::{DeviceRegistered, EventCreated, FeederChange};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{Watts, units::Soc};
use uuid::Uuid;

use super::*;
use crate::test_data::{device_state, feeder_state, operator_record};

fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("an id")
}

fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("an id")
}

fn registered(id: &str, feeder_id: &str) -> OperatorRecord {
    operator_record(Change::DeviceRegistered(DeviceRegistered {
        device_id: device(id),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Physical,
        feeder_id: feeder(feeder_id),
        site_id: None,
    }))
}

fn power_of(live: &Live, id: &str) -> Option<Watts> {
    let view = live.view();
    view.device(&device(id))?.state?.power_w
}

#[test]
fn the_highest_version_wins_whatever_the_order() {
    let live = Live::default();
    let with = |epoch, seq, watts| {
        let mut state = device_state("ev-1", "f1", epoch, seq);
        state.power_w = Some(Watts(watts));
        state
    };
    live.apply_device(with(1, 9, 100));
    live.apply_device(with(2, 1, 200));
    live.apply_device(with(1, 10, 300));
    live.apply_device(with(2, 1, 400));
    assert_eq!(power_of(&live, "ev-1"), Some(Watts(200)));
}

#[test]
fn across_trees_the_later_state_wins_since_their_numbers_say_nothing() {
    let live = Live::default();
    let mut old = device_state("ev-1", "f1", 9, 9);
    old.at = Timestamp(1_000);
    let mut moved = device_state("ev-1", "f2", 1, 1);
    moved.at = Timestamp(2_000);
    moved.power_w = Some(Watts(7));
    live.apply_device(old.clone());
    live.apply_device(moved);
    assert_eq!(power_of(&live, "ev-1"), Some(Watts(7)));
    live.apply_device(old);
    assert_eq!(power_of(&live, "ev-1"), Some(Watts(7)));
}

#[test]
fn a_registered_device_is_there_before_it_has_a_state_and_so_is_its_feeder() {
    let live = Live::default();
    live.apply_operator(0, &registered("ev-1", "f1"));
    let view = live.view();
    assert_eq!(view.devices().count(), 1);
    assert_eq!(view.feeders().len(), 1);
    let found = view.device(&device("ev-1")).expect("it is there");
    assert!(found.state.is_none());
    assert_eq!(found.feeder_id(), Some(&feeder("f1")));
    assert_eq!(view.registered_under(&feeder("f1")).count(), 1);
    assert_eq!(view.registered_under(&feeder("f2")).count(), 0);
}

#[test]
fn an_operator_record_that_is_read_again_changes_nothing() {
    let live = Live::default();
    let limit = |kw| {
        operator_record(Change::FeederChange(FeederChange {
            feeder_id: feeder("f1"),
            parent_id: None,
            import_limit_w: Watts::from_kw(kw),
            export_limit_w: None,
            mode: None,
            policy: None,
        }))
    };
    live.apply_operator(0, &limit(10.0));
    live.apply_operator(1, &limit(20.0));
    live.apply_operator(0, &limit(10.0));
    let view = live.view();
    let found = view.feeder(&feeder("f1")).expect("it is there");
    assert_eq!(found.settings.import_limit_w, Some(Watts(20_000)));
}

#[test]
fn a_state_that_only_repeats_is_no_change() {
    let live = Live::default();
    live.apply_device(device_state("ev-1", "f1", 1, 1));
    let next = |after| {
        let view = live.view();
        let (revision, found) = view.next_device(after, |_| true);
        (revision, found.map(|device| device.state.expect("a state").soc))
    };
    let (revision, found) = next(0);
    assert!(found.is_some());
    live.apply_device(device_state("ev-1", "f1", 1, 2));
    assert_eq!(next(revision).1, None);
    let mut changed = device_state("ev-1", "f1", 1, 3);
    changed.soc = Some(Soc(4_200));
    live.apply_device(changed);
    assert_eq!(next(revision).1, Some(Some(Soc(4_200))));
}

#[test]
fn a_slow_subscriber_sees_the_newest_state_of_each_once() {
    let live = Live::default();
    for seq in 1..=100 {
        live.apply_feeder(feeder_state("f1", 1, seq, Watts(seq)));
        live.apply_feeder(feeder_state("f2", 1, seq, Watts(-seq)));
    }
    let mut seen = Vec::new();
    let mut after = 0;
    let view = live.view();
    while let (revision, Some(feeder)) = view.next_feeder(after, |_| true) {
        after = revision;
        seen.push(feeder.state.expect("a state").node.load_w);
    }
    assert_eq!(seen, [Watts(100), Watts(-100)]);
}

#[test]
fn a_filter_passes_over_what_is_not_wanted() {
    let live = Live::default();
    live.apply_feeder(feeder_state("f1", 1, 1, Watts(1)));
    live.apply_feeder(feeder_state("f2", 1, 1, Watts(2)));
    let view = live.view();
    let (revision, found) = view.next_feeder(0, |candidate| candidate.id == feeder("f2"));
    assert_eq!(found.expect("f2 is there").id, feeder("f2"));
    let (end, none) = view.next_feeder(revision, |candidate| candidate.id == feeder("f2"));
    assert!(none.is_none());
    assert!(end >= revision);
}

#[tokio::test]
async fn a_writer_learns_what_became_of_its_record() {
    let live = Live::default();
    live.apply_operator(0, &registered("ev-1", "f1"));
    let event = |feeder_id: &str| {
        operator_record(Change::EventCreated(EventCreated {
            event_id: Uuid::from_u128(7),
            feeder_id: feeder(feeder_id),
            start: Timestamp(0),
            end: Timestamp(10),
            limit_w: Watts(1),
            kind: "dr".to_owned(),
            ramp_s: 0,
            randomize_s: 0,
        }))
    };
    live.apply_operator(1, &event("nowhere"));
    live.apply_operator(2, &event("f1"));
    let refused = live.read_up_to(1).await;
    assert_eq!(refused, Err(Refused::UnknownFeeder(feeder("nowhere"))));
    assert_eq!(live.read_up_to(2).await, Ok(()));
    let waiting = live.read_up_to(3);
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    live.skip_operator(3);
    assert_eq!(waiting.await, Ok(()));
}

#[test]
fn a_subtree_holds_the_feeder_and_all_below_it() {
    let live = Live::default();
    for (offset, (child, parent)) in [("b", "a"), ("c", "b"), ("z", "y")].into_iter().enumerate() {
        let change = Change::FeederChange(FeederChange {
            feeder_id: feeder(child),
            parent_id: Some(feeder(parent)),
            import_limit_w: None,
            export_limit_w: None,
            mode: None,
            policy: None,
        });
        let offset = i64::try_from(offset).expect("small");
        live.apply_operator(offset, &operator_record(change));
    }
    let tree: Vec<String> =
        live.view().subtree(&feeder("a")).iter().map(ToString::to_string).collect();
    assert_eq!(tree, ["a", "b", "c"]);
}

#[test]
fn a_state_that_claims_to_be_far_ahead_gives_way_to_what_control_says() {
    let live = Live::default();
    live.apply_device(device_state("ev-1", "f1", 1 << 50, 1));
    live.apply_device(device_state("ev-2", "f1", 1, 1 << 50));
    for id in ["ev-1", "ev-2"] {
        let mut real = device_state(id, "f1", 1, 7);
        real.power_w = Some(Watts(4_321));
        live.apply_device(real);
        assert_eq!(power_of(&live, id), Some(Watts(4_321)));
    }
}
