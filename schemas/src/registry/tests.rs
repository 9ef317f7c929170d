//! The rules of the fold.

use super::*;
use crate::records::lifecycle::DeviceRetired;
use crate::records::operator::{DeviceRegistered, EventCancelled, FeederRemoved};

pub(super) fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("a valid id")
}

pub(super) fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("a valid id")
}

pub(super) fn apply(registry: &mut Registry, at: i64, change: Change) -> Result<(), Refused> {
    let record = OperatorRecord {
        id: Uuid::nil(),
        at: Timestamp(at),
        source: None,
        actor: "op".to_owned(),
        change,
    };
    registry.apply(&record)
}

pub(super) fn under(child: &str, parent: &str) -> Change {
    Change::FeederChange(FeederChange {
        feeder_id: feeder(child),
        parent_id: Some(feeder(parent)),
        import_limit_w: None,
        export_limit_w: None,
        mode: None,
        policy: None,
    })
}

pub(super) fn registered(id: &str, at: &str) -> Change {
    Change::DeviceRegistered(DeviceRegistered {
        device_id: device(id),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: feeder(at),
        site_id: None,
    })
}

#[test]
fn the_first_registration_of_a_device_counts_and_makes_its_feeder() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, registered("ev-1", "a")).expect("new");
    assert_eq!(apply(&mut registry, 2, registered("ev-1", "b")), Err(Refused::Exists));
    assert_eq!(registry.feeder_of(&device("ev-1")), Some(&feeder("a")));
    assert_eq!(registry.roots(), BTreeSet::from([feeder("a")]));
}

#[test]
fn a_feeder_cannot_become_its_own_ancestor() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, under("b", "a")).expect("fine");
    apply(&mut registry, 2, under("c", "b")).expect("fine");
    assert_eq!(
        apply(&mut registry, 3, under("a", "c")),
        Err(Refused::Cycle(feeder("a"), feeder("c")))
    );
    assert_eq!(registry.root_of(&feeder("c")), feeder("a"));
}

#[test]
fn a_feeder_takes_only_a_policy_that_exists() {
    let mut registry = Registry::default();
    let mut choose = |policy: &str| {
        let change = FeederChange {
            feeder_id: feeder("a"),
            parent_id: None,
            import_limit_w: None,
            export_limit_w: None,
            mode: None,
            policy: Some(policy.to_owned()),
        };
        apply(&mut registry, 1, Change::FeederChange(change))
    };
    assert_eq!(choose("lifo"), Ok(()));
    let refused = choose("fifo").expect_err("no such policy");
    assert!(
        refused.to_string().starts_with("unknown policy \"fifo\": expected one of water-fill, ")
    );
    assert_eq!(registry.feeders[&feeder("a")].policy.as_deref(), Some("lifo"));
}

#[test]
fn the_devices_of_a_tree_move_with_their_feeder_and_one_by_one() {
    let mut registry = Registry::default();
    for (device, at) in [("ev-1", "a"), ("ev-2", "b"), ("ev-3", "x")] {
        apply(&mut registry, 1, registered(device, at)).expect("new");
    }
    let members = |registry: &Registry, root: &str| -> Vec<String> {
        registry.members(&feeder(root)).map(|(device_id, _)| device_id.to_string()).collect()
    };
    assert_eq!(members(&registry, "b"), ["ev-2"]);
    apply(&mut registry, 2, under("b", "a")).expect("fine");
    apply(&mut registry, 3, under("a", "r")).expect("fine");
    assert_eq!(members(&registry, "r"), ["ev-1", "ev-2"]);
    assert_eq!(members(&registry, "a"), [""; 0]);
    let mut change = DeviceChange {
        device_id: device("ev-3"),
        feeder_id: Some(feeder("b")),
        priority: None,
        target_soc: None,
        fallback_w: None,
        opted_out: None,
    };
    apply(&mut registry, 4, Change::DeviceChange(change.clone())).expect("known");
    assert_eq!(members(&registry, "r"), ["ev-1", "ev-2", "ev-3"]);
    apply(&mut registry, 5, under("b", "x")).expect("fine");
    assert_eq!(members(&registry, "x"), ["ev-2", "ev-3"]);
    assert_eq!(registry.children(&feeder("a")).count(), 0);
    change.feeder_id = Some(feeder("nowhere"));
    assert!(apply(&mut registry, 6, Change::DeviceChange(change)).is_err());
    assert_eq!(members(&registry, "x"), ["ev-2", "ev-3"], "what is refused changes nothing");
}

