//! Modes of feeders, and what is sent to devices that are not heard.

use schemas::records::decision::{Emit, Freshness, NodeBinding, Reason};
use schemas::records::operator::{
    Change, DeviceChange, DeviceRegistered, EventCreated, FeederChange, FeederCleared, FeederField,
    FeederMode, MissingBehavior, OverrideSet, ProgramMode, ProgramSet, RestartBehavior,
};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::units::WattHours;
use schemas::{Timestamp, Watts};
use uuid::Uuid;

use crate::device::Spec;
use crate::world::{World, device, feeder};

const MINUTE: i64 = 60_000;

fn chargers(count: usize, limit_w: i64) -> World {
    let mut world = World::new(31);
    world.feeder("root", None, limit_w);
    for index in 0..count {
        world.add(Spec::new(DeviceType::Ev, &format!("ev-{index}"), "root", 7_000));
    }
    world
}

fn mode(world: &mut World, mode: FeederMode) {
    world.operate(Change::FeederChange(FeederChange {
        feeder_id: feeder("root"),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: Some(mode),
        policy: None,
    }));
}

fn order(world: &mut World, sim: usize, watts: i64) {
    let until = Timestamp(world.now + 10 * MINUTE);
    let device_id = device(&world.sims[sim].spec.id);
    world.operate(Change::OverrideSet(OverrideSet { device_id, power_w: Watts(watts), until }));
}

/// MANUAL: only operators' setpoints, within the limit all the same.
#[test]
fn a_manual_feeder_follows_operators_within_its_limit() {
    let mut world = chargers(3, 30_000);
    mode(&mut world, FeederMode::Manual);
    world.run(MINUTE);
    assert!(world.decisions.iter().flat_map(|d| &d.devices).all(|d| d.emit == Emit::None));
    order(&mut world, 0, 2_000);
    world.run(MINUTE);
    assert_eq!(world.sims[0].power_w, 2_000);
    assert_eq!(world.sims[1].power_w, 7_000, "the others do as they like");
    // 14 kW that nobody commands leave the ordered one less than it was ordered.
    world.feeder("root", None, 16_000);
    order(&mut world, 0, 7_000);
    world.run(MINUTE);
    assert!(world.load(&feeder("root")) <= 16_000);
    assert!(world.last().header.certified);
}

/// A limit that was set can be taken back: the default one holds again, with the next decision.
#[test]
fn a_limit_that_is_cleared_gives_way_to_the_default_one() {
    let mut world = chargers(4, 10_000);
    world.settings(|settings| settings.default_limit_w = Watts(20_000));
    world.run(MINUTE);
    assert!(world.load(&feeder("root")) <= 10_000);
    world.operate(Change::FeederCleared(FeederCleared {
        feeder_id: feeder("root"),
        fields: vec![FeederField::ImportLimit],
    }));
    world.run(2 * MINUTE);
    assert_eq!(world.last().header.nodes[0].limit_w, Watts(20_000));
    let load = world.load(&feeder("root"));
    assert!((15_000..=20_000).contains(&load), "{load} W");
}

/// A feeder that a device opened by its claim is named with the limit that holds, until an operator has set it up.
#[test]
fn a_feeder_that_a_device_opened_is_named() {
    let mut world = World::new(31);
    world.add(Spec::new(DeviceType::Ev, "ev-0", "root", 7_000));
    world.run(MINUTE);
    let named = |world: &World| -> Vec<String> {
        let alarms = world.last().header.alarms.iter().filter(|alarm| alarm.code == "CTL-013");
        alarms.map(|alarm| alarm.message.clone()).collect()
    };
    let said = named(&world);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("device ev-0") && said[0].contains("250"), "{said:?}");
    world.feeder("root", None, 30_000);
    world.run(MINUTE);
    assert_eq!(named(&world), [""; 0]);
}

/// DISABLED: neither decided nor commanded.
#[test]
fn a_disabled_feeder_is_left_alone() {
    let mut world = chargers(3, 5_000);
    world.strict = false;
    mode(&mut world, FeederMode::Disabled);
    for _ in 0..240 {
        world.quiet_since = world.now;
        world.run(250);
    }
    assert!(world.last().devices.iter().all(|d| d.setpoint_w.is_none() && d.emit == Emit::None));
}

#[track_caller]
fn told_when_silent(behavior: MissingBehavior, after_ms: i64) -> (Option<Watts>, Emit, Reason) {
    let mut world = chargers(3, 30_000);
    world.settings(|settings| settings.missing_behavior = behavior);
    world.run(MINUTE);
    world.cut(0, true);
    world.strict = false;
    world.run(after_ms);
    let decided = world.decided(0);
    assert_eq!(decided.freshness, Freshness::Stale);
    (decided.setpoint_w, decided.emit, decided.reason)
}

