//! The scenes of docs/control.md that must go right, in the whole loop: each came from a complaint about a system in the field.

use std::collections::BTreeMap;

use bridge_outbound::{OnSilence, Rules};
use proving::sim::broker::Net;
use proving::sim::make::{SILENCE_MS, charger, feeder, feeder_change, pv};
use proving::sim::member::{Body, Habits, Member};
use proving::sim::processor::Cut;
use proving::sim::world::{Plan, World};
use schemas::codec::Record;
use schemas::records::decision::{Decision, Emit, Freshness, NodeBinding, Reason, Trigger};
use schemas::records::operator::{
    Change, ControlSettings, EventCreated, FeederChange, FeederMode, MissingBehavior,
};
use schemas::records::sent::Sent;
use schemas::rng::Rng;
use schemas::topics::Topic;
use schemas::{Timestamp, Watts};
use uuid::Uuid;

const MINUTE: i64 = 60_000;

/// A plan with one feeder, quiet links and two processors.
fn plan(seed: u64, limit_w: i64) -> Plan {
    Plan {
        seed,
        partitions: 1,
        processors: 2,
        net: Net { delay_ms_max: 100, ..Net::default() },
        rules: Rules { on_silence: OnSilence::Zero, silence_ms: SILENCE_MS, hold_max_ms: 60_000 },
        start_h: 0,
        members: Vec::new(),
        changes: vec![feeder_change("root", None, limit_w)],
        keep_trace: true,
    }
}

fn add(plan: &mut Plan, id: &str, body: Body) -> usize {
    let habits = Habits { period_ms: 1_000, ..Habits::default() };
    let mut rng = Rng::new(plan.seed).fork(id);
    plan.members.push(Member::new(id, &feeder("root"), body, habits, &mut rng));
    plan.members.len() - 1
}

/// Chargers of 7.4 kW with hungry cars.
fn chargers(seed: u64, count: usize, limit_w: i64, fallback_kw: f64) -> Plan {
    let mut plan = plan(seed, limit_w);
    for number in 0..count {
        let id = format!("ev-{number}");
        let body = charger(&id, "root", 7.4, fallback_kw, 0.2, seed);
        add(&mut plan, &id, body);
    }
    plan
}

fn start(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.decisions = Some(Vec::new());
    world
}

#[track_caller]
fn run(world: &mut World, ms: i64) {
    if let Err(violation) = world.run(ms) {
        panic!("{violation}");
    }
}

fn decisions(world: &World) -> &[Decision] {
    world.decisions.as_deref().expect("kept")
}

fn last(world: &World) -> &Decision {
    decisions(world).last().expect("something was decided")
}

fn load(world: &World) -> i64 {
    world.load_w(&feeder("root"))
}

fn settings(change: impl FnOnce(&mut ControlSettings)) -> Change {
    let mut settings = ControlSettings::default();
    change(&mut settings);
    Change::ControlSettings(settings)
}

#[test]
fn scene_01_a_charger_whose_link_dies_keeps_its_power_and_the_others_yield() {
    let mut plan = chargers(1, 6, 60_000, 0.0);
    // It has never said what it does without a command, and goes on.
    plan.members[0].habits.reticent = true;
    let mut world = start(plan);
    run(&mut world, 2 * MINUTE);
    world.members[0].habits.liar = true;
    world.set_link(0, false);
    run(&mut world, 1_000);
    world.operate(feeder_change("root", None, 22_000));
    run(&mut world, 2 * MINUTE);
    assert_eq!(world.members[0].power_w(), 7_400, "it draws on");
    for _ in 0..60 {
        run(&mut world, 1_000);
        assert!(load(&world) <= 22_000, "{} W", load(&world));
    }
    assert!(load(&world) >= 7_400 + 8_000, "the others share what is left: {} W", load(&world));
    assert!(last(&world).header.nodes[0].uncontrolled_w >= Watts(7_390));
}