#[test]
fn a_tree_is_no_deeper_than_its_limit_even_when_subtrees_are_joined() {
    let mut registry = Registry::default();
    for level in 1..TREE_DEPTH_MAX / 2 + 2 {
        apply(&mut registry, 1, under(&format!("x{level}"), &format!("x{}", level - 1)))
            .expect("within the limit");
        apply(&mut registry, 1, under(&format!("y{level}"), &format!("y{}", level - 1)))
            .expect("within the limit");
    }
    let joined = apply(&mut registry, 2, under("y0", &format!("x{}", TREE_DEPTH_MAX / 2 + 1)));
    assert_eq!(joined, Err(Refused::TooDeep(feeder("y0"))));
}

#[test]
fn an_event_holds_from_its_start_until_it_ends_or_is_cancelled() {
    let mut registry = Registry::default();
    apply(&mut registry, 0, registered("ev-1", "a")).expect("new");
    let created = EventCreated {
        event_id: Uuid::from_u128(7),
        feeder_id: feeder("a"),
        start: Timestamp(100),
        end: Timestamp(200),
        limit_w: Watts(5_000),
        kind: "dr".to_owned(),
        ramp_s: 0,
        randomize_s: 0,
    };
    apply(&mut registry, 50, Change::EventCreated(created)).expect("known feeder");
    let active =
        |registry: &Registry, at| registry.events[&Uuid::from_u128(7)].is_active(Timestamp(at));
    assert_eq!([99, 100, 199, 200].map(|at| active(&registry, at)), [false, true, true, false]);
    let cancel = Change::EventCancelled(EventCancelled { event_id: Uuid::from_u128(7) });
    apply(&mut registry, 150, cancel.clone()).expect("known event");
    assert_eq!([149, 150].map(|at| active(&registry, at)), [true, false]);
    assert!(apply(&mut registry, 160, cancel).is_err(), "a second cancellation is refused");
}

#[test]
fn a_program_names_feeders_that_are_there_each_once() {
    let mut registry = Registry::default();
    for id in ["a", "b"] {
        apply(&mut registry, 1, registered(&format!("ev-{id}"), id)).expect("new");
    }
    let mut set = |feeders: &[&str]| {
        let program = ProgramSet {
            program_id: Uuid::from_u128(1),
            name: "evening".to_owned(),
            mode: crate::records::operator::ProgramMode::FixedCap,
            feeder_ids: feeders.iter().map(|id| feeder(id)).collect(),
            start: Timestamp(1),
            end: Timestamp(2),
            target_shed_w: Watts(1),
            incentive_milli_per_kwh: 0,
            penalty_milli_per_kwh: 0,
            active: true,
            ramp_s: 0,
            randomize_s: 0,
        };
        apply(&mut registry, 2, Change::ProgramSet(program))
    };
    assert_eq!(set(&["a", "b"]), Ok(()));
    assert_eq!(set(&[]), Ok(()), "all of them");
    assert_eq!(set(&["a", "nowhere"]), Err(Refused::UnknownFeeder(feeder("nowhere"))));
    assert_eq!(set(&["a", "b", "a"]), Err(Refused::Twice(feeder("a"))));
    let kept = &registry.programs[&Uuid::from_u128(1)];
    assert!(kept.feeder_ids.is_empty(), "what is refused changes nothing");
}

fn cleared(id: &str, fields: &[FeederField]) -> Change {
    Change::FeederCleared(FeederCleared { feeder_id: feeder(id), fields: fields.to_vec() })
}

