//! What is decided of a small street, to the watt.

use schemas::WattHours;
use schemas::records::decision::{Reason, Rung};
use schemas::records::operator::{
    Change, DeviceChange, FeederChange, FeederMode, MissingBehavior, OverrideSet,
};
use schemas::records::telemetry::{Capabilities, DeviceType};
use schemas::{Soc, Timestamp, Watts};

use super::*;
use crate::stage::{Stage, WINDOW_MS, device_id, gives, of, root, takes, told_w};

const NOTHING: Capabilities = Capabilities {
    max_charge_w: None,
    max_discharge_w: None,
    max_export_w: None,
    max_import_w: None,
    min_power_w: None,
    ramp_w_per_s: None,
    energy_wh: None,
    fallback_w: None,
};

/// A charger that follows and a house, until all is at rest.
fn settled(stage: &mut Stage, house_w: i64, rated_w: i64) -> Decision {
    let mut told = 0;
    let mut decision = None;
    for _ in 0..30 {
        let claims = takes(rated_w);
        let made = stage.window(&[("ev", told, &claims), ("house", house_w, &NOTHING)]);
        told = told_w(&made, "ev");
        decision = Some(made);
    }
    decision.expect("it was decided")
}

#[test]
fn a_car_gets_what_limit_margin_and_house_leave() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let decision = settled(&mut stage, 4_000, 11_000);
    // Of the margin a half is kept for the noise of the house.
    assert_eq!(told_w(&decision, "ev"), 10_000 - 500 - 4_000 - 250);
    let node = root(&decision);
    assert_eq!((node.load_w, node.controlled_w), (Watts(9_250), Watts(5_250)));
    assert_eq!((node.uncontrolled_w, node.reserved_w), (Watts(4_250), Watts::ZERO));
    assert_eq!(
        (node.allocated_w, node.unmet_w, node.rung),
        (Watts(5_250), Watts::ZERO, Rung::Trim)
    );
    let car = of(&decision, "ev");
    assert_eq!((car.share_w, car.wanted_w), (Watts(5_250), Watts(11_000)));
    assert_eq!(car.bound_by, Some(node.feeder_id.clone()));
    assert_eq!(car.marginal_w, Watts(1_000), "all of one more kW is for it");
    let kept = stage.tree.devices.get(&device_id("ev")).expect("it was heard");
    assert_eq!(kept.carried_w, Watts::ZERO, "water-filling carries nothing over");
}

