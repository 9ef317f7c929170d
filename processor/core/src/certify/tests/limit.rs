//! The limit of the check and the planner's are written apart from one definition: where nothing is randomised and one moment
//! is looked at, they say the same, to the watt and to the millisecond.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use schemas::records::operator::{
    ControlSettings, EventCancelled, EventCreated, FeederMode, ProgramMode, ProgramSet,
};

use super::*;
use crate::certify::limit::limit_w;

const FEEDERS: [(&str, Option<&str>); 3] = [("root", None), ("east", Some("root")), ("far", None)];

/// Watts at which something ends, and others.
fn watts() -> impl Strategy<Value = i64> {
    prop_oneof![select(vec![-1, 0, 1, 2]), 0_i64..30_000]
}

/// From when to when, ms from the moment, with the ramp, s.
fn times() -> impl Strategy<Value = (i64, i64, i32)> {
    let begins = prop_oneof![select(vec![-60_000, -1, 0, 1]), -120_000_i64..5_000];
    let ends = prop_oneof![select(vec![0, 1]), -5_000_i64..60_000];
    (begins, ends, prop_oneof![select(vec![-1, 0, 1, 60]), 0..200])
}

fn event(
    number: u128,
    feeder: usize,
    limit_w: i64,
    (start, end, ramp_s): (i64, i64, i32),
) -> Change {
    Change::EventCreated(EventCreated {
        event_id: Uuid::from_u128(number),
        feeder_id: feeder_id(FEEDERS[feeder].0),
        start: Timestamp(START + start),
        end: Timestamp(START + end),
        limit_w: Watts(limit_w),
        kind: "dr".to_owned(),
        ramp_s,
        randomize_s: 0,
    })
}

/// A program on none by name, on one, or on all three.
fn program(
    number: u128,
    named: usize,
    shed_w: i64,
    price: Option<(i64, i64)>,
    (start, end, ramp_s): (i64, i64, i32),
) -> Change {
    let (penalty, incentive) = price.unwrap_or_default();
    Change::ProgramSet(ProgramSet {
        program_id: Uuid::from_u128(number),
        name: "evening".to_owned(),
        mode: if price.is_some() { ProgramMode::PriceElastic } else { ProgramMode::FixedCap },
        feeder_ids: FEEDERS[..named].iter().map(|(id, _)| feeder_id(id)).collect(),
        start: Timestamp(START + start),
        end: Timestamp(START + end),
        target_shed_w: Watts(shed_w),
        incentive_milli_per_kwh: incentive,
        penalty_milli_per_kwh: penalty,
        active: !number.is_multiple_of(5),
        ramp_s,
        randomize_s: 0,
    })
}

/// Few of the cases meet an edge: there are at least so many.
fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = config.cases.max(3_000);
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..config }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_limit_of_the_check_is_the_planners(
        own in prop::array::uniform3(prop::option::weighted(0.9, watts())),
        global in prop::option::of(watts()),
        far in (any::<bool>(), any::<bool>()),
        events in prop::collection::vec(
            (0..3_usize, watts(), times(), prop::option::of(-20_000..20_000_i64)),
            0..4,
        ),
        programs in prop::collection::vec(
            (0..4_usize, watts(), prop::option::of((-5_000..120_000_i64, -5_000..40_000_i64)), times()),
            0..4,
        ),
    ) {
        let mut stage = Stage::new(1_000);
        for ((id, parent), own_w) in FEEDERS.into_iter().zip(own) {
            if let Some(own_w) = own_w {
                stage.feeder(id, parent, own_w.max(0));
            } else {
                stage.operate(Change::FeederChange(FeederChange {
                    parent_id: parent.map(feeder_id),
                    ..bare(id)
                }));
            }
        }
        let (far_has_devices, far_is_off) = far;
        stage.add(DeviceType::Ev, "ev", "east");
        if far_has_devices {
            stage.add(DeviceType::Ev, "ev-far", "far");
        }
        if far_is_off {
            let mode = Some(FeederMode::Disabled);
            stage.operate(Change::FeederChange(FeederChange { mode, ..bare("far") }));
        }
        let global_limit_w = global.map(Watts);
        let settings = ControlSettings { global_limit_w, ..ControlSettings::default() };
        stage.operate(Change::ControlSettings(settings));
        for (number, (feeder, limit_w, times, cancelled)) in (0..).zip(events) {
            stage.operate(event(number, feeder, limit_w, times));
            // Also by one whose clock is ahead.
            if let Some(ms) = cancelled {
                stage.now = START + ms;
                let event_id = Uuid::from_u128(number);
                stage.operate(Change::EventCancelled(EventCancelled { event_id }));
            }
        }
        for (number, (named, shed_w, price, times)) in (1..).zip(programs) {
            stage.operate(program(number, named, shed_w, price, times));
        }
        let (registry, now) = (&stage.registry, Timestamp(START));
        for root in ["root", "far"] {
            let topology = Topology::of(registry, &feeder_id(root));
            let planned = limits(registry, &topology, now, now);
            for (node, planned) in topology.nodes.iter().zip(planned) {
                let id = &node.feeder_id;
                let certain = limit_w(registry, id, &registry.feeders[id], now);
                prop_assert_eq!(certain, planned.import, "{}", id);
            }
        }
    }
}

fn bare(id: &str) -> FeederChange {
    FeederChange {
        feeder_id: feeder_id(id),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: None,
        policy: None,
    }
}
