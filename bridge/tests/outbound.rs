//! From decisions to the devices: retained with expiry, the newest only, never a shadow feeder's, and the watchdog.

mod world;

use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ids::{DeviceId, FeederId};
use schemas::mqtt::{Setpoint, decode_setpoint};
use schemas::records::decision::{
    Claim, Decision, DecisionHeader, DeviceDecision, Emit, Freshness, LedgerRecord, NodeBinding,
    NodeDecision, Positions, Reason, Rung, Trigger,
};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{
    Change, DeviceRegistered, FeederMode, OperatorRecord, SimulationMode, SimulationSet,
};
use schemas::records::sent::Sent;
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::topics::{Topic, tree_partition};
use schemas::units::{WattHours, Watts};
use uuid::Uuid;
use world::{Client, World, expiry_s, now_ms};

const WRITER: Uuid = Uuid::from_u128(7);

fn id(device: &str) -> DeviceId {
    DeviceId::new(device).expect("an id")
}

fn feeder(feeder: &str) -> FeederId {
    FeederId::new(feeder).expect("an id")
}

fn device(name: &str, on: &str, target_w: i64) -> DeviceDecision {
    DeviceDecision {
        device_id: id(name),
        feeder_id: feeder(on),
        device_type: DeviceType::Ev,
        power_w: None,
        soc: None,
        freshness: Freshness::Fresh,
        sample_age_ms: None,
        wanted_w: Watts(7_000),
        share_w: Watts(target_w),
        setpoint_w: Some(Watts(target_w)),
        emit: Emit::Change,
        ttl_ms: 60_000,
        fallback_w: Watts::ZERO,
        weight_milli: 1_000,
        deficit_wh: WattHours::ZERO,
        reason: Reason::FairShare,
        bound_by: None,
        marginal_w: Watts::ZERO,
        compliant: true,
        typed_layout: false,
    }
}

fn node(name: &str, mode: FeederMode) -> NodeDecision {
    NodeDecision {
        feeder_id: feeder(name),
        parent_id: None,
        mode,
        import_limit_w: Watts(250_000),
        export_limit_w: None,
        limit_w: Watts(250_000),
        margin_w: Watts(500),
        load_w: Watts::ZERO,
        controlled_w: Watts::ZERO,
        uncontrolled_w: Watts::ZERO,
        reserved_w: Watts::ZERO,
        headroom_w: Watts::ZERO,
        allocated_w: Watts::ZERO,
        unmet_w: Watts::ZERO,
        water_level_w: None,
        binding: NodeBinding::None,
        rung: Rung::Normal,
        degraded: None,
        stopped: None,
        device_count: 0,
        fresh_count: 0,
        stale_count: 0,
        by_type: Vec::new(),
    }
}

fn decision(seq: i64, devices: Vec<DeviceDecision>) -> Decision {
    let at = Timestamp(now_ms());
    Decision {
        no: DecisionNo::new(1, seq),
        writer: WRITER,
        root: feeder("north"),
        header: DecisionHeader {
            at,
            trigger: Trigger::Window,
            window_start: at.plus_ms(-5_000),
            window_end: at,
            positions: Positions::default(),
            policy: "water-fill".to_owned(),
            certified: true,
            findings: Vec::new(),
            nodes: vec![node("north", FeederMode::Automatic), node("shadow", FeederMode::Shadow)],
            alarms: Vec::new(),
        },
        devices,
    }
}

/// Claims north's partition.
async fn claim(world: &World, epoch: i64, writer: Uuid) {
    let at = Timestamp(now_ms());
    let claim = Claim { epoch, writer, at, name: "test".to_owned(), log: None };
    world.append_ledger("north", LedgerRecord::Claim(claim)).await;
}

async fn decide(world: &World, decision: Decision) {
    for part in decision.into_parts(1_000) {
        world.append_ledger("north", LedgerRecord::DecisionPart(part)).await;
    }
}

async fn operate(world: &World, change: Change) {
    let record = OperatorRecord {
        id: Uuid::now_v7(),
        at: Timestamp(now_ms()),
        source: None,
        actor: "test".to_owned(),
        change,
    };
    world.append(Topic::Operator, "north", record.encode()).await;
}

/// The next setpoint that a client hears, and for which device.
async fn next(client: &mut Client) -> (String, Setpoint) {
    let message = client.next().await;
    let topic = world::text(&message.topic);
    let name = topic.rsplit('/').next().expect("a level").to_owned();
    let setpoint = decode_setpoint(&id(&name), &message.payload, 10_000).expect("a setpoint");
    (topic, setpoint)
}