#[test]
fn a_car_that_gets_all_it_wants_is_bound_by_nothing() {
    let mut stage = Stage::new(30_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let decision = settled(&mut stage, 4_000, 11_000);
    let car = of(&decision, "ev");
    assert_eq!((car.setpoint_w, car.share_w), (Some(Watts(11_000)), Watts(11_000)));
    assert_eq!((car.bound_by.clone(), car.marginal_w), (None, Watts::ZERO));
    assert_eq!((root(&decision).rung, root(&decision).water_level_w), (Rung::Normal, None));
}

#[test]
fn the_load_of_a_feeder_is_what_its_meter_says_while_it_is_believed() {
    let mut stage = Stage::new(30_000);
    for (device_type, id) in [(DeviceType::Other, "house"), (DeviceType::Meter, "meter")] {
        stage.add(device_type, id);
    }
    let mut loads = Vec::new();
    for meter_w in [5_000, 5_200, 5_400, 5_100, 5_300, 5_000, 5_200, 5_000] {
        let decision = stage.window(&[("house", 3_000, &NOTHING), ("meter", meter_w, &NOTHING)]);
        loads.push(root(&decision).load_w.0);
    }
    // The window's mean is what was said at its beginning.
    assert_eq!(loads[2..], [5_200, 5_400, 5_100, 5_300, 5_000, 5_200]);
}

#[test]
fn a_meter_that_is_not_heard_leaves_what_it_has_shown() {
    let mut stage = Stage::new(30_000);
    for (device_type, id) in [(DeviceType::Other, "house"), (DeviceType::Meter, "meter")] {
        stage.add(device_type, id);
    }
    let mut last = None;
    for window in 0..40 {
        let both = [("house", 3_000 + window % 2, &NOTHING), ("meter", 9_000 + window, &NOTHING)];
        last = Some(stage.window(if window < 20 { &both } else { &both[..1] }));
    }
    let load = root(&last.expect("it was decided")).load_w.0;
    assert!((9_000..9_030).contains(&load), "{load}");
}

#[test]
fn an_operator_sets_what_generation_gives_under_an_export_limit() {
    let mut stage = Stage::new(30_000);
    stage.limit(30_000, Some(20_000));
    stage.add(DeviceType::Pv, "sun");
    let roof = gives(8_000);
    for _ in 0..10 {
        stage.window(&[("sun", -5_000, &roof)]);
    }
    stage.operate(Change::OverrideSet(OverrideSet {
        device_id: device_id("sun"),
        power_w: Watts(-2_000),
        until: Timestamp(stage.now + 600_000),
    }));
    let decision = stage.window(&[("sun", -5_000, &roof)]);
    assert_eq!(of(&decision, "sun").setpoint_w, Some(Watts(-2_000)));
}

#[test]
fn generation_is_curtailed_to_what_export_limit_margin_and_load_leave() {
    let mut stage = Stage::new(30_000);
    stage.limit(30_000, Some(3_000));
    stage.add(DeviceType::Pv, "sun");
    stage.add(DeviceType::Other, "house");
    let (roof, mut gives_w, mut last) = (gives(8_000), 8_000, None);
    for _ in 0..20 {
        let decision = stage.window(&[("sun", -gives_w, &roof), ("house", 1_000, &NOTHING)]);
        gives_w = -told_w(&decision, "sun");
        last = Some(decision);
    }
    let decision = last.expect("it was decided");
    let sun = of(&decision, "sun");
    assert_eq!((sun.setpoint_w, sun.share_w), (Some(Watts(-3_500)), Watts(-3_500)));
    assert_eq!(sun.reason, Reason::Curtailed);
    assert_eq!(sun.fallback_w, Watts(-3_500), "it keeps to that when its lease lapses");
}

#[test]
fn one_that_is_held_at_its_last_setpoint_lets_go_where_that_passes_the_limit() {
    let mut stage = Stage::new(10_000);
    let mut settings = stage.registry.settings.clone();
    settings.missing_behavior = MissingBehavior::HoldLast;
    stage.operate(Change::ControlSettings(settings));
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    settled(&mut stage, 1_000, 7_000);
    let mut last = None;
    for _ in 0..8 {
        last = Some(stage.window(&[("house", 1_000, &NOTHING)]));
    }
    let held = last.expect("it was decided");
    assert_eq!((told_w(&held, "ev"), of(&held, "ev").reason), (7_000, Reason::HoldLast));
    assert_eq!(root(&held).unmet_w, Watts::ZERO);
    stage.limit(5_000, None);
    let less = stage.window(&[("house", 1_000, &NOTHING)]);
    assert_eq!((told_w(&less, "ev"), of(&less, "ev").reason), (0, Reason::Stale));
    // Its last command may be in force all the same.
    assert_eq!(root(&less).uncontrolled_w, Watts(7_000 + 1_000 + 250));
    assert_eq!(root(&less).load_w, Watts(8_000));
}

#[test]
fn who_may_give_weighs_by_energy_where_somebody_has_to_and_nobody_else() {
    let mut stage = Stage::new(6_000);
    for (device_type, id) in [
        (DeviceType::Battery, "full"),
        (DeviceType::Battery, "low"),
        (DeviceType::Ev, "car"),
        (DeviceType::Other, "house"),
    ] {
        stage.add(device_type, id);
    }
    let stored = Capabilities {
        max_discharge_w: Some(Watts(4_000)),
        energy_wh: Some(WattHours(10_000)),
        ..takes(4_000)
    };
    let car = Capabilities { energy_wh: Some(WattHours(60_000)), ..takes(11_000) };
    let says = |claims: Capabilities, soc: Option<i32>| (claims, soc.map(Soc));
    let (full, low) = (says(stored.clone(), Some(7_000)), says(stored, Some(2_000)));
    let (car, house) = (says(car, Some(5_000)), says(NOTHING, None));
    let mut last = None;
    for _ in 0..6 {
        let said =
            [("full", 0, &full), ("low", 0, &low), ("car", 0, &car), ("house", 8_000, &house)];
        last = Some(stage.window_of(&said, |(claims, soc), sample| Telemetry {
            capabilities: claims.clone(),
            soc: *soc,
            ..sample
        }));
    }
    let decision = last.expect("it was decided");
    let weight = |id: &str| of(&decision, id).weight_milli;
    assert_eq!(weight("full"), 5_000, "half of its energy is above the reserve");
    assert_eq!(weight("low"), 1_720, "it has nothing to give");
    assert_eq!(weight("car"), 1_360);
    assert!(told_w(&decision, "full") < 0);
    assert_eq!((told_w(&decision, "low"), told_w(&decision, "car")), (0, 0));
}

#[test]
fn a_tree_waits_for_a_window_to_be_complete_and_for_silence_a_little_longer() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Other, "house");
    stage.window(&[("house", 0, &NOTHING)]);
    let (settings, end) = (stage.registry.settings.clone(), Timestamp(stage.now));
    let now = end.plus_ms(3_000);
    let due = |latest: i64| stage.tree.next_deadline(&settings, now, Some(end.plus_ms(latest)));
    let next = end.plus_ms(WINDOW_MS + settings.lateness_ms);
    assert_eq!(due(WINDOW_MS + settings.lateness_ms), (next, Trigger::Window));
    let idle = (next.plus_ms(settings.idle_ms), Trigger::Idle);
    assert_eq!(due(WINDOW_MS + settings.lateness_ms - 1), idle);
    assert_eq!(stage.tree.next_deadline(&settings, now, None), idle);
}

