//! What is remembered of a device when clocks jump and commands pile up, and how far it may stray.

use schemas::records::telemetry::{Capabilities, DeviceType};
use schemas::{DeviceId, FeederId};

use super::*;
use crate::samples::sample;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn charger(rated_w: Option<i64>) -> Device {
    let ids = (DeviceId::new("ev").expect("an id"), FeederId::new("root").expect("an id"));
    let capabilities = Capabilities { max_charge_w: rated_w.map(Watts), ..Capabilities::default() };
    Device { capabilities, ..unheard(&sample(ids.0, DeviceType::Ev, ids.1, NOW)) }
}

fn told(setpoint_w: i64, decided_ms: i64, until_ms: i64) -> LiveCommand {
    LiveCommand {
        epoch: 1,
        seq: decided_ms,
        setpoint_w: Watts(setpoint_w),
        decided: NOW.plus_ms(decided_ms),
        until: NOW.plus_ms(until_ms),
        fallback_w: Watts(1_000),
        applied: false,
        from_w: Watts::ZERO,
    }
}

#[test]
fn what_was_decided_by_a_clock_that_was_ahead_holds_for_its_lease_from_now_on() {
    let mut device = charger(None);
    device.live = vec![told(1, -5_000, 20_000), told(2, 40_000, 100_000)];
    let ahead = Some(NOW.plus_ms(40_000));
    (device.last_steering, device.last_arrival, device.soc_at) = (ahead, ahead, ahead);
    (device.setpoint_since, device.direction_since, device.running_since) = (ahead, ahead, ahead);
    heed_clock(&mut device, NOW);
    assert_eq!(device.live[0], told(1, -5_000, 20_000), "that one was not");
    let LiveCommand { decided, until, .. } = device.live[1];
    assert_eq!((decided, until), (NOW, NOW.plus_ms(60_000)));
    for at in [
        device.last_steering,
        device.last_arrival,
        device.soc_at,
        device.setpoint_since,
        device.direction_since,
        device.running_since,
    ] {
        assert_eq!(at, Some(NOW));
    }
}

#[test]
fn a_command_by_a_clock_that_was_ahead_is_enough_to_be_brought_back() {
    let mut device = charger(None);
    device.live = vec![told(1, -5_000, 20_000), told(2, 40_000, 100_000)];
    heed_clock(&mut device, NOW);
    assert_eq!(device.live[1].decided, NOW);
}

#[test]
fn one_that_is_not_heard_and_has_no_command_rests_no_longer_by_a_clock_that_was_ahead() {
    let ahead = Some(NOW.plus_ms(3_600_000));
    for (setpoint, direction, running) in
        [(ahead, None, None), (None, ahead, None), (None, None, ahead)]
    {
        let mut device = charger(None);
        device.last_steering = Some(NOW.plus_ms(-60_000));
        (device.setpoint_since, device.direction_since, device.running_since) =
            (setpoint, direction, running);
        heed_clock(&mut device, NOW);
        let now = |at: Option<Timestamp>| at.map(|_| NOW);
        let Device { setpoint_since, direction_since, running_since, .. } = device;
        assert_eq!(
            (setpoint_since, direction_since, running_since),
            (now(setpoint), now(direction), now(running))
        );
    }
}

#[test]
fn what_was_decided_by_now_stays_as_it_is() {
    let mut device = charger(None);
    device.live = vec![told(1, 0, 20_000)];
    device.last_steering = Some(NOW);
    // A fault of one moment alone is none of the clock.
    device.running_since = Some(NOW.plus_ms(-1));
    let before = device.clone();
    heed_clock(&mut device, NOW);
    assert_eq!(device, before);
}

#[test]
fn commands_allow_the_most_and_the_least_that_any_of_them_does_while_it_lives() {
    let mut device = charger(None);
    assert_eq!(commanded(&device, NOW), None);
    device.live = vec![told(7_000, -9, 1), told(200, -8, 0), told(3_000, -7, 5)];
    assert_eq!(commanded(&device, NOW), Some(Bounds { least: Watts(1_000), most: Watts(7_000) }));
    assert_eq!(
        commanded(&device, NOW.plus_ms(1)),
        Some(Bounds { least: Watts(1_000), most: Watts(3_000) })
    );
    assert_eq!(commanded(&device, NOW.plus_ms(5)), None);
    prune_commands(&mut device, NOW.plus_ms(1));
    assert_eq!(device.live, [told(3_000, -7, 5)]);
}

