//! Limits over several trees, programs in both directions, and what past events cost.

use std::time::{Duration, Instant};

use schemas::records::operator::{
    Change, ControlSettings, DeviceRegistered, EventCancelled, EventCreated, FeederChange,
    FeederMode, OperatorRecord,
};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::registry::Refused;
use schemas::{DeviceId, FeederId};

use super::*;

const HOUR: i64 = 3_600_000;
const NOW: Timestamp = Timestamp(100 * HOUR);

fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("a valid id")
}

fn operate(registry: &mut Registry, change: Change) -> Result<(), Refused> {
    let record =
        OperatorRecord { id: Uuid::nil(), at: NOW, source: None, actor: "op".to_owned(), change };
    registry.apply(&record)
}

fn change(id: &str, parent: Option<&str>, limit_w: i64, mode: Option<FeederMode>) -> Change {
    Change::FeederChange(FeederChange {
        feeder_id: feeder(id),
        parent_id: parent.map(feeder),
        import_limit_w: Some(Watts(limit_w)),
        export_limit_w: None,
        mode,
        policy: None,
    })
}

/// A feeder with a device of its own.
fn add(registry: &mut Registry, id: &str, parent: Option<&str>, limit_w: i64) {
    operate(registry, change(id, parent, limit_w, None)).expect("it fits");
    let new = DeviceRegistered {
        device_id: DeviceId::new(&format!("ev-{id}")).expect("a valid id"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: feeder(id),
        site_id: None,
    };
    operate(registry, Change::DeviceRegistered(new)).expect("it is new");
}

fn with_global(global_w: i64) -> Registry {
    let mut registry = Registry::default();
    let settings =
        ControlSettings { global_limit_w: Some(Watts(global_w)), ..ControlSettings::default() };
    operate(&mut registry, Change::ControlSettings(settings)).expect("always");
    registry
}

/// The limit in force at a feeder now, W.
fn limit_of(registry: &Registry, id: &str) -> i64 {
    let root = registry.root_of(&feeder(id));
    let topology = Topology::of(registry, &root);
    let index = topology.index_of(&feeder(id)).expect("it stands in its own tree");
    limits(registry, &topology, NOW, NOW)[index].import.0
}

#[test]
fn the_global_limit_bounds_the_sum_of_all_roots() {
    let mut registry = with_global(60_000);
    add(&mut registry, "a", None, 90_000);
    add(&mut registry, "b", None, 30_000);
    add(&mut registry, "b-east", Some("b"), 25_000);
    let roots = |registry: &Registry| (limit_of(registry, "a"), limit_of(registry, "b"));
    assert_eq!(roots(&registry), (45_000, 15_000));
    assert_eq!(limit_of(&registry, "b-east"), 25_000, "held by its root");
    // One that nobody stands at, and one that is left alone, take nothing of it from the others.
    operate(&mut registry, change("empty", None, 900_000, None)).expect("new");
    add(&mut registry, "off", None, 500_000);
    operate(&mut registry, change("off", None, 500_000, Some(FeederMode::Disabled))).expect("fits");
    assert_eq!(roots(&registry), (45_000, 15_000));
    assert_eq!(limit_of(&registry, "empty"), 60_000);
    add(&mut registry, "c", None, 120_000);
    assert_eq!((roots(&registry), limit_of(&registry, "c")), ((22_500, 7_500), 30_000));
}

#[test]
fn a_global_limit_above_the_sum_of_the_roots_changes_nothing() {
    let mut registry = with_global(120_000);
    add(&mut registry, "a", None, 90_000);
    add(&mut registry, "b", None, 30_000);
    assert_eq!((limit_of(&registry, "a"), limit_of(&registry, "b")), (90_000, 30_000));
}

#[test]
fn the_parts_of_a_global_limit_never_add_up_to_more() {
    for global_w in [0, 1, 7, 9_999, 100_000, 333_333] {
        let mut registry = with_global(global_w);
        let own = [1, 3, 70_001, 99_999, 250_000, 0, 13];
        for (index, own_w) in own.into_iter().enumerate() {
            add(&mut registry, &format!("r{index}"), None, own_w);
        }
        let parts: Vec<i64> =
            (0..own.len()).map(|index| limit_of(&registry, &format!("r{index}"))).collect();
        assert!(parts.iter().sum::<i64>() <= global_w, "{global_w}: {parts:?}");
        assert!(parts.iter().zip(own).all(|(part, own)| (0..=own).contains(part)), "{parts:?}");
    }
}

fn program(mode: ProgramMode, feeders: &[&str]) -> ProgramSet {
    ProgramSet {
        program_id: Uuid::from_u128(9),
        name: "evening".to_owned(),
        mode,
        feeder_ids: feeders.iter().map(|id| feeder(id)).collect(),
        start: NOW,
        end: NOW.plus_ms(HOUR),
        target_shed_w: Watts(8_000),
        incentive_milli_per_kwh: 0,
        penalty_milli_per_kwh: 0,
        active: true,
        ramp_s: 0,
        randomize_s: 0,
    }
}

/// What is left of 20 kW under a program by price: penalty and incentive in units per kWh.
fn by_price(penalty: i64, incentive: i64) -> i64 {
    let mut registry = Registry::default();
    add(&mut registry, "a", None, 20_000);
    let set = ProgramSet {
        penalty_milli_per_kwh: penalty * 1_000,
        incentive_milli_per_kwh: incentive * 1_000,
        ..program(ProgramMode::PriceElastic, &["a"])
    };
    operate(&mut registry, Change::ProgramSet(set)).expect("it names a feeder that is there");
    limit_of(&registry, "a")
}

#[test]
fn a_price_sheds_by_what_the_penalty_is_above_the_incentive_and_never_passes_the_limit() {
    assert_eq!(by_price(60, 0), 8_000);
    assert_eq!(by_price(60, 10), 10_000, "an incentive takes from the penalty");
    assert_eq!(by_price(10, 0), 12_000, "the shed that is wanted, where that is more");
    assert_eq!(by_price(500, 0), 4_000, "four fifths at most");
    for (penalty, incentive) in [(0, 0), (30, 30), (0, 60), (10, 500), (-60, 0), (0, -60)] {
        assert_eq!(by_price(penalty, incentive), 20_000, "{penalty} and {incentive}");
    }
}

#[test]
fn a_program_for_all_is_shared_by_those_who_have_devices() {
    let mut registry = Registry::default();
    add(&mut registry, "a", None, 20_000);
    add(&mut registry, "b", None, 20_000);
    operate(&mut registry, change("empty", None, 250_000, None)).expect("new");
    let all = program(ProgramMode::FixedCap, &[]);
    operate(&mut registry, Change::ProgramSet(all)).expect("it names nobody");
    assert_eq!((limit_of(&registry, "a"), limit_of(&registry, "b")), (16_000, 16_000));
}

#[test]
fn what_a_limit_comes_from_is_named() {
    let named = |programs: &[(u128, i64)], event_w: Option<i64>| {
        let mut registry = Registry::default();
        add(&mut registry, "a", None, 20_000);
        for (number, shed_w) in programs {
            let (program_id, target_shed_w) = (Uuid::from_u128(*number), Watts(*shed_w));
            let set =
                ProgramSet { program_id, target_shed_w, ..program(ProgramMode::FixedCap, &["a"]) };
            operate(&mut registry, Change::ProgramSet(set)).expect("it names a feeder");
        }
        if let Some(watts) = event_w {
            let limit_w = Watts(watts);
            let created = EventCreated { limit_w, ..event(99, NOW.plus_ms(HOUR), 0) };
            operate(&mut registry, Change::EventCreated(created)).expect("it is new");
        }
        let topology = Topology::of(&registry, &feeder("a"));
        let limits = limits(&registry, &topology, NOW, NOW).remove(0);
        (limits.binding, limits.source.map(|source| source.as_u128()))
    };
    assert_eq!(named(&[], None), (NodeBinding::ImportLimit, None));
    assert_eq!(named(&[(7, 2_000), (8, 3_000), (9, 1_000)], None), (NodeBinding::Program, Some(8)));
    assert_eq!(named(&[(7, 0)], None), (NodeBinding::ImportLimit, None));
    assert_eq!(named(&[(7, 2_000)], Some(18_001)), (NodeBinding::Program, Some(7)));
    assert_eq!(named(&[(7, 2_000)], Some(18_000)), (NodeBinding::Event, Some(99)));
    assert_eq!(named(&[], Some(20_000)), (NodeBinding::ImportLimit, None));
}

fn event(number: u128, end: Timestamp, randomize_s: i32) -> EventCreated {
    EventCreated {
        event_id: Uuid::from_u128(number),
        feeder_id: feeder("a"),
        start: end.plus_ms(-2 * HOUR),
        end,
        limit_w: Watts(5_000),
        kind: "dr".to_owned(),
        ramp_s: 0,
        randomize_s,
    }
}

#[test]
fn an_event_holds_to_its_end_however_it_is_found() {
    let mut registry = Registry::default();
    add(&mut registry, "a", None, 20_000);
    let mut create =
        |event| operate(&mut registry, Change::EventCreated(event)).expect("it is new");
    create(event(1, NOW, 0));
    create(event(2, NOW.plus_ms(-HOUR), 60));
    assert_eq!(limit_of(&registry, "a"), 20_000, "over to the millisecond");
    let mut create =
        |event| operate(&mut registry, Change::EventCreated(event)).expect("it is new");
    create(event(3, NOW.plus_ms(1), 0));
    assert_eq!(limit_of(&registry, "a"), 5_000);
    let cancelled = EventCancelled { event_id: Uuid::from_u128(3) };
    operate(&mut registry, Change::EventCancelled(cancelled)).expect("it is there");
    assert_eq!(limit_of(&registry, "a"), 20_000);
    // What is randomised ends later than ordered, and is not passed over before.
    let late = (4..40).map(|number| event(number, NOW, 3_600));
    for event in late {
        operate(&mut registry, Change::EventCreated(event)).expect("it is new");
    }
    assert_eq!(limit_of(&registry, "a"), 5_000);
}

#[test]
fn a_hundred_thousand_past_events_cost_nothing() {
    let mut registry = Registry::default();
    add(&mut registry, "a", None, 20_000);
    for number in 0..100_000 {
        let past = event(number, NOW.plus_ms(-HOUR), 60);
        operate(&mut registry, Change::EventCreated(past)).expect("it is new");
    }
    assert_eq!(registry.events_after(NOW).count(), 0);
    let topology = Topology::of(&registry, &feeder("a"));
    let begun = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(limits(&registry, &topology, NOW, NOW)[0].import, Watts(20_000));
    }
    // A thousand looks: two microseconds each where past ones are left out, a millisecond each where they are not.
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}