#[test]
fn a_car_for_which_nothing_is_left_pauses() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let decision = settled(&mut stage, 9_250, 11_000);
    assert_eq!(told_w(&decision, "ev"), 0);
    assert_eq!((root(&decision).rung, root(&decision).unmet_w), (Rung::Pause, Watts::ZERO));
    assert_eq!(root(&decision).water_level_w, Some(0));
}

#[test]
fn where_the_limit_cannot_be_met_no_water_is_left() {
    let mut stage = Stage::new(3_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let decision = settled(&mut stage, 4_000, 11_000);
    assert_eq!(told_w(&decision, "ev"), 0);
    assert_eq!((root(&decision).rung, root(&decision).water_level_w), (Rung::Alarm, Some(0)));
}

#[test]
fn a_change_that_is_just_worth_sending_turns_the_direction_round() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let direction =
        |stage: &Stage| stage.tree.devices.get(&device_id("ev")).expect("it was heard").direction;
    settled(&mut stage, 4_000, 11_000);
    stage.limit(10_100, None);
    let decision = settled(&mut stage, 4_000, 11_000);
    assert_eq!((told_w(&decision, "ev"), direction(&stage)), (5_350, 1));
    let deadband_w = stage.registry.settings.deadband_w.0;
    stage.limit(10_100 - deadband_w, None);
    let decision = settled(&mut stage, 4_000, 11_000);
    assert_eq!((told_w(&decision, "ev"), direction(&stage)), (5_250, -1));
}

/// Storage that has to give all it can, beside a charger that was never heard and may begin at any time.
fn gives_back(house_w: i64, export_w: i64) -> i64 {
    let mut stage = Stage::new(1_000);
    stage.limit(1_000, Some(export_w));
    for (device_type, id) in
        [(DeviceType::Battery, "store"), (DeviceType::Ev, "ghost"), (DeviceType::Other, "house")]
    {
        stage.add(device_type, id);
    }
    let claims = Capabilities { max_discharge_w: Some(Watts(4_000)), ..takes(4_000) };
    let (store, house) = ((claims, Some(Soc(7_000))), (NOTHING, None));
    let mut told = 0;
    for _ in 0..20 {
        let said = [("store", told, &store), ("house", house_w, &house)];
        let decision = stage.window_of(&said, |(claims, soc), sample| Telemetry {
            capabilities: claims.clone(),
            soc: *soc,
            ..sample
        });
        told = told_w(&decision, "store");
    }
    told
}

#[test]
fn storage_gives_no_more_than_load_and_export_limit_leave_to_the_watt() {
    // Of an export limit of 500 W all is margin.
    assert_eq!(gives_back(2_500, 500), -2_500);
    assert_eq!(gives_back(2_500, 1_200), -3_200);
    assert_eq!(gives_back(0, 500), 0);
    assert_eq!(gives_back(9_000, 500), -4_000);
}

#[test]
fn generation_that_names_no_rating_and_takes_a_little_at_night_is_decided() {
    let mut stage = Stage::new(30_000);
    stage.limit(30_000, Some(20_000));
    stage.add(DeviceType::Pv, "sun");
    for _ in 0..5 {
        let decision = stage.window(&[("sun", 60, &NOTHING)]);
        assert_eq!(of(&decision, "sun").setpoint_w, Some(Watts::ZERO));
    }
}

