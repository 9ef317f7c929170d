//! Faults of a plan that are small, or that something else could excuse: each is found.

use schemas::records::operator::OverrideSet;

use super::*;

/// What a device was told last; 0 where it was told nothing.
fn told_w(stage: &Stage, id: &str) -> i64 {
    let device = stage.tree.devices.get(&device_id(id));
    device.and_then(|device| device.setpoint_w).map_or(0, |told| told.0)
}

/// A tree in which these devices say what they are told, for so many windows.
fn followed(stage: &mut Stage, ids: &[&str], claims: &Capabilities, windows: usize) {
    for _ in 0..windows {
        let said: Vec<_> = ids.iter().map(|id| (*id, told_w(stage, id))).collect();
        stage.cycle(&said, claims);
    }
}

/// What is found in a plan of which one setpoint is another.
fn told_instead(stage: &mut Stage, index: usize, setpoint_w: i64) -> Vec<String> {
    stage.judge(
        |_| {},
        |view, world, settings| {
            let planned = plan(view, &WaterFill, world, settings, false).devices;
            let mut orders = orders_of(&planned);
            assert_eq!(whats(certify(view, &orders, &promise(world, settings))), [""; 0]);
            orders[index].setpoint_w = Some(Watts(setpoint_w));
            whats(certify(view, &orders, &promise(world, settings)))
        },
    )
}

fn limit_export(stage: &mut Stage, watts: i64) {
    stage.operate(Change::FeederChange(FeederChange {
        feeder_id: feeder_id("root"),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: Some(Watts(watts)),
        mode: None,
        policy: None,
    }));
}

fn one_charger(root_w: i64) -> Stage {
    let mut stage = Stage::new(root_w);
    stage.add(DeviceType::Ev, "ev", "root");
    stage
}

#[test]
fn that_it_was_raised_a_moment_ago_excuses_no_waste() {
    let mut stage = one_charger(5_000);
    followed(&mut stage, &["ev"], &charger(), 30);
    stage.feeder("root", None, 20_000);
    followed(&mut stage, &["ev"], &charger(), 4);
    check_names(&told_instead(&mut stage, 0, 5_000), "ev", "while there is room for more");
    // What is not worth sending is no waste.
    let small = told_instead(&mut stage, 0, 6_900);
    assert_eq!(small, [""; 0]);
}

#[test]
fn that_it_was_lowered_excuses_waste_for_as_long_as_it_rests() {
    let waste = |windows: usize| {
        let mut stage = one_charger(20_000);
        followed(&mut stage, &["ev"], &charger(), 10);
        stage.feeder("root", None, 3_000);
        followed(&mut stage, &["ev"], &charger(), windows);
        stage.feeder("root", None, 20_000);
        told_instead(&mut stage, 0, 2_500)
    };
    assert_eq!(waste(12), [""; 0]);
    check_names(&waste(13), "ev", "while there is room for more");
}

#[test]
fn generation_beside_it_excuses_no_waste() {
    let mut stage = Stage::new(100_000);
    limit_export(&mut stage, 50_000);
    stage.add(DeviceType::Ev, "ev", "root");
    stage.add(DeviceType::Pv, "sun", "root");
    let both = Capabilities { max_export_w: Some(Watts(7_000)), ..charger() };
    followed(&mut stage, &["ev", "sun"], &both, 20);
    check_names(&told_instead(&mut stage, 0, 5_000), "ev", "while there is room for more");
}

#[test]
fn more_generation_than_its_export_limit_leaves_is_found_to_the_watt() {
    let mut stage = Stage::new(100_000);
    limit_export(&mut stage, 3_000);
    stage.add(DeviceType::Pv, "sun", "root");
    let roof = Capabilities { max_export_w: Some(Watts(7_000)), ..Capabilities::default() };
    followed(&mut stage, &["sun"], &roof, 20);
    assert_eq!(told_instead(&mut stage, 0, -2_500), [""; 0]);
    let found = told_instead(&mut stage, 0, -2_501);
    check_names(&found, "root", "2501 W of generation for room of 2500 W");
    check_names(&found, "root", "1 W more were allowed");
}