#[test]
fn scene_02_two_cars_with_a_minimum_run_steadily_and_take_turns_when_only_one_fits() {
    let mut plan = plan(2, 14 * 230);
    plan.changes.push(settings(|settings| {
        settings.margin_w = Watts(0);
        settings.margin_permille = 0;
    }));
    for id in ["car-a", "car-b"] {
        let body = charger(id, "root", 7.0 * 0.23, 0.0, 0.2, 2);
        add(&mut plan, id, body);
    }
    let mut world = start(plan);
    run(&mut world, 3 * MINUTE);
    assert!(world.members.iter().all(|car| car.power_w() >= 1_600), "both run");
    // The smallest power of a charger is 1.4 kW.
    world.operate(feeder_change("root", None, 2_530));
    run(&mut world, 2 * MINUTE);
    let (mut turns, mut ran) = (0, [false; 2]);
    let mut energy = [0_i64; 2];
    for _ in 0..(30 * 60) {
        run(&mut world, 1_000);
        for (car, ran) in [0, 1].into_iter().zip(&mut ran) {
            let power = world.members[car].power_w();
            energy[car] += power;
            turns += i32::from((power > 700) != *ran);
            *ran = power > 700;
        }
        assert!(load(&world) <= 2_530 + 10);
    }
    assert!((4..=60).contains(&turns), "they take turns, without hunting: {turns} changes");
    let apart = (energy[0] - energy[1]).abs();
    assert!(apart <= 1_600 * 60 * 4, "each within a turn of its half: {energy:?} W·s");
}

#[test]
fn scene_03_a_charger_that_acks_and_ignores_is_marked_and_counted_at_its_draw() {
    let mut world = start(chargers(3, 6, 60_000, 0.0));
    run(&mut world, 2 * MINUTE);
    world.members[2].habits.liar = true;
    let from = decisions(&world).len();
    world.operate(feeder_change("root", None, 22_000));
    run(&mut world, 2 * MINUTE);
    let windows = decisions(&world)[from..]
        .iter()
        .filter(|decision| matches!(decision.header.trigger, Trigger::Window | Trigger::Idle));
    let marked = windows.clone().position(|decision| !decision.devices[2].compliant);
    // The first window began before it was told.
    assert!(marked.is_some_and(|cycle| cycle <= 3), "marked in cycle {marked:?}");
    assert_eq!(last(&world).devices[2].reason, Reason::NonCompliant);
    assert!(world.members[2].power_w() > 7_000 && load(&world) <= 22_000, "{}", load(&world));
}

#[test]
fn scene_04_a_limit_of_the_utility_has_an_end_of_its_own() {
    let mut world = start(chargers(4, 6, 60_000, 0.0));
    run(&mut world, 2 * MINUTE);
    let at = Timestamp(world.now);
    world.operate(Change::EventCreated(EventCreated {
        event_id: Uuid::from_u128(77),
        feeder_id: feeder("root"),
        start: at,
        end: at.plus_ms(3 * MINUTE),
        limit_w: Watts(20_000),
        kind: "utility".to_owned(),
        ramp_s: 0,
        randomize_s: 0,
    }));
    // The link to the utility is dead from here on: nothing more is said.
    run(&mut world, MINUTE);
    assert_eq!(last(&world).header.nodes[0].binding, NodeBinding::Event);
    assert!(load(&world) <= 20_000);
    run(&mut world, 6 * MINUTE);
    assert_eq!(last(&world).header.nodes[0].limit_w, Watts(60_000));
    assert!(load(&world) > 40_000);
}

#[test]
fn scene_05_a_clock_that_is_ten_minutes_off_is_shown_and_control_goes_on() {
    for skew_ms in [-600_000, 600_000] {
        let mut plan = chargers(5, 4, 20_000, 0.0);
        plan.members[1].habits.skew_ms = skew_ms;
        let mut world = start(plan);
        run(&mut world, 3 * MINUTE);
        assert_eq!(last(&world).devices[1].freshness, Freshness::Fresh);
        assert!(world.members[1].power_w() > 3_000 && load(&world) <= 20_000);
        let alarmed = last(&world).header.alarms.iter().any(|alarm| alarm.code == "CTL-006");
        assert!(alarmed, "an operator sees it");
    }
}

#[test]
fn scene_06_a_backlog_that_comes_in_a_burst_steers_nothing() {
    let mut world = start(chargers(6, 5, 20_000, 0.0));
    run(&mut world, 2 * MINUTE);
    // The bridge is away: the broker keeps what devices say, and hands it over all at once.
    world.set_bridge(false);
    run(&mut world, MINUTE);
    let before = world.log.end(Topic::Telemetry, 0);
    world.set_bridge(true);
    run(&mut world, 1_000);
    assert!(world.log.end(Topic::Telemetry, 0) > before + 200, "history is completed");
    run(&mut world, 3 * MINUTE);
    assert!(load(&world) <= 20_000 && load(&world) > 15_000, "{} W", load(&world));
}