/// `TELEMETRY_MISSING_BEHAVIOR` and `HOLD_LAST_MAX_MS`.
#[test]
fn a_silent_device_is_told_what_the_setting_says() {
    let zero = (Some(Watts(0)), Emit::Renew, Reason::Stale);
    assert_eq!(told_when_silent(MissingBehavior::SafeZero, MINUTE), zero);
    let held = (Some(Watts(7_000)), Emit::Renew, Reason::HoldLast);
    assert_eq!(told_when_silent(MissingBehavior::HoldLast, MINUTE), held);
    // From the first hold on, which is when it turns stale.
    assert_eq!(told_when_silent(MissingBehavior::HoldLast, 4 * MINUTE), zero);
    let nothing = (None, Emit::None, Reason::Stale);
    assert_eq!(told_when_silent(MissingBehavior::ExcludeDevice, MINUTE), nothing);
}

/// `RESTART_BEHAVIOR` after an outage longer than the leases; a quick restart simply goes on.
#[test]
fn a_cold_start_tells_those_not_heard_since_what_the_setting_says() {
    for (behavior, outage_ms, expected) in [
        (RestartBehavior::SafeZero, 2 * MINUTE, Reason::Restart),
        (RestartBehavior::HoldLast, 2 * MINUTE, Reason::HoldLast),
        (RestartBehavior::SafeZero, 10_000, Reason::Satisfied),
    ] {
        let mut world = chargers(2, 30_000);
        world.settings(|settings| settings.restart_behavior = behavior);
        world.run(2 * MINUTE);
        let before = world.decided(0).setpoint_w;
        world.strict = false;
        world.down_processor = true;
        world.cut(0, outage_ms > MINUTE);
        world.run(outage_ms);
        world.down_processor = false;
        world.run(9_000);
        let decided = world.decided(0);
        let told = if expected == Reason::Restart { Some(Watts(0)) } else { before };
        assert_eq!((decided.setpoint_w, decided.reason), (told, expected), "{behavior:?}");
    }
}