#[test]
fn what_nobody_commands_and_nobody_has_heard_counts_at_what_it_may_take() {
    let mut stage = one_charger(100_000);
    stage.add(DeviceType::Ev, "ghost", "root");
    stage.operate(Change::DeviceChange(DeviceChange {
        device_id: device_id("ghost"),
        feeder_id: None,
        priority: None,
        target_soc: None,
        fallback_w: None,
        opted_out: Some(true),
    }));
    followed(&mut stage, &["ev"], &charger(), 20);
    let unheard_w = stage.registry.settings.unheard_w.0;
    let counts = |stage: &mut Stage, watts: i64| {
        stage.found(|view| view.nodes[0].uncontrolled_w = Watts(watts))
    };
    assert_eq!(counts(&mut stage, unheard_w), [""; 0]);
    check_names(&counts(&mut stage, unheard_w - 1), "root", "that nobody commands");
}

#[test]
fn an_operators_order_is_no_rise_at_once_and_a_plans_is() {
    let mut stage = one_charger(100_000);
    followed(&mut stage, &["ev"], &charger(), 3);
    let last = stage.tree.devices.get(&device_id("ev")).and_then(|device| device.setpoint_w);
    let last = last.expect("it was told").0;
    let step = 7_000 / 5;
    assert_eq!(told_instead(&mut stage, 0, last + step), [""; 0]);
    check_names(&told_instead(&mut stage, 0, last + step + 1), "ev", "would rise from");
    stage.operate(Change::OverrideSet(OverrideSet {
        device_id: device_id("ev"),
        power_w: Watts(7_000),
        until: Timestamp(stage.now + 600_000),
    }));
    assert_eq!(told_instead(&mut stage, 0, 7_000), [""; 0]);
}

#[test]
fn one_that_was_silent_for_long_and_names_no_fallback_counts_at_what_it_was_seen_to_take() {
    let mut stage = street();
    let others = ["ev-0", "ev-1", "ev-2"];
    for _ in 0..30 {
        let said: Vec<_> = others.iter().map(|id| (*id, told_w(&stage, id))).collect();
        let said: Vec<_> = said.into_iter().chain([("house", 6_000)]).collect();
        stage.cycle(&said, &charger());
    }
    let silent = stage.tree.devices.get(&device_id("ev-3")).expect("it was heard");
    let power_w = silent.power_w.expect("it was heard").0;
    assert!(power_w > 0 && silent.live.iter().all(|live| live.setpoint_w.0 <= 0));
    let found = stage.found(|view| seen(view, "ev-3").may.most = Watts(power_w - 1));
    check_names(&found, "ev-3", &format!("may take {power_w} W"));
}

#[test]
fn a_plan_that_fails_costs_who_is_named_and_says_so() {
    let mut stage = street();
    let contained = stage.judge(
        |view| {
            let low = seen(view, "ev-1");
            low.may.most -= Watts(1_000);
        },
        |view, world, settings| {
            let plan = plan(view, &WaterFill, world, settings, false);
            assert!(plan.certified, "{:?}", plan.findings);
            check_names(&plan.findings, "ev-1", "may take");
            plan.devices.iter().map(|planned| planned.contained).collect::<Vec<_>>()
        },
    );
    assert_eq!(contained, [false, true, false, false, false]);
}

#[test]
fn one_that_is_set_aside_counts_at_the_worst_that_is_known_of_it() {
    street().judge(
        |view| {
            let it = seen(view, "ev-0");
            (it.may.most, it.power_w, it.known.rated_w) = (Watts(5_000), Watts(3_000), None);
            it.set_aside();
            assert_eq!((it.may.most, it.stuck, it.set_aside), (Watts(5_000), true, true));
            (it.may.most, it.power_w) = (Watts(3_000), Watts(5_000));
            it.set_aside();
            assert_eq!(it.may.most, Watts(5_000));
            it.known.rated_w = Some(Watts(7_000));
            it.set_aside();
            assert_eq!(it.may.most, Watts(7_000));
        },
        |_, _, _| (),
    );
}

#[test]
fn one_that_was_never_heard_gives_nothing_that_counts_for_an_export_limit() {
    let mut stage = one_charger(100_000);
    limit_export(&mut stage, 50_000);
    stage.add(DeviceType::Ev, "ghost", "root");
    stage.operate(Change::DeviceChange(DeviceChange {
        device_id: device_id("ghost"),
        feeder_id: None,
        priority: None,
        target_soc: None,
        fallback_w: Some(Watts(2_000)),
        opted_out: None,
    }));
    followed(&mut stage, &["ev"], &charger(), 20);
    assert_eq!(stage.found(|_| {}), [""; 0]);
    let found = stage.found(|view| seen(view, "ghost").may.least = Watts(1));
    check_names(&found, "ghost", "may be at 0 W and counts at 1 W");
    let found = stage.found(|view| seen(view, "ghost").may.most = Watts(1_999));
    check_names(&found, "ghost", "may take 2000 W and counts at 1999 W");
}
