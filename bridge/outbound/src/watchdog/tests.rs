//! The watchdog's rules, one by one, and that it never raises anything.

use super::*;
use crate::commandable::{commandable, tests as make};
use proptest::prelude::*;
use schemas::records::decision::{DeviceDecision, Emit};

const ZERO: Rules = Rules { on_silence: OnSilence::Zero, silence_ms: 15_000, hold_max_ms: 60_000 };
const HOLD: Rules = Rules { on_silence: OnSilence::HoldLast, ..ZERO };

fn device(id: &str, device_type: DeviceType, target_w: i64) -> DeviceDecision {
    DeviceDecision { device_type, ..make::device(id, "north", target_w) }
}

/// A watchdog that has heard one decision at 0.
fn watching(rules: Rules, devices: Vec<DeviceDecision>) -> Watchdog {
    let mut watchdog = Watchdog::new(rules);
    hear(&mut watchdog, 1, 0, devices);
    watchdog
}

fn hear(watchdog: &mut Watchdog, seq: i64, at: i64, devices: Vec<DeviceDecision>) {
    let decision = make::decision(seq, at, devices);
    let (devices, _) = commandable(&decision);
    watchdog.heard(&decision.root, decision.no, &devices, 0, Timestamp(at));
}

fn north(_: &DeviceId) -> Option<FeederId> {
    FeederId::new("north").ok()
}

/// What is sent at `now`: device and watts.
fn sent(watchdog: &mut Watchdog, now: i64) -> Vec<(String, i64)> {
    watchdog
        .tick(Timestamp(now), north)
        .orders
        .into_iter()
        .map(|(order, _)| {
            let id = order.setpoint.envelope.device_id.to_string();
            (id, order.setpoint.target_w.0)
        })
        .collect()
}

#[test]
fn nothing_is_sent_while_decisions_come() {
    let mut watchdog = watching(ZERO, vec![make::device("ev-1", "north", 7_000)]);
    for n in 1..20 {
        hear(&mut watchdog, n + 1, n * 5_000, vec![make::device("ev-1", "north", 7_000)]);
        assert!(sent(&mut watchdog, n * 5_000 + 4_999).is_empty());
    }
}

#[test]
fn after_three_silent_intervals_charging_stops_and_generation_is_left_alone() {
    let devices = vec![
        device("battery-in", DeviceType::Battery, 5_000),
        device("battery-out", DeviceType::Battery, -5_000),
        device("ev-1", DeviceType::Ev, 7_000),
        device("pv-1", DeviceType::Pv, -3_000),
    ];
    let mut watchdog = watching(ZERO, devices);
    assert!(sent(&mut watchdog, 14_999).is_empty());
    let outcome = watchdog.tick(Timestamp(15_000), north);
    assert_eq!(outcome.tripped.len(), 1);
    let zeroed: Vec<_> = outcome
        .orders
        .iter()
        .map(|(order, _)| (order.setpoint.envelope.device_id.as_str(), order.setpoint.target_w))
        .collect();
    assert_eq!(zeroed, [("battery-in", Watts(0)), ("ev-1", Watts(0))]);
}

#[test]
fn zero_is_sent_once_and_renewed_per_lease() {
    let mut watchdog = watching(ZERO, vec![make::device("ev-1", "north", 7_000)]);
    assert_eq!(sent(&mut watchdog, 15_000).len(), 1);
    assert!(sent(&mut watchdog, 15_250).is_empty());
    assert!(sent(&mut watchdog, 29_999).is_empty());
    assert_eq!(sent(&mut watchdog, 30_000).len(), 1);
}

#[test]
fn each_message_has_an_id_of_its_own_under_the_last_decisions_fence() {
    let mut watchdog = watching(ZERO, vec![make::device("ev-1", "north", 7_000)]);
    let first = watchdog.tick(Timestamp(15_000), north).orders.remove(0).0.setpoint;
    let second = watchdog.tick(Timestamp(30_000), north).orders.remove(0).0.setpoint;
    assert_ne!(first.id(), second.id());
    assert_eq!(first.no(), Some(DecisionNo::new(1, 1)));
    assert_eq!(first.valid_until, Timestamp(45_000));
}

