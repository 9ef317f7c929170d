//! Devices that nobody knows, and devices that contradict the registry: policies, quotas, one sign for the operator.

mod world;

use schemas::codec::Record;
use schemas::ids::{DeviceId, FeederId};
use schemas::records::lifecycle::{DeviceApproved, DeviceNotice, DeviceRetired};
use schemas::records::operator::{Change, OperatorRecord};
use schemas::topics::Topic;
use schemas::units::{Soc, Timestamp};
use service_kit::log::LogRecord;
use uuid::Uuid;
use world::{Client, World, now_ms, sample};

fn id(device: &str) -> DeviceId {
    DeviceId::new(device).expect("an id")
}

async fn operate(world: &World, change: Change) {
    let record = OperatorRecord {
        id: Uuid::now_v7(),
        at: Timestamp(now_ms()),
        source: None,
        actor: "an operator".to_owned(),
        change,
    };
    world.append(Topic::Operator, "any", record.encode()).await;
}

/// The changes of the operator topic, once one fits.
async fn changes(world: &World, done: impl Fn(&Change) -> bool) -> Vec<Change> {
    let decode = |value: &[u8]| OperatorRecord::decode(value).expect("an operator record").change;
    let records = world
        .read_until(Topic::Operator, |records| {
            records.iter().any(|record| done(&decode(&record.value)))
        })
        .await;
    records.iter().map(|record| decode(&record.value)).collect()
}