#[test]
fn a_feeder_that_only_watches_shows_what_control_would_do() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    stage.operate(Change::FeederChange(FeederChange {
        feeder_id: stage.tree.root().clone(),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: Some(FeederMode::Shadow),
        policy: None,
    }));
    let mut last = None;
    for _ in 0..20 {
        let claims = takes(11_000);
        last = Some(stage.window(&[("ev", 5_000, &claims), ("house", 4_000, &NOTHING)]));
    }
    let decision = last.expect("it was decided");
    let car = of(&decision, "ev");
    // What it takes itself is not in its way.
    assert_eq!(car.share_w, Watts(10_000 - 500 - 4_000 - 250));
    assert_eq!(car.emit, Emit::None);
}

#[test]
fn one_that_moved_to_another_tree_is_decided_there_alone() {
    let mut stage = Stage::new(10_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    settled(&mut stage, 4_000, 11_000);
    let far = crate::stage::feeder_id("far");
    stage.operate(Change::FeederChange(FeederChange {
        feeder_id: far.clone(),
        parent_id: None,
        import_limit_w: Some(Watts(10_000)),
        export_limit_w: None,
        mode: None,
        policy: None,
    }));
    stage.operate(Change::DeviceChange(DeviceChange {
        device_id: device_id("ev"),
        feeder_id: Some(far),
        priority: None,
        target_soc: None,
        fallback_w: None,
        opted_out: None,
    }));
    let decision = stage.window(&[("house", 4_000, &NOTHING)]);
    assert_eq!(decision.devices.len(), 1);
    assert_eq!(root(&decision).device_count, 1);
}

#[test]
fn storage_weighs_by_energy_where_what_leases_lapse_to_does_not_fit() {
    let weight = |fallback_w: i64| {
        let mut stage = Stage::new(3_000);
        for (device_type, id) in
            [(DeviceType::Battery, "store"), (DeviceType::Ev, "ev"), (DeviceType::Other, "house")]
        {
            stage.add(device_type, id);
        }
        let store = Capabilities {
            max_discharge_w: Some(Watts(4_000)),
            energy_wh: Some(WattHours(10_000)),
            ..takes(4_000)
        };
        let car = Capabilities { fallback_w: Some(Watts(fallback_w)), ..takes(11_000) };
        let said = [
            ("store", 0, &(store, Some(Soc(7_000)))),
            ("ev", 0, &(car, None)),
            ("house", 1_000, &(NOTHING, None)),
        ];
        let mut last = None;
        for _ in 0..6 {
            last = Some(stage.window_of(&said, |(claims, soc), sample| Telemetry {
                capabilities: claims.clone(),
                soc: *soc,
                ..sample
            }));
        }
        of(&last.expect("it was decided"), "store").weight_milli
    };
    assert_eq!(weight(1_000), 1_120);
    assert_eq!(weight(3_000), 5_000);
}

#[test]
fn a_limit_that_cannot_be_met_says_by_how_much() {
    let mut stage = Stage::new(3_000);
    stage.add(DeviceType::Ev, "ev");
    stage.add(DeviceType::Other, "house");
    let decision = settled(&mut stage, 4_000, 11_000);
    let node = root(&decision);
    assert_eq!((node.rung, node.unmet_w), (Rung::Alarm, Watts(4_000 + 250 - 2_500)));
    assert_eq!(told_w(&decision, "ev"), 0);
}

#[test]
fn a_turn_lasts_for_two_dwell_times_at_least() {
    let mut stage = Stage::new(6_000);
    let ids = ["ev-a", "ev-b"];
    ids.iter().for_each(|id| stage.add(DeviceType::Ev, id));
    let claims = Capabilities { min_power_w: Some(Watts(4_140)), ..takes(7_000) };
    let (mut told, mut turns) = ([0; 2], Vec::new());
    for _ in 0..360 {
        let said = [(ids[0], told[0], &claims), (ids[1], told[1], &claims)];
        let decision = stage.window(&said);
        told = ids.map(|id| told_w(&decision, id));
        let runs: Vec<usize> = (0..2).filter(|place| told[*place] >= 4_140).collect();
        assert!(runs.len() <= 1, "{told:?}");
        let Some(runs) = runs.first() else { continue };
        match turns.last_mut() {
            Some((who, windows)) if who == runs => *windows += 1,
            _ => turns.push((*runs, 1)),
        }
    }
    assert!(turns.len() >= 4, "each has its turn: {turns:?}");
    let whole = &turns[1..turns.len() - 1];
    assert!(whole.iter().all(|(_, windows)| *windows * WINDOW_MS >= 120_000), "{turns:?}");
}
