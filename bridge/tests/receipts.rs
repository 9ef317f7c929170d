//! A device that asks for a receipt gets one when the log has its message, and not before.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemas::DeviceId;
use schemas::mqtt::decode_receipt;
use tokio::time::timeout;
use uuid::Uuid;
use world::{Client, World, sample};

/// A receipt that comes within this came too early.
const EARLY: Duration = Duration::from_millis(800);

/// What receipts say until they have spoken of so many messages: each with its reason, where it was refused.
async fn receipts(client: &mut Client, number: usize) -> BTreeMap<Uuid, Option<String>> {
    let device = DeviceId::new("ev-1").expect("an id");
    let mut told = BTreeMap::new();
    while told.len() < number {
        let message = client.next().await;
        assert!(!message.retain, "a receipt is for who is there");
        let receipt = decode_receipt(&device, &message.payload, 100_000).expect("a receipt");
        told.extend(receipt.stored.into_iter().map(|id| (id, None)));
        told.extend(receipt.refused.into_iter().map(|(id, reason)| (id, Some(reason))));
    }
    told
}

/// Who sends as `ev-1`, and who hears its receipts; the bridge is ready for both.
async fn device_and_listener(world: &World) -> (Client, Client) {
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let mut listener = world.device("listener").await;
    listener.subscribe("der/receipts/ev-1").await;
    (device, listener)
}

fn asking(payload: &str) -> String {
    payload.replacen("\"v\":1", "\"v\":1,\"receipt\":true", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_hears_what_the_log_has_of_it_and_what_was_refused() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let (mut device, mut listener) = device_and_listener(&world).await;

    let mut expected = BTreeMap::new();
    // The first of them registers the device.
    for _ in 0..20 {
        let (id, payload) = sample("ev-1", "north");
        device.publish("der/telemetry/ev-1", asking(&payload)).await;
        expected.insert(id, None);
    }
    let (unasked, payload) = sample("ev-1", "north");
    device.publish("der/telemetry/ev-1", payload).await;
    for (wrong, right, reason) in [
        ("\"powerKw\":2.5", "\"powerKw\":\"much\"", "contract_violation"),
        ("\"v\":1,", "\"v\":2,", "unsupported_version"),
    ] {
        let (id, payload) = sample("ev-1", "north");
        let payload = asking(&payload).replacen(wrong, right, 1);
        device.publish("der/telemetry/ev-1", payload).await;
        expected.insert(id, Some(reason.to_owned()));
    }
    // Sent again, as by a device that has missed its receipt.
    let (again, payload) = sample("ev-1", "north");
    device.publish("der/telemetry/ev-1", asking(&payload)).await;
    expected.insert(again, None);
    assert_eq!(receipts(&mut listener, expected.len()).await, expected);
    assert!(!expected.contains_key(&unasked));
    device.publish("der/telemetry/ev-1", asking(&payload)).await;
    assert_eq!(receipts(&mut listener, 1).await, BTreeMap::from([(again, None)]));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_receipt_before_the_log_has_the_message() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let (mut device, mut listener) = device_and_listener(&world).await;
    let (_, payload) = sample("ev-1", "north");
    device.publish("der/telemetry/ev-1", asking(&payload)).await;
    receipts(&mut listener, 1).await;

    world.log.broker_down(1).expect("the mock log goes down");
    let mut waiting = BTreeSet::new();
    for _ in 0..5 {
        let (id, payload) = sample("ev-1", "north");
        device.publish("der/telemetry/ev-1", asking(&payload)).await;
        waiting.insert(id);
    }
    // Several times as long as receipts are gathered.
    let early = timeout(EARLY, listener.next()).await;
    assert!(early.is_err(), "a receipt for what the log does not have");
    world.log.broker_up(1).expect("the mock log comes back");
    let told = receipts(&mut listener, waiting.len()).await;
    assert_eq!(told.into_keys().collect::<BTreeSet<_>>(), waiting);
    bridge.stop().await.expect("a clean end");
}
