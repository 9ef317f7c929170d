//! What operators do with devices, and what they see of those that wait.

use schemas::records::lifecycle::{DeviceNoted, DeviceNotice, DeviceWaiting, WaitReason};

use super::*;

fn id(id: &str) -> DeviceId {
    DeviceId::new(id).expect("an id")
}

/// The usual world with devices that wait; offsets go on where the log of the world begins.
fn world_with_waiting(waiting: &[&str]) -> World {
    let first_free = 3 + i64::try_from(waiting.len()).expect("few") + 1;
    let world = world_with(|live| TestLog::ReadBack(Arc::clone(live), first_free.into()));
    let noted = DeviceNoted {
        device_id: id("bat-1"),
        notice: DeviceNotice::SpeaksPercent,
        detail: "payload.readings.soc: found 57".to_owned(),
    };
    let waiting = waiting.iter().map(|name| {
        Change::DeviceWaiting(DeviceWaiting {
            device_id: id(name),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: FeederId::new("f3").expect("an id"),
            site_id: None,
            why: WaitReason::UnknownDevice,
        })
    });
    for (offset, change) in (3..).zip(waiting.chain([Change::DeviceNoted(noted)])) {
        world.live.apply_operator(offset, &operator_record(change));
    }
    world
}

#[tokio::test]
async fn those_who_wait_are_listed_by_pages_and_are_no_devices_until_they_are_approved() {
    let world = world_with_waiting(&["new-1", "new-2", "new-3"]);
    let query = |after: &Value| {
        format!(
            "{{ waitingDevices(first: 2, after: {after}) {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id type feederId reason }} }} }} }}"
        )
    };
    let first = world.ask(&query(&Value::Null)).await;
    let first = &first["waitingDevices"];
    assert_eq!((ids(first), &first["totalCount"]), (vec!["new-1", "new-2"], &json!(3)));
    assert_eq!(
        first["edges"][0]["node"],
        json!({"id": "new-1", "type": "EV", "feederId": "f3", "reason": "UNKNOWN_DEVICE"})
    );
    let second = world.ask(&query(&first["pageInfo"]["endCursor"])).await;
    assert_eq!(ids(&second["waitingDevices"]), ["new-3"]);
    let listed =
        world.ask("{ devices(search: \"new\") { totalCount } feeder(id: \"f3\") { id } }").await;
    assert_eq!(listed, json!({"devices": {"totalCount": 0}, "feeder": null}));

    let approved =
        world.ask("mutation { approveDevice(id: \"new-1\") { id feederId freshness } }").await;
    assert_eq!(
        approved["approveDevice"],
        json!({"id": "new-1", "feederId": "f3", "freshness": "MISSING"})
    );
    let elsewhere =
        world.ask("mutation { approveDevice(id: \"new-2\", feederId: \"f1\") { feederId } }").await;
    assert_eq!(elsewhere["approveDevice"]["feederId"], "f1");
}

#[tokio::test]
async fn a_device_can_be_registered_before_it_speaks_but_not_without_type_and_feeder() {
    let world = world();
    let (code, message) = world.refused("mutation { approveDevice(id: \"ev-7\") { id } }").await;
    assert_eq!(code, "NOT_FOUND");
    assert!(message.contains("type and feederId"), "{message}");
    let made = world
        .ask("mutation { approveDevice(id: \"ev-7\", type: EV, feederId: \"f2\") { id type feederId } }")
        .await;
    assert_eq!(made["approveDevice"], json!({"id": "ev-7", "type": "EV", "feederId": "f2"}));
    let (code, _) = world.refused("mutation { approveDevice(id: \"ev-7\") { id } }").await;
    assert_eq!(code, "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_retired_device_is_gone_with_its_last_state() {
    let world = world();
    assert_eq!(world.ask("mutation { retireDevice(id: \"ev-1\") }").await["retireDevice"], "ev-1");
    let data = world.ask("{ device(id: \"ev-1\") { id } devices { totalCount } }").await;
    assert_eq!(data, json!({"device": null, "devices": {"totalCount": 2}}));
    let (code, _) = world.refused("mutation { retireDevice(id: \"ev-1\") }").await;
    assert_eq!(code, "NOT_FOUND");
}

#[tokio::test]
async fn a_replacement_takes_the_place() {
    let world = world_with_waiting(&["new-1"]);
    let data =
        world.ask("mutation { replaceDevice(id: \"ev-1\", by: \"new-1\") { id feederId } }").await;
    assert_eq!(data["replaceDevice"], json!({"id": "new-1", "feederId": "f1"}));
    let (code, message) =
        world.refused("mutation { replaceDevice(id: \"pv-1\", by: \"ev-9\") { id } }").await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(message.contains("type"), "{message}");
}

#[tokio::test]
async fn what_was_noticed_is_seen_at_a_device_and_of_an_unknown_one() {
    let world = world_with_waiting(&[]);
    let data = world
        .ask("{ noticedDevices { edges { node { id notices { kind detail } } } } device(id: \"ev-1\") { notices { kind } } }")
        .await;
    assert_eq!(
        data["noticedDevices"]["edges"],
        json!([{"node": {"id": "bat-1", "notices": [
            {"kind": "SPEAKS_PERCENT", "detail": "payload.readings.soc: found 57"}]}}])
    );
    assert_eq!(data["device"]["notices"], json!([]));
    world.ask("mutation { retireDevice(id: \"bat-1\") }").await;
}