/// Speaks until nobody asks any more.
async fn publish_again(device: &mut Client, name: &str, feeder: &str) {
    loop {
        device.publish(&format!("der/telemetry/{name}"), sample(name, feeder).1).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn is_waiting(change: &Change, device: &str) -> bool {
    matches!(change, Change::DeviceWaiting(waiting) if waiting.device_id.as_str() == device)
}

fn is_registered(change: &Change, device: &str) -> bool {
    matches!(change, Change::DeviceRegistered(new) if new.device_id.as_str() == device)
}

fn is_noted(change: &Change, device: &str, notice: DeviceNotice) -> bool {
    matches!(change, Change::DeviceNoted(noted)
        if noted.device_id.as_str() == device && noted.notice == notice)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quarantine_a_device_is_stored_and_waits_until_it_is_approved_or_retired() {
    let world = World::start();
    let bridge = world.bridge(&[("DERMS_REGISTRATION", "quarantine")]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    device.publish("der/telemetry/ev-1", sample("ev-1", "north").1).await;
    world.samples("ev-1", 1).await;
    let so_far = changes(&world, |change| is_waiting(change, "ev-1")).await;
    assert!(!so_far.iter().any(|change| is_registered(change, "ev-1")));

    operate(
        &world,
        Change::DeviceApproved(DeviceApproved { device_id: id("ev-1"), feeder_id: None }),
    )
    .await;
    device.publish("der/telemetry/ev-1", sample("ev-1", "north").1).await;
    world.samples("ev-1", 2).await;
    operate(&world, Change::DeviceRetired(DeviceRetired { device_id: id("ev-1") })).await;
    // A retired device that speaks again is unknown: it waits once more.
    let waits_again = world.read_until(Topic::Operator, |records| {
        let decode = |record: &LogRecord| {
            OperatorRecord::decode(&record.value).expect("an operator record").change
        };
        records.iter().filter(|record| is_waiting(&decode(record), "ev-1")).count() == 2
    });
    tokio::select! {
        _ = waits_again => {}
        () = publish_again(&mut device, "ev-1", "north") => unreachable!("it goes on"),
    }
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_registration_is_closed_a_dead_letter_says_what_to_do() {
    let world = World::start();
    let bridge = world.bridge(&[("DERMS_REGISTRATION", "closed")]);
    let mut device = world.device("devices").await;
    // Until the bridge listens, nobody refuses anything.
    let letters = tokio::select! {
        letters = world.dead_letters(1) => letters,
        () = publish_again(&mut device, "ev-1", "north") => unreachable!("it goes on"),
    };
    let letter = &letters["registration_closed"];
    assert!(letter.detail.contains("approveDevice"), "{}", letter.detail);
    assert_eq!(letter.device_id, Some(id("ev-1")));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_ids_stops_at_the_quotas_and_known_devices_pass() {
    let world = World::start();
    let bridge = world.bridge(&[("DERMS_DEVICES_MAX", "5")]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    for n in 0..30 {
        let name = format!("flood-{n}");
        device.publish(&format!("der/telemetry/{name}"), sample(&name, "north").1).await;
    }
    let letters = world.dead_letters(26).await;
    assert!(letters["too_many_devices"].detail.contains("DERMS_DEVICES_MAX"));
    let (message_id, payload) = sample("probe", "north");
    device.publish("der/telemetry/probe", payload).await;
    world.has_all([message_id].into()).await;
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_devices_of_a_minute_are_limited_and_get_no_final_word() {
    let world = World::start();
    let bridge = world.bridge(&[("DERMS_NEW_DEVICES_PER_MINUTE", "2")]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    for n in 0..10 {
        let name = format!("flood-{n}");
        device.publish(&format!("der/telemetry/{name}"), sample(&name, "north").1).await;
    }
    let letters = world.dead_letters(8).await;
    assert!(letters.keys().eq(["too_many_new_devices"]), "{:?}", letters.keys());
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_feeder_is_opened_only_where_the_setting_says_so() {
    for (policy, feeder, waits) in [
        ("open", "nowhere", false),
        ("default", "default-feeder", false),
        ("quarantine", "nowhere", true),
    ] {
        let world = World::start();
        let bridge = world.bridge(&[("DERMS_UNKNOWN_FEEDER", policy)]);
        let mut device = world.device("devices").await;
        let arrived = |change: &Change| is_waiting(change, "ev-1") || is_registered(change, "ev-1");
        let all = tokio::select! {
            all = changes(&world, arrived) => all,
            () = publish_again(&mut device, "ev-1", "nowhere") => unreachable!("it goes on"),
        };
        let place = all.iter().find_map(|change| match change {
            Change::DeviceRegistered(new) => Some((new.feeder_id.clone(), false)),
            Change::DeviceWaiting(new) => Some((new.feeder_id.clone(), true)),
            _ => None,
        });
        assert_eq!(place, Some((FeederId::new(feeder).expect("an id"), waits)), "{policy}");
        bridge.stop().await.expect("a clean end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_calls_itself_another_type_is_refused_and_named_once() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let meter = || sample("probe", "north").1.replace("\"ev\"", "\"meter\"");
    for _ in 0..20 {
        device.publish("der/telemetry/probe", meter()).await;
    }
    let letters = world.dead_letters(20).await;
    let detail = &letters["device_conflict"].detail;
    assert!(detail.starts_with("deviceType: found meter, accepted: ev"), "{detail}");
    let (message_id, payload) = sample("probe", "north");
    device.publish("der/telemetry/probe", payload).await;
    world.has_all([message_id].into()).await;
    let all = changes(&world, |change| is_noted(change, "probe", DeviceNotice::OtherType)).await;
    assert_eq!(all.iter().filter(|change| matches!(change, Change::DeviceNoted(_))).count(), 1);
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_has_kept_is_no_news() {
    let world = World::start();
    let mut device = world.device("devices").await;
    device.publish_retained("der/telemetry/ev-1", sample("ev-1", "north").1).await;
    device.publish_retained("der/status/probe", "online").await;
    let bridge = world.bridge(&[]);
    world.ready(&mut device).await;
    let letters = world.dead_letters(1).await;
    assert!(letters["retained"].detail.contains("retain flag"));
    let all = changes(&world, |change| is_registered(change, "probe")).await;
    assert!(!all.iter().any(|change| is_registered(change, "ev-1")));
    // A status is meant to be kept.
    world.read_until(Topic::Acks, |records| !records.is_empty()).await;
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_per_cent_of_a_device_that_speaks_percent_is_not_full_after_a_restart_either() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let with_soc = |soc: &str| {
        let (id, payload) = sample("bat-1", "north");
        (id, payload.replace("\"powerKw\":2.5", &format!("\"powerKw\":2.5,\"soc\":{soc}")))
    };
    for soc in ["57", "34", "12", "2"] {
        device.publish("der/telemetry/bat-1", with_soc(soc).1).await;
    }
    let letters = world.dead_letters(4).await;
    assert!(letters["contract_violation"].detail.contains("payload.readings.soc: found"));
    let noted = |change: &Change| is_noted(change, "bat-1", DeviceNotice::SpeaksPercent);
    let all = changes(&world, noted).await;
    assert_eq!(all.iter().filter(|change| noted(change)).count(), 1);
    assert!(!all.iter().any(|change| is_registered(change, "bat-1")));
    device.publish("der/telemetry/bat-1", with_soc("1").1).await;
    assert_eq!(world.samples("bat-1", 1).await[0].soc, Some(Soc(100)));
    bridge.stop().await.expect("a clean end");

    let bridge = world.bridge(&[]);
    device.publish("der/telemetry/bat-1", with_soc("0.6").1).await;
    assert_eq!(world.samples("bat-1", 2).await[1].soc, Some(Soc(60)));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_in_seconds_registers_nothing_and_is_named_once() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    for _ in 0..5 {
        let payload = sample("ev-1", "north").1;
        let ms = payload.split("\"timestampMs\":").nth(1).expect("a time");
        let ms = &ms[..13];
        device.publish("der/telemetry/ev-1", payload.replace(ms, &ms[..10])).await;
    }
    let letters = world.dead_letters(5).await;
    let detail = &letters["contract_violation"].detail;
    assert!(
        detail.starts_with("timestampMs") && detail.ends_with("looks like seconds"),
        "{detail}"
    );
    let noted = |change: &Change| is_noted(change, "ev-1", DeviceNotice::OtherTimeUnit);
    let all = changes(&world, noted).await;
    assert_eq!(all.iter().filter(|change| noted(change)).count(), 1);
    assert!(!all.iter().any(|change| is_registered(change, "ev-1")));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_once_of_260_kw_counts_only_when_it_is_said_again() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let huge = || sample("ev-1", "north").1.replace("\"powerKw\":2.5", "\"powerKw\":260");
    device.publish("der/telemetry/ev-1", huge()).await;
    let so_far = changes(&world, |change| is_waiting(change, "ev-1")).await;
    assert!(!so_far.iter().any(|change| is_registered(change, "ev-1")));
    let approved = |change: &Change| matches!(change, Change::DeviceApproved(approved) if approved.device_id.as_str() == "ev-1");
    let again = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            device.publish("der/telemetry/ev-1", huge()).await;
        }
    };
    tokio::select! {
        _ = changes(&world, approved) => {}
        () = again => unreachable!("it is repeated until it counts"),
    }
    bridge.stop().await.expect("a clean end");
}
