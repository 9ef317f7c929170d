//! The rules of a device's life, and that the derived parts of the registry follow every order of changes.

use proptest::prelude::*;

use super::tests::{apply, device, feeder, registered};
use super::*;
use crate::records::lifecycle::{
    DeviceApproved, DeviceNoted, DeviceNotice, DeviceReplaced, DeviceRetired, DeviceWaiting,
    WaitReason,
};
use crate::records::operator::DeviceRegistered;
use crate::records::telemetry::{DeviceOrigin, DeviceType};

fn waiting(id: &str, at: &str) -> Change {
    Change::DeviceWaiting(DeviceWaiting {
        device_id: device(id),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Physical,
        feeder_id: feeder(at),
        site_id: None,
        why: WaitReason::UnknownDevice,
    })
}

fn approved(id: &str, at: Option<&str>) -> Change {
    let feeder_id = at.map(feeder);
    Change::DeviceApproved(DeviceApproved { device_id: device(id), feeder_id })
}

fn retired(id: &str) -> Change {
    Change::DeviceRetired(DeviceRetired { device_id: device(id) })
}

fn replaced(id: &str, by: &str) -> Change {
    Change::DeviceReplaced(DeviceReplaced { device_id: device(id), by: device(by) })
}

fn noted(id: &str, notice: DeviceNotice) -> Change {
    Change::DeviceNoted(DeviceNoted { device_id: device(id), notice, detail: "57".to_owned() })
}

#[test]
fn a_waiting_device_opens_no_feeder_and_is_no_member_until_it_is_approved() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, waiting("ev-1", "a")).expect("new");
    assert!(registry.feeders.is_empty() && registry.devices.is_empty());
    assert!(registry.is_outside(&device("ev-1")));
    assert_eq!(apply(&mut registry, 2, waiting("ev-1", "b")), Err(Refused::Exists));
    apply(&mut registry, 3, approved("ev-1", None)).expect("it waits");
    assert!(!registry.is_outside(&device("ev-1")));
    assert_eq!(registry.feeder_of(&device("ev-1")), Some(&feeder("a")));
    assert_eq!(registry.members(&feeder("a")).count(), 1);
    assert_eq!(
        apply(&mut registry, 4, approved("ev-1", None)),
        Err(Refused::NotWaiting(device("ev-1")))
    );
}

#[test]
fn a_feeder_that_an_operator_names_is_not_there_by_a_claim() {
    let mut registry = Registry::default();
    for (id, named) in [("ev-1", None), ("ev-2", Some("b"))] {
        apply(&mut registry, 1, waiting(id, "a")).expect("new");
        apply(&mut registry, 2, approved(id, named)).expect("it waits");
    }
    assert_eq!(registry.feeders[&feeder("a")].opened_by, Some(device("ev-1")));
    assert_eq!(registry.feeders[&feeder("b")].opened_by, None);
}

#[test]
fn an_operator_may_approve_onto_another_feeder() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, waiting("ev-1", "a")).expect("new");
    apply(&mut registry, 2, approved("ev-1", Some("b"))).expect("it waits");
    assert_eq!(registry.feeder_of(&device("ev-1")), Some(&feeder("b")));
    assert!(!registry.feeders.contains_key(&feeder("a")));
}

#[test]
fn a_retired_device_is_outside_and_unknown_when_it_speaks_again() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, registered("ev-1", "a")).expect("new");
    apply(&mut registry, 2, retired("ev-1")).expect("it is there");
    assert!(registry.is_outside(&device("ev-1")));
    assert_eq!((registry.members(&feeder("a")).count(), registry.devices_at(&feeder("a"))), (0, 0));
    assert!(apply(&mut registry, 3, retired("ev-1")).is_err());
    apply(&mut registry, 4, registered("ev-1", "b")).expect("unknown again");
    assert!(!registry.is_outside(&device("ev-1")));
    assert_eq!(registry.feeder_of(&device("ev-1")), Some(&feeder("b")));
}