#[tokio::test(flavor = "multi_thread")]
async fn setpoints_are_retained_in_both_layouts_for_as_long_as_they_are_valid() {
    let world = World::start();
    claim(&world, 1, WRITER).await;
    let bridge = world.bridge(&[]);
    let mut early = world.device("early").await;
    early.subscribe("der/control/#").await;
    let mut old_layout = device("ev-1", "north", 7_000);
    old_layout.typed_layout = true;
    let decided = decision(1, vec![old_layout]);
    let expected = decided.setpoint_id(&id("ev-1"));
    decide(&world, decided).await;
    let (_, setpoint) = next(&mut early).await;
    assert_eq!((setpoint.id(), setpoint.target_w), (expected, Watts(7_000)));

    let mut late = world.device("late").await;
    for filter in ["der/control/ev-1", "der/setpoints/ev/ev-1"] {
        late.subscribe(filter).await;
        let message = late.next().await;
        assert!(message.retain, "{filter}");
        let left = expiry_s(&message).expect("an expiry");
        assert!((30..=60).contains(&left), "{filter}: {left} s of 60 s are left");
    }
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_lags_sends_only_the_newest_and_after_a_restart_nothing_again() {
    let world = World::start();
    claim(&world, 1, WRITER).await;
    for seq in 1..=5 {
        decide(&world, decision(seq, vec![device("ev-1", "north", seq * 1_000)])).await;
    }
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    let bridge = world.bridge(&[]);
    let (_, setpoint) = next(&mut listener).await;
    assert_eq!((setpoint.seq, setpoint.target_w), (Some(5), Watts(5_000)));
    bridge.stop().await.expect("a clean end");

    let bridge = world.bridge(&[]);
    decide(&world, decision(6, vec![device("ev-1", "north", 6_000)])).await;
    let (_, setpoint) = next(&mut listener).await;
    assert_eq!(setpoint.seq, Some(6), "5 was published and its position stored");
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_shadow_feeder_nor_a_fenced_writer_reaches_a_device() {
    let world = World::start();
    claim(&world, 1, WRITER).await;
    let bridge = world.bridge(&[]);
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    let devices = vec![device("a-shadow", "shadow", 1_000), device("ev-1", "north", 1_000)];
    decide(&world, decision(1, devices)).await;
    assert_eq!(next(&mut listener).await.0, "der/control/ev-1");

    let successor = Uuid::from_u128(8);
    claim(&world, 2, successor).await;
    decide(&world, decision(2, vec![device("ev-1", "north", 9_000)])).await;
    let mut counts = decision(2, vec![device("ev-1", "north", 2_000)]);
    (counts.no.epoch, counts.writer) = (2, successor);
    decide(&world, counts).await;
    let (_, setpoint) = next(&mut listener).await;
    assert_eq!((setpoint.epoch, setpoint.target_w), (Some(2), Watts(2_000)));
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_decisions_stop_a_charging_device_is_told_zero_across_a_restart_too() {
    let world = World::start();
    claim(&world, 1, WRITER).await;
    let registered = DeviceRegistered {
        device_id: id("ev-1"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: feeder("north"),
        site_id: None,
    };
    operate(&world, Change::DeviceRegistered(registered)).await;
    let quick = [("CONTROL_INTERVAL_SECONDS", "0.5")];
    let bridge = world.bridge(&quick);
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    decide(&world, decision(1, vec![device("ev-1", "north", 7_000)])).await;
    assert_eq!(next(&mut listener).await.1.target_w, Watts(7_000));
    let (_, zero) = next(&mut listener).await;
    assert_eq!((zero.target_w, zero.epoch, zero.seq), (Watts(0), Some(1), Some(1)));
    bridge.stop().await.expect("a clean end");

    // A new bridge knows from the log what the device was told last, although it has nothing to send from there.
    let bridge = world.bridge(&quick);
    let (_, again) = next(&mut listener).await;
    assert_eq!(again.target_w, Watts(0));
    assert_ne!(again.id(), zero.id());
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn setpoints_wait_for_a_broker_that_comes_back() {
    let mut world = World::start();
    claim(&world, 1, WRITER).await;
    // No second try of what the broker refuses, and short ones: it is away for several of them.
    let bridge = world.bridge(&[("MQTT_MAX_RETRIES", "0"), ("MQTT_PUBLISH_TIMEOUT_MS", "50")]);
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    decide(&world, decision(1, vec![device("ev-1", "north", 1_000)])).await;
    next(&mut listener).await;
    drop(listener);
    world.mosquitto.stop().expect("the broker stops");
    decide(&world, decision(2, vec![device("ev-1", "north", 2_000)])).await;
    world.mosquitto.restart().expect("the broker comes back");
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    while next(&mut listener).await.1.target_w != Watts(2_000) {}
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setpoint_is_recorded_once_the_broker_has_it_and_a_renewal_is_not() {
    let world = World::start();
    claim(&world, 1, WRITER).await;
    let bridge = world.bridge(&[]);
    let mut listener = world.device("listener").await;
    listener.subscribe("der/control/#").await;
    let of = |emit, target_w| vec![DeviceDecision { emit, ..device("ev-1", "north", target_w) }];
    let decisions = [
        decision(1, of(Emit::Change, 1_000)),
        decision(2, of(Emit::Renew, 1_000)),
        decision(3, of(Emit::Change, 2_000)),
    ];
    for decision in decisions.clone() {
        let seq = decision.no.seq;
        decide(&world, decision).await;
        assert_eq!(next(&mut listener).await.1.seq, Some(seq));
    }
    let records = world.read_until(Topic::Sent, |records| records.len() >= 2).await;
    bridge.stop().await.expect("a clean end");
    for (record, decision) in records.iter().zip([&decisions[0], &decisions[2]]) {
        let partition = tree_partition(&decision.root, world::PARTITIONS);
        assert_eq!((record.partition, record.key.as_slice()), (partition, &b"north"[..]));
        let sent = Sent::decode(&record.value).expect("a record");
        assert_eq!((&sent.root, sent.no()), (&decision.root, decision.no));
        assert_eq!(sent.setpoint_id, decision.setpoint_id(&id("ev-1")));
        assert_eq!((sent.device_id, sent.feeder_id), (id("ev-1"), feeder("north")));
        let times = [decision.header.at, sent.decided_at, sent.sent_at, sent.broker_acked_at];
        assert!(times[0] == times[1] && times.is_sorted(), "{times:?}");
        assert!(times[3].0 <= now_ms());
    }
    assert_eq!(records.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_profile_is_published_when_an_operator_sets_it() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut listener = world.device("listener").await;
    listener.subscribe("der/simulation/profile").await;
    operate(&world, Change::SimulationSet(SimulationSet { mode: SimulationMode::Night })).await;
    let message = listener.next().await;
    assert!(world::text(&message.payload).contains("night"));
    bridge.stop().await.expect("a clean end");
}