#[test]
fn too_many_commands_become_one_that_allows_what_each_did() {
    let mut device = charger(None);
    for index in 0..16 {
        command(&mut device, told(2_000 + index, index, 50_000 - index));
    }
    assert_eq!(device.live.len(), 16);
    command(&mut device, told(9_000, 16, 60_000));
    assert_eq!(device.live.len(), 16);
    let first = &device.live[0];
    assert_eq!((first.setpoint_w, first.fallback_w), (Watts(2_001), Watts(1_000)));
    assert_eq!((first.decided, first.until), (NOW, NOW.plus_ms(50_000)));
    assert_eq!(device.live[15], told(9_000, 16, 60_000));
}

#[test]
fn one_follows_within_a_twentieth_of_its_rating_or_an_ampere_on_each_phase() {
    assert_eq!(tolerance(&charger(None)), Watts(230));
    assert_eq!(tolerance(&charger(Some(7_400))), Watts(370));
    assert_eq!(tolerance(&charger(Some(7_401))), Watts(690));
    assert_eq!(tolerance(&charger(Some(22_000))), Watts(1_100));
    let other = Device { device_type: DeviceType::Battery, ..charger(Some(3_000)) };
    assert_eq!(tolerance(&other), Watts(200));
    let seen = Device { peak_w: Watts(11_000), ..charger(None) };
    assert_eq!(tolerance(&seen), Watts(690));
}

#[test]
fn a_car_starts_with_six_amperes_on_as_many_phases_as_its_charger_has() {
    assert_eq!([1_000, 7_400, 7_401].map(|rated| start_w(Watts(rated)).0), [1_000, 1_380, 4_140]);
    assert!(draws_nothing(Watts(60), Watts(3_000)) && !draws_nothing(Watts(61), Watts(3_000)));
    assert!(draws_nothing(Watts(110), Watts(11_000)) && !draws_nothing(Watts(111), Watts(11_000)));
}

#[test]
fn a_device_is_silent_after_some_of_its_own_periods() {
    let settings = ControlSettings::default();
    let every = |ms: i64| Device { period_ms: ms, ..charger(None) };
    assert_eq!(stale_after_ms(&every(0), &settings), 30_000);
    assert_eq!(stale_after_ms(&every(12_000), &settings), 30_000);
    assert_eq!(stale_after_ms(&every(20_000), &settings), 50_000);
    assert_eq!(stale_after_ms(&every(900_000), &settings), 150_000);
    assert_eq!(slow_period_ms(&every(5_000), &settings), 0);
    assert_eq!(slow_period_ms(&every(5_001), &settings), 5_001);
    assert_eq!(slow_period_ms(&every(900_000), &settings), 60_000);
    assert_eq!(usual_gap_ms(&every(5_000), &settings), 10_000);
    assert_eq!(usual_gap_ms(&every(20_000), &settings), 24_000);
}

fn acknowledged(device: &mut Device, status: AckStatus, at_ms: i64) {
    let arrival = NOW.plus_ms(at_ms);
    let ack = Ack {
        message_id: uuid::Uuid::nil(),
        device_id: device.device_id.clone(),
        feeder_id: device.feeder_id.clone(),
        ts: arrival,
        arrival,
        status,
        setpoint_id: Some(uuid::Uuid::from_u128(1)),
        applied_w: None,
        reason: None,
    };
    acknowledge(device, &ack, |live| uuid::Uuid::from_u128(live.seq.unsigned_abs().into()));
}

#[test]
fn one_that_takes_a_command_rejects_no_more() {
    let mut device = charger(None);
    device.live = vec![told(7_000, 0, 60_000), told(3_000, 1, 60_000)];
    acknowledged(&mut device, AckStatus::Rejected, 10);
    assert!(!rejects(&device), "once may be a mistake");
    acknowledged(&mut device, AckStatus::Rejected, 20);
    assert!(rejects(&device) && device.acknowledges);
    acknowledged(&mut device, AckStatus::Accepted, 30);
    assert!(!rejects(&device) && device.rejections == 0);
    assert!(device.live[1].applied && !device.live[0].applied);
    assert_eq!(device.live[0].until, NOW.plus_ms(30 + 2_000), "what was before is over soon");
    acknowledged(&mut device, AckStatus::Expired, 40);
    assert_eq!(device.live.len(), 1);
}