#[test]
fn a_replacement_takes_feeder_and_what_operators_have_set() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, registered("ev-1", "a")).expect("new");
    let change = DeviceChange {
        device_id: device("ev-1"),
        feeder_id: None,
        priority: Some(7),
        target_soc: None,
        fallback_w: Some(Watts(1_400)),
        opted_out: None,
    };
    apply(&mut registry, 2, Change::DeviceChange(change)).expect("fine");
    apply(&mut registry, 3, waiting("ev-2", "b")).expect("new");
    assert!(apply(&mut registry, 4, replaced("ev-1", "ev-3")).is_err(), "nobody heard of ev-3");
    apply(&mut registry, 5, replaced("ev-1", "ev-2")).expect("it waits");
    let new = &registry.devices[&device("ev-2")];
    assert_eq!((new.feeder_id.clone(), new.priority), (feeder("a"), Some(7)));
    assert_eq!(new.fallback_w, Some(Watts(1_400)));
    assert!(registry.is_outside(&device("ev-1")));
    assert!(apply(&mut registry, 6, replaced("ev-2", "ev-2")).is_err());
}

#[test]
fn a_replacement_is_of_the_same_type() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, registered("ev-1", "a")).expect("new");
    let pv = Change::DeviceRegistered(DeviceRegistered {
        device_id: device("pv-1"),
        device_type: DeviceType::Pv,
        origin: DeviceOrigin::Physical,
        feeder_id: feeder("a"),
        site_id: None,
    });
    apply(&mut registry, 2, pv).expect("new");
    let refused = Refused::OtherType(device("pv-1"), "pv", "ev");
    assert_eq!(apply(&mut registry, 3, replaced("ev-1", "pv-1")), Err(refused));
}

#[test]
fn a_notice_is_taken_once_and_forgotten_with_its_device() {
    let mut registry = Registry::default();
    apply(&mut registry, 1, noted("bat-1", DeviceNotice::SpeaksPercent)).expect("new");
    assert!(registry.is_noted(&device("bat-1"), DeviceNotice::SpeaksPercent));
    assert!(!registry.is_noted(&device("bat-1"), DeviceNotice::OtherType));
    let again = noted("bat-1", DeviceNotice::SpeaksPercent);
    assert_eq!(apply(&mut registry, 2, again), Err(Refused::Exists));
    apply(&mut registry, 3, retired("bat-1")).expect("it was noticed");
    assert!(!registry.is_noted(&device("bat-1"), DeviceNotice::SpeaksPercent));
}

/// Any change about one of a few devices and feeders.
fn changes() -> impl Strategy<Value = Change> {
    let ids = prop::sample::select(vec!["d1", "d2", "d3", "d4"]);
    let feeders = prop::sample::select(vec!["a", "b", "c"]);
    (0..7_u8, ids.clone(), ids, feeders.clone(), feeders).prop_map(
        |(kind, id, other, at, parent)| match kind {
            0 => registered(id, at),
            1 => waiting(id, at),
            2 => approved(id, Some(at)),
            3 => retired(id),
            4 => replaced(id, other),
            5 => super::tests::under(at, parent),
            _ => Change::DeviceChange(DeviceChange {
                device_id: device(id),
                feeder_id: Some(feeder(at)),
                priority: None,
                target_soc: None,
                fallback_w: None,
                opted_out: None,
            }),
        },
    )
}

proptest! {
    #[test]
    fn what_is_derived_follows_every_order_of_changes(all in prop::collection::vec(changes(), 0..40)) {
        let mut registry = Registry::default();
        for (at, change) in all.into_iter().enumerate() {
            let before = registry.clone();
            if apply(&mut registry, i64::try_from(at).expect("few"), change).is_err() {
                prop_assert_eq!(&registry, &before, "what is refused changes nothing");
            }
            for (id, device) in &registry.devices {
                prop_assert!(!registry.is_outside(id));
                let root = registry.root_of(&device.feeder_id);
                prop_assert!(registry.members(&root).any(|(member, _)| member == id));
                prop_assert!(registry.feeders.contains_key(&device.feeder_id));
            }
            let members: usize = registry.roots().iter().map(|root| registry.members(root).count()).sum();
            prop_assert_eq!(members, registry.devices.len());
            for name in ["a", "b", "c"] {
                let there = registry.devices.values().filter(|one| one.feeder_id == feeder(name)).count();
                prop_assert_eq!(registry.devices_at(&feeder(name)), there);
            }
            prop_assert!(registry.waiting.keys().all(|id| !registry.retired.contains(id)));
        }
    }
}