#[test]
fn scene_07_a_processor_killed_between_deciding_and_sending_sends_everything_once() {
    for cut in [Cut::BeforeAppend, Cut::MidAppend, Cut::AfterAppend, Cut::BeforeDerived] {
        let mut world = start(chargers(7, 6, 60_000, 0.0));
        run(&mut world, MINUTE);
        let holder = world.assigned[&0];
        world.processes[holder].processor.cut = Some(cut);
        world.operate(feeder_change("root", None, 20_000));
        run(&mut world, 2 * MINUTE);
        // That nothing takes effect twice, out of order or of a void decision is checked at every message.
        assert!(world.counts.crashes == 1 && world.counts.recoveries >= 2, "{cut:?}: it died");
        assert!(load(&world) <= 20_000, "{cut:?}: {} W", load(&world));
    }
}

#[test]
fn scene_08_ten_thousand_cars_share_no_more_than_is_there() {
    let mut plan = plan(8, 1_000_600);
    plan.net.delay_ms_max = 0;
    for number in 0..1_000 {
        let id = format!("ev-{number}");
        let body = charger(&id, "root", 7.4, 0.0, 0.2, 8);
        let index = add(&mut plan, &id, body);
        plan.members[index].habits.period_ms = 5_000;
    }
    let mut world = start(plan);
    run(&mut world, MINUTE);
    for _ in 0..20 {
        run(&mut world, 1_000);
        assert!(load(&world) <= 1_000_600, "{} W", load(&world));
    }
    assert!(load(&world) > 800_000, "and it is used: {} W", load(&world));
}

#[test]
fn scene_09_the_sun_gives_headroom_and_a_cloud_takes_it_back() {
    let mut plan = chargers(9, 4, 15_000, 0.0);
    let body = pv("roof", "root", 8.0, 9);
    add(&mut plan, "roof", body);
    plan.start_h = 13;
    let mut world = start(plan);
    run(&mut world, 4 * MINUTE);
    let cars = |world: &World| world.members[..4].iter().map(Member::power_w).sum::<i64>();
    let sunny = cars(&world);
    assert!(sunny > 17_000, "the sun counts: {sunny} W");
    world.conditions.profile = schemas::mqtt::Profile::Night;
    // One window, its lateness, the ways, and the ramps.
    run(&mut world, 25_000);
    assert!(cars(&world) <= 15_000 && load(&world) <= 15_000, "{} W", load(&world));
}

#[test]
fn scene_10_of_two_processors_one_is_fenced_and_no_device_sees_both() {
    let mut world = start(chargers(10, 6, 20_000, 0.0));
    run(&mut world, MINUTE);
    let holder = world.assigned[&0];
    world.mistakes.insert((0, 1 - holder), world.now + MINUTE);
    // The one that is fenced does not hear it for a while, and goes on deciding.
    world.pause(holder, world.now + 2_000, true);
    run(&mut world, 2 * MINUTE);
    assert!(world.counts.fenced > 0, "one is fenced");
    assert!(load(&world) <= 20_000 && load(&world) > 15_000);
    let mut epochs: Vec<i64> = decisions(&world).iter().map(|decision| decision.no.epoch).collect();
    assert!(epochs.is_sorted(), "what counts changes hands once per claim");
    epochs.dedup();
    assert!(epochs.len() > 1);
}

#[test]
fn scene_11_when_everything_dies_every_device_is_at_its_fallback_after_the_last_lease() {
    let mut plan = chargers(11, 6, 30_000, 1.4);
    plan.rules.on_silence = OnSilence::Nothing;
    let mut world = start(plan);
    run(&mut world, 2 * MINUTE);
    let never = world.now + 60 * MINUTE;
    world.kill(0, never);
    world.kill(1, never);
    world.set_bridge(false);
    run(&mut world, 70_000);
    assert!(world.members.iter().all(|member| (member.power_w() - 1_400).abs() <= 40));
    assert!(load(&world) <= 30_000);
}