#[test]
fn what_was_set_of_a_feeder_can_be_taken_back_field_by_field() {
    let mut registry = Registry::default();
    let set = FeederChange {
        feeder_id: feeder("a"),
        parent_id: None,
        import_limit_w: Some(Watts(5)),
        export_limit_w: Some(Watts(0)),
        mode: Some(FeederMode::Manual),
        policy: Some("lifo".to_owned()),
    };
    let nothing = FeederChange {
        import_limit_w: None,
        export_limit_w: None,
        mode: None,
        policy: None,
        ..set.clone()
    };
    apply(&mut registry, 1, Change::FeederChange(set)).expect("new");
    let before = registry.clone();
    apply(&mut registry, 2, Change::FeederChange(nothing)).expect("it is there");
    assert_eq!(registry, before, "what says nothing changes nothing");
    let mut clear = |field| {
        apply(&mut registry, 3, cleared("a", &[field])).expect("it is there");
        let feeder = registry.feeders[&feeder("a")].clone();
        (registry.import_limit(&feeder).0, feeder.export_limit_w, feeder.policy)
    };
    let default_w = ControlSettings::default().default_limit_w.0;
    let lifo = Some("lifo".to_owned());
    assert_eq!(clear(FeederField::ImportLimit), (default_w, Some(Watts(0)), lifo.clone()));
    assert_eq!(clear(FeederField::ExportLimit), (default_w, None, lifo));
    assert_eq!(clear(FeederField::Policy), (default_w, None, None));
    assert_eq!(registry.feeders[&feeder("a")].mode, FeederMode::Manual, "it always has one");
    let nowhere = apply(&mut registry, 4, cleared("nowhere", &[FeederField::ImportLimit]));
    assert_eq!(nowhere, Err(Refused::UnknownFeeder(feeder("nowhere"))));
}

#[test]
fn a_feeder_that_is_detached_is_a_root_with_all_that_stands_below_it() {
    let mut registry = Registry::default();
    for (child, parent) in [("b", "a"), ("c", "b"), ("x", "a")] {
        apply(&mut registry, 1, under(child, parent)).expect("fine");
    }
    for (device, at) in [("ev-a", "a"), ("ev-b", "b"), ("ev-c", "c"), ("ev-x", "x")] {
        apply(&mut registry, 2, registered(device, at)).expect("new");
    }
    let never_hung = {
        let mut registry = Registry::default();
        for (child, parent) in [("x", "a"), ("c", "b")] {
            apply(&mut registry, 1, under(child, parent)).expect("fine");
        }
        for (device, at) in [("ev-a", "a"), ("ev-b", "b"), ("ev-c", "c"), ("ev-x", "x")] {
            apply(&mut registry, 2, registered(device, at)).expect("new");
        }
        registry
    };
    apply(&mut registry, 3, cleared("b", &[FeederField::Parent])).expect("it hangs below a");
    assert_eq!(registry, never_hung);
    let members = |root: &str| -> Vec<String> {
        registry.members(&feeder(root)).map(|(device_id, _)| device_id.to_string()).collect()
    };
    assert_eq!(
        (members("a"), members("b")),
        (vec!["ev-a".into(), "ev-x".into()], vec!["ev-b".into(), "ev-c".into()])
    );
    assert_eq!(registry.roots(), BTreeSet::from([feeder("a"), feeder("b")]));
    // A root has nothing to be detached from, and it can be hung again, also below what stood below it.
    let before = registry.clone();
    apply(&mut registry, 4, cleared("b", &[FeederField::Parent])).expect("it is there");
    assert_eq!(registry, before);
    apply(&mut registry, 5, under("a", "c")).expect("no cycle any more");
    assert_eq!(registry.root_of(&feeder("x")), feeder("b"));
}

#[test]
fn a_feeder_that_a_device_opened_is_known_as_such_until_an_operator_says_something_of_it() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, under("b", "a")).expect("fine");
    for (device, at) in [("ev-1", "a"), ("ev-2", "x"), ("ev-3", "x")] {
        apply(&mut registry, 2, registered(device, at)).expect("new");
    }
    let opened_by = |registry: &Registry, id| registry.feeders[&feeder(id)].opened_by.clone();
    assert_eq!(opened_by(&registry, "a"), None);
    assert_eq!(opened_by(&registry, "x"), Some(device("ev-2")));
    apply(&mut registry, 3, under("x", "a")).expect("fine");
    assert_eq!(opened_by(&registry, "x"), None);
}