/// A registered charger that was never heard is reserved for, and an operator can say that it draws nothing.
#[test]
fn a_charger_never_heard_is_reserved_for() {
    let mut world = chargers(3, 20_000);
    world.run(MINUTE);
    let before = world.last().header.nodes[0].uncontrolled_w;
    let ghost = DeviceRegistered {
        device_id: device("ghost"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Physical,
        feeder_id: feeder("root"),
        site_id: None,
    };
    world.operate(Change::DeviceRegistered(ghost));
    world.strict = false;
    world.run(MINUTE);
    let node = &world.last().header.nodes[0];
    assert!(node.uncontrolled_w >= before + Watts(7_400 - 500), "{before} then {node:?}");
    let code =
        |world: &World| world.last().header.alarms.iter().any(|alarm| alarm.code == "CTL-008");
    assert!(code(&world));
    let named = DeviceChange {
        device_id: device("ghost"),
        feeder_id: None,
        priority: None,
        target_soc: None,
        fallback_w: Some(Watts(0)),
        opted_out: None,
    };
    world.operate(Change::DeviceChange(named));
    world.run(MINUTE);
    assert!(world.last().header.nodes[0].uncontrolled_w <= before + Watts(500));
    assert!(!code(&world));
}

/// G12: fallbacks that could not hold the limit together are an alarm that names the feeder, as soon as it is configured.
#[test]
fn fallbacks_that_pass_a_limit_are_named() {
    let mut world = chargers(4, 30_000);
    for sim in &mut world.sims {
        sim.spec.fallback_w = Some(4_000);
    }
    world.run(MINUTE);
    let named = |world: &World| {
        let alarms = world.last().header.alarms.iter();
        alarms
            .filter(|alarm| alarm.code == "CTL-005")
            .filter_map(|a| a.feeder_id.clone())
            .collect::<Vec<_>>()
    };
    assert!(named(&world).is_empty());
    world.feeder("root", None, 15_000);
    world.run(2_000);
    assert_eq!(named(&world), [feeder("root")]);
}

fn program(mode: ProgramMode, feeders: &[&str], world: &World) -> ProgramSet {
    ProgramSet {
        program_id: Uuid::from_u128(9),
        name: "evening".to_owned(),
        mode,
        feeder_ids: feeders.iter().map(|id| feeder(id)).collect(),
        start: Timestamp(world.now),
        end: Timestamp(world.now + 10 * MINUTE),
        target_shed_w: Watts(8_000),
        incentive_milli_per_kwh: 0,
        penalty_milli_per_kwh: 40_000,
        active: true,
        ramp_s: 0,
        randomize_s: 0,
    }
}

/// A program's shed is split over the feeders that it names, ramped where it says so, and ends when it is cancelled.
#[test]
fn a_program_sheds_its_part_on_each_feeder_it_names() {
    let mut world = chargers(2, 30_000);
    world.feeder("a", Some("root"), 20_000);
    world.feeder("b", Some("root"), 20_000);
    world.run(10_000);
    let limits = |world: &World| -> Vec<i64> {
        world.last().header.nodes.iter().map(|node| node.limit_w.0).collect()
    };
    let shed = program(ProgramMode::FixedCap, &["a", "b"], &world);
    world.operate(Change::ProgramSet(shed.clone()));
    world.run(10_000);
    assert_eq!(limits(&world), [30_000, 16_000, 16_000]);
    assert_eq!(world.last().header.nodes[1].limit_w, Watts(16_000));
    world.operate(Change::ProgramSet(ProgramSet { ramp_s: 3_600, ..shed.clone() }));
    world.run(10_000);
    assert!(limits(&world)[1] > 19_000, "{:?}", limits(&world));
    world.operate(Change::ProgramSet(ProgramSet { active: false, ..shed }));
    world.run(10_000);
    assert_eq!(limits(&world), [30_000, 20_000, 20_000]);
    // By price: 40 units per kWh take 40 % of the limit.
    let elastic = program(ProgramMode::PriceElastic, &["a"], &world);
    world.operate(Change::ProgramSet(elastic));
    world.run(10_000);
    assert_eq!(limits(&world), [30_000, 12_000, 20_000]);
}

/// A randomised event covers all of the time that was ordered, and the record says when it is over.
#[test]
fn a_randomised_event_covers_what_was_ordered() {
    let mut world = chargers(4, 30_000);
    world.run(10_000);
    let event_id = Uuid::from_u128(5);
    let (start, end) = (Timestamp(world.now + 2 * MINUTE), Timestamp(world.now + 4 * MINUTE));
    let (early, late) = control_core::release::randomised_ms(event_id, &feeder("root"), 60);
    assert!((0..60_000).contains(&early) && (0..60_000).contains(&late) && early != late);
    world.operate(Change::EventCreated(EventCreated {
        event_id,
        feeder_id: feeder("root"),
        start,
        end,
        limit_w: Watts(10_000),
        kind: "dr".to_owned(),
        ramp_s: 0,
        randomize_s: 60,
    }));
    // It begins before its time: the world's own clockwork does not know of it.
    world.quiet_since = i64::MAX / 2;
    world.run(7 * MINUTE);
    let restricted = |decision: &&schemas::records::decision::Decision| {
        decision.header.nodes[0].limit_w == Watts(10_000)
    };
    let first = world.decisions.iter().find(restricted).expect("it begins").header.at;
    let last = world.decisions.iter().rev().find(restricted).expect("it ends").header.at;
    assert!(
        first <= start.plus_ms(-early) && last >= end && last < end.plus_ms(late),
        "{first:?} {last:?}"
    );
    assert_ne!(world.last().header.nodes[0].binding, NodeBinding::Event);
}

/// Storage discharges to keep an import limit, down to its reserve, and generation is curtailed only by an export limit.
#[test]
fn a_battery_keeps_an_import_limit_down_to_its_reserve() {
    let mut world = World::new(33);
    world.feeder("root", None, 8_000);
    let mut spec = Spec::new(DeviceType::Battery, "battery", "root", 5_000);
    spec.energy_wh = 1_000;
    let battery = world.add(spec);
    let base = world.add(Spec::new(DeviceType::Other, "base", "root", 12_000));
    let roof = world.add(Spec::new(DeviceType::Pv, "roof", "root", 1_000));
    world.wish(base, 11_000);
    world.strict = false;
    world.run(2 * MINUTE);
    assert!(world.sims[battery].power_w < -2_000, "{} W", world.sims[battery].power_w);
    assert!(world.load(&feeder("root")) <= 8_000);
    assert_eq!(world.sims[roof].power_w, -1_000);
    assert!(world.decided(roof).setpoint_w.is_none(), "no export limit, nothing curtailed");
    world.quiet_since = i64::MAX / 2;
    world.run(30 * MINUTE);
    let soc = world.sims[battery].soc().expect("it has one");
    assert!((1_900..=2_100).contains(&soc), "it stops at the reserve: {soc}");
}

/// What the log says was decided may have been sent, even where this core would have decided otherwise.
#[test]
fn what_is_on_record_counts_as_in_force_whatever_is_decided_here() {
    let mut world = chargers(2, 10_000);
    world.run(2 * MINUTE);
    let mut recorded = world.last().clone();
    recorded.no.seq += 1;
    recorded.header.at = Timestamp(world.now);
    recorded.devices[0].setpoint_w = Some(Watts(6_500));
    recorded.devices[0].emit = Emit::Change;
    recorded.devices[0].deficit_wh = WattHours(7);
    recorded.devices[1].emit = Emit::None;
    world.tree.adopt(&recorded);
    let (_, devices) = world.tree.snapshot();
    let of_record = |index: usize| {
        devices[index].live.iter().find(|live| live.no() == recorded.no).map(|live| live.setpoint_w)
    };
    assert_eq!((of_record(0), of_record(1)), (Some(Watts(6_500)), None));
    assert_eq!(devices[0].setpoint_w, Some(Watts(6_500)));
    // What was missed is what the record says, not what would have been missed under the decision made here.
    assert_eq!(devices[0].deficit_wms, 7 * 3_600_000);
}
