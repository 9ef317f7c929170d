//! From MQTT into the log: what is good gets there, what is bad becomes a dead letter, a restart loses nothing.

mod world;

use std::collections::BTreeSet;

use schemas::codec::Record;
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::operator::{Change, OperatorRecord};
use schemas::records::telemetry::TopicLayout;
use schemas::topics::Topic;
use world::{World, sample};

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_become_dead_letters_while_good_ones_pass() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let (_, good) = sample("ev-1", "north");
    device.publish("der/telemetry/ev-1", "{ broken").await;
    device.publish("der/telemetry/ev-2", good.clone()).await;
    device.publish("der/telemetry/ev-1", good.replace("\"v\":1", "\"v\":2")).await;
    device.publish("der/telemetry/ev-1", vec![b'x'; 1_000_000]).await;
    device.publish("der/telemetry/pv/ev-1", good.clone()).await;
    device.publish("der/telemetry/ev/ev-1", good).await;
    device.publish("der/status/ev-1", "offline").await;

    let letters = world.dead_letters(5).await;
    let reasons: Vec<&str> = letters.keys().map(String::as_str).collect();
    let expected = [
        "device_mismatch",
        "device_type_mismatch",
        "not_json",
        "payload_too_large",
        "unsupported_version",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(letters["payload_too_large"].raw_len, 1_000_000);
    assert_eq!(letters["not_json"].source.to_string(), "der/telemetry/ev-1");
    assert_eq!(world.samples("ev-1", 1).await[0].layout, TopicLayout::Typed);
    let acks = world.read_until(Topic::Acks, |records| !records.is_empty()).await;
    let status = Ack::decode(&acks[0].value).expect("an ack");
    assert_eq!(status.status, AckStatus::Offline);
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_registered_once_and_its_samples_follow_in_order() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    device.publish("der/status/ev-9", "online").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let (id, payload) = sample("ev-9", "south");
        device.publish("der/telemetry/ev-9", payload).await;
        ids.push(id);
    }
    let got: Vec<_> =
        world.samples("ev-9", 20).await.iter().map(|sample| sample.message_id).collect();
    assert_eq!(got, ids);
    let operator = world.read_until(Topic::Operator, |records| records.len() >= 2).await;
    let feeders: Vec<_> = operator
        .iter()
        .map(|record| OperatorRecord::decode(&record.value).expect("an operator record").change)
        .map(|change| match change {
            Change::DeviceRegistered(new) => (new.device_id.to_string(), new.feeder_id.to_string()),
            other => panic!("only registrations, not {other:?}"),
        })
        .collect();
    let pair = |device: &str, feeder: &str| (device.to_owned(), feeder.to_owned());
    assert_eq!(feeders, [pair("probe", "north"), pair("ev-9", "south")]);
    let acks = world.read_until(Topic::Acks, |records| !records.is_empty()).await;
    let status = Ack::decode(&acks[0].value).expect("an ack");
    assert_eq!((status.feeder_id.as_str(), status.status), ("south", AckStatus::Online));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_comes_and_goes_loses_nothing() {
    let world = World::start();
    let mut bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let mut ids = BTreeSet::new();
    for n in 0..400 {
        let name = format!("ev-{}", n % 7);
        let (id, payload) = sample(&name, "north");
        device.publish(&format!("der/telemetry/{name}"), payload).await;
        ids.insert(id);
        match n {
            50 | 250 => bridge.kill().await,
            150 | 350 => bridge.stop().await.expect("a clean end"),
            _ => continue,
        }
        bridge = world.bridge(&[]);
    }
    world.has_all(ids).await;
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_gets_what_came_while_it_was_away() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    world.log.broker_down(1).expect("the mock log goes down");
    let mut ids = BTreeSet::new();
    for _ in 0..50 {
        let (id, payload) = sample("probe", "north");
        device.publish("der/telemetry/probe", payload).await;
        ids.insert(id);
    }
    world.log.broker_up(1).expect("the mock log comes back");
    world.has_all(ids).await;
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_device_is_refused_and_others_pass() {
    let world = World::start();
    let bridge = world.bridge(&[("DERMS_MQTT_DEVICE_RATE_MAX", "1")]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    for _ in 0..20 {
        device.publish("der/telemetry/ev-1", sample("ev-1", "north").1).await;
    }
    device.publish("der/telemetry/ev-2", sample("ev-2", "north").1).await;
    let letters = world.dead_letters(10).await;
    assert!(letters.keys().eq(["rate_limited"]), "{:?}", letters.keys());
    world.samples("ev-2", 1).await;
    bridge.stop().await.expect("a clean end");
}