fn event(at: &str, start: i64, end: i64) -> Change {
    Change::EventCreated(EventCreated {
        event_id: Uuid::from_u128(7),
        feeder_id: feeder(at),
        start: Timestamp(start),
        end: Timestamp(end),
        limit_w: Watts(1_000),
        kind: "dr".to_owned(),
        ramp_s: 0,
        randomize_s: 0,
    })
}

#[test]
fn an_event_that_is_changed_keeps_its_id_its_feeder_and_its_creator() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, registered("ev-1", "a")).expect("new");
    let changed = |event_id| {
        Change::EventChanged(EventChanged {
            event_id,
            start: Timestamp(150),
            end: Timestamp(900),
            limit_w: Watts(2_000),
            kind: "test".to_owned(),
            ramp_s: 30,
        })
    };
    let (known, unknown) = (Uuid::from_u128(7), Uuid::from_u128(8));
    assert_eq!(apply(&mut registry, 2, changed(known)), Err(Refused::UnknownEvent(known)));
    apply(&mut registry, 3, event("a", 100, 200)).expect("a feeder that is there");
    apply(&mut registry, 4, changed(known)).expect("an event that is there");
    assert_eq!(apply(&mut registry, 5, changed(unknown)), Err(Refused::UnknownEvent(unknown)));
    let event = &registry.events[&known];
    assert_eq!((&event.created.feeder_id, event.created_by.as_str()), (&feeder("a"), "op"));
    assert_eq!((event.created.limit_w, event.created.ramp_s), (Watts(2_000), 30));
    // It is found by its new end, and not by its old one.
    assert_eq!(registry.events_after(Timestamp(500)).count(), 1);
    assert_eq!(registry.events_after(Timestamp(900)).count(), 0);
    apply(&mut registry, 6, Change::EventCancelled(EventCancelled { event_id: known }))
        .expect("on");
    assert_eq!(apply(&mut registry, 7, changed(known)), Err(Refused::UnknownEvent(known)));
}

#[test]
fn only_an_empty_feeder_can_be_removed() {
    let removed = |id: &str| Change::FeederRemoved(FeederRemoved { feeder_id: feeder(id) });
    let mut registry = Registry::default();
    apply(&mut registry, 1, under("b", "a")).expect("fine");
    apply(&mut registry, 2, registered("ev-1", "b")).expect("new");
    let refusal =
        |registry: &mut Registry, at: i64, id: &str| match apply(registry, at, removed(id)) {
            Err(refused) => refused.to_string(),
            Ok(()) => "removed".to_owned(),
        };
    assert_eq!(refusal(&mut registry, 3, "x"), "unknown feeder x");
    assert_eq!(refusal(&mut registry, 3, "a"), "feeder a is not empty: feeder b hangs below it");
    assert_eq!(refusal(&mut registry, 3, "b"), "feeder b is not empty: 1 devices belong to it");
    let retired = DeviceRetired { device_id: device("ev-1") };
    apply(&mut registry, 4, Change::DeviceRetired(retired)).expect("there");
    apply(&mut registry, 5, event("b", 100, 200)).expect("fine");
    assert!(refusal(&mut registry, 150, "b").contains("is on it or to come"));
    let before = registry.clone();
    assert_eq!(refusal(&mut registry, 150, "a"), "feeder a is not empty: feeder b hangs below it");
    assert_eq!(registry, before, "what is refused changes nothing");
    assert_eq!(refusal(&mut registry, 200, "b"), "removed");
    assert_eq!(refusal(&mut registry, 200, "a"), "removed");
    assert_eq!((registry.feeders.len(), registry.roots().len()), (0, 0));
    assert!(registry.was_removed(&feeder("b")));
    // Whoever names it again opens it.
    apply(&mut registry, 201, registered("ev-2", "b")).expect("new");
    assert_eq!(registry.roots(), BTreeSet::from([feeder("b")]));
    assert_eq!(registry.members(&feeder("b")).count(), 1);
    assert!(!registry.was_removed(&feeder("b")));
}