#[test]
fn a_hold_renews_the_last_setpoint_and_ends_at_zero() {
    let mut watchdog = watching(HOLD, vec![make::device("ev-1", "north", 7_000)]);
    let held: Vec<(i64, i64)> = (0..200)
        .map(|n| n * 500)
        .flat_map(|now| sent(&mut watchdog, now).into_iter().map(move |(_, w)| (now, w)))
        .collect();
    // Silent from 15 s on, held until 75 s: renewed at each half lease, zero from 75 s on.
    assert_eq!(held, [(15_000, 7_000), (30_000, 7_000), (45_000, 7_000), (75_000, 0), (90_000, 0)]);
}

#[test]
fn a_decision_ends_the_silence() {
    let mut watchdog = watching(ZERO, vec![make::device("ev-1", "north", 7_000)]);
    assert_eq!(sent(&mut watchdog, 15_000).len(), 1);
    hear(&mut watchdog, 2, 20_000, vec![make::device("ev-1", "north", 4_000)]);
    let outcome = watchdog.tick(Timestamp(30_000), north);
    assert_eq!((outcome.orders.len(), outcome.silent), (0, 0));
}

#[test]
fn a_device_that_has_moved_to_another_tree_is_left_to_it() {
    let mut watchdog = watching(ZERO, vec![make::device("ev-1", "north", 7_000)]);
    let south = |_: &DeviceId| FeederId::new("south").ok();
    assert!(watchdog.tick(Timestamp(15_000), south).orders.is_empty());
}

#[test]
fn stop_loop_sends_nothing_and_a_tree_given_away_is_not_watched() {
    let devices = vec![make::device("ev-1", "north", 7_000)];
    let rules = Rules { on_silence: OnSilence::Nothing, ..ZERO };
    let mut stopped = watching(rules, devices.clone());
    assert!(sent(&mut stopped, 600_000).is_empty());
    let mut given_away = watching(ZERO, devices);
    given_away.keep_partitions(&[1, 2]);
    assert_eq!(given_away.tick(Timestamp(600_000), north).silent, 0);
}

#[test]
fn a_decision_that_sends_nothing_leaves_the_lease_as_it_was() {
    let mut watchdog = watching(HOLD, vec![make::device("ev-1", "north", 7_000)]);
    let quiet = DeviceDecision { emit: Emit::None, ..make::device("ev-1", "north", 7_000) };
    hear(&mut watchdog, 2, 25_000, vec![quiet]);
    // The lease of 0 ended at 30 s, before the silence is noticed at 40 s: it is not taken up again.
    assert!(sent(&mut watchdog, 40_000).is_empty());
}

fn any_device() -> impl Strategy<Value = DeviceDecision> {
    (0..4_usize, -9_000..9_000_i64, -9_000..9_000_i64, 1_000..90_000_i64, any::<bool>()).prop_map(
        |(kind, target_w, fallback_w, ttl_ms, sent)| DeviceDecision {
            fallback_w: Watts(fallback_w),
            ttl_ms,
            emit: if sent { Emit::Change } else { Emit::None },
            ..device("d", DeviceType::ALL[kind], target_w)
        },
    )
}

proptest! {
    #[test]
    fn it_never_raises_what_a_device_does(
        device in any_device(),
        zero in any::<bool>(),
        ticks in prop::collection::vec(1..20_000_i64, 1..40),
    ) {
        let ttl_ms = device.ttl_ms;
        // What the device is at: its last setpoint, else its fallback once that has lapsed.
        let (mut target, mut until) = (device.setpoint_w.unwrap(), Timestamp(ttl_ms));
        let fallback = device.fallback_w;
        let mut watchdog = watching(if zero { ZERO } else { HOLD }, vec![device]);
        let mut now = Timestamp(0);
        for step in ticks {
            now = now.plus_ms(step);
            for (order, _) in watchdog.tick(now, north).orders {
                let at = if now < until { target } else { fallback };
                prop_assert!(order.setpoint.target_w <= at, "{} after {at}", order.setpoint.target_w);
                prop_assert!(order.setpoint.valid_until > now);
                target = order.setpoint.target_w;
                until = order.setpoint.valid_until;
            }
        }
    }
}