#[test]
fn scene_12_a_feeder_in_shadow_is_decided_for_hours_and_no_message_reaches_a_device() {
    let mut plan = chargers(12, 4, 20_000, 0.0);
    plan.changes.push(Change::FeederChange(FeederChange {
        feeder_id: feeder("root"),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: Some(FeederMode::Shadow),
        policy: None,
    }));
    plan.changes.push(settings(|settings| {
        settings.missing_behavior = MissingBehavior::SafeZero;
    }));
    let mut world = start(plan);
    // The limit does not hold: that is what shadow means.
    world.checks_load = false;
    run(&mut world, 60 * MINUTE);
    assert!(decisions(&world).len() > 600);
    assert!(last(&world).devices.iter().any(|device| device.setpoint_w.is_some()));
    let silent = |decision: &Decision| decision.devices.iter().all(|d| d.emit == Emit::None);
    assert!(decisions(&world).iter().all(silent));
    assert!(world.broker.retained.is_empty() && world.counts.taken == 0);
}

#[test]
fn scene_13_a_second_processor_with_the_same_fixed_partitions_comes_and_goes() {
    let mut world = start(chargers(13, 6, 20_000, 0.0));
    world.fixed = true;
    run(&mut world, MINUTE);
    for _ in 0..6 {
        // Whoever holds the partition goes, and comes back while the other one has it.
        let holder =
            (0..2).find(|index| world.processes[*index].processor.holds().next().is_some());
        let until = world.now + 40_000;
        world.kill(holder.expect("somebody holds it"), until);
        run(&mut world, 90_000);
    }
    let at: Vec<i64> = decisions(&world).iter().map(|decision| decision.header.at.0).collect();
    let longest = at.windows(2).map(|pair| pair[1] - pair[0]).max().expect("many");
    assert!(longest <= 2 * ControlSettings::default().interval_ms, "{longest} ms");
    let claims = world.counts.recoveries;
    assert!(claims <= 2 * 6 + 3, "they do not take it from one another for ever: {claims}");
    assert!(load(&world) <= 20_000 && load(&world) > 15_000);
}

/// No scene of control: what the way out says of itself. Answers of the broker get lost now and then, so that setpoints are sent
/// again, and while it is away renewals take the place of changes.
#[test]
fn what_is_recorded_as_sent_is_each_change_once_and_no_renewal_but_in_the_place_of_one() {
    let mut world = start(chargers(14, 20, 60_000, 0.0));
    run(&mut world, MINUTE);
    for round in 0..6 {
        world.operate(feeder_change("root", None, if round % 2 == 0 { 30_000 } else { 60_000 }));
        world.set_broker(round % 3 != 1);
        run(&mut world, MINUTE / 2);
        world.set_broker(true);
        run(&mut world, MINUTE / 2);
    }
    let records = world.log.read(Topic::Sent, 0, 0);
    let sent: Vec<Sent> =
        records.map(|record| Sent::decode(&record.value).expect("a record")).collect();
    let by_id: BTreeMap<Uuid, &Sent> = sent.iter().map(|sent| (sent.setpoint_id, sent)).collect();
    assert_eq!(by_id.len(), sent.len(), "each once");
    let (mut found, mut renewals) = (0, 0);
    for device in &decisions(&world)[0].devices {
        // When a change was decided that has not been recorded yet.
        let mut owed = None;
        for decision in decisions(&world) {
            let of_device = decision.devices.iter().find(|one| one.device_id == device.device_id);
            let Some(own) = of_device.filter(|own| own.emit != Emit::None) else { continue };
            if own.emit == Emit::Change {
                owed = Some(decision.header.at);
            }
            if let Some(sent) = by_id.get(&decision.setpoint_id(&own.device_id)) {
                assert!(owed.is_some(), "a renewal that carries nothing: {sent:?}");
                assert_eq!(sent.no(), decision.no);
                assert_eq!((&sent.root, &sent.feeder_id), (&decision.root, &own.feeder_id));
                assert_eq!(sent.decided_at, decision.header.at);
                assert!(sent.broker_acked_at > sent.sent_at, "{sent:?}");
                owed = None;
                found += 1;
                renewals += usize::from(own.emit == Emit::Renew);
            }
        }
        let recent = last(&world).header.at.plus_ms(-10_000);
        assert!(owed.is_none_or(|at| at > recent), "{} is not told: {owed:?}", device.device_id);
    }
    assert_eq!(found, sent.len(), "each is of a decision that counts");
    assert!(found > 100 && renewals > 0, "{found}, {renewals} of them renewals");
}
