//! What a device does with setpoints: leases, fences, repeats, and what it says about them.

mod support;

use device_model::{Device, Drive, Report};
use schemas::Timestamp;
use schemas::records::ack::AckStatus;
use schemas::records::telemetry::DeviceType;
use support::{
    DAY, START, after, battery, device, ev, falling_back_to, fenced, live, pv, ramped, setpoint,
};

fn words(reports: &[Report]) -> Vec<(u128, AckStatus)> {
    reports.iter().map(|report| (report.setpoint_id.as_u128(), report.status)).collect()
}

fn ev_at_work() -> Device {
    let mut device = device(ev(), 1.5);
    live(&mut device, 0, 30, DAY);
    device
}

#[test]
fn without_a_setpoint_a_car_takes_what_it_likes() {
    let device = ev_at_work();
    assert_eq!(device.drive(), Drive::Own);
    assert!((device.power_kw() - 11.0).abs() < 0.01, "{}", device.power_kw());
}

#[test]
fn a_setpoint_is_accepted_then_reached_within_the_ramp_then_applied() {
    let mut device = ev_at_work();
    let reports =
        device.receive(&setpoint(DeviceType::Ev, 1, 4.0, Some(60_000)), after(30.0), None);
    assert_eq!(words(&reports), [(1, AckStatus::Accepted)]);
    assert!(device.is_pending());
    let mut applied = Vec::new();
    let mut seconds = 0;
    while applied.is_empty() {
        seconds += 1;
        applied = device.step(after(30.0 + f64::from(seconds)), DAY);
        assert!(seconds <= 8, "7 kW at 1 kW/s take 7 s");
    }
    assert_eq!(seconds, 7);
    assert_eq!(words(&applied), [(1, AckStatus::Applied)]);
    assert!((applied[0].applied_kw.expect("it says") - 4.0).abs() < 0.06);
    assert!(!device.is_pending());
    assert!(device.step(after(38.0), DAY).is_empty(), "it says so once");
}

#[test]
fn a_setpoint_may_ask_for_a_slower_ramp_but_not_for_a_faster_one() {
    for (asked, kw_after_two_seconds) in [(0.5, 10.0), (9.0, 9.0)] {
        let mut device = ev_at_work();
        let slow = ramped(setpoint(DeviceType::Ev, 1, 2.0, Some(60_000)), asked);
        device.receive(&slow, after(30.0), None);
        live(&mut device, 31, 32, DAY);
        assert!(
            (device.power_kw() - kw_after_two_seconds).abs() < 0.01,
            "{asked}: {}",
            device.power_kw()
        );
    }
}

#[test]
fn when_the_lease_lapses_the_device_goes_to_the_fallback_of_the_setpoint_else_to_its_own() {
    for (named, expected) in [(Some(3.0), 3.0), (None, 1.5)] {
        let mut device = ev_at_work();
        let mut command = setpoint(DeviceType::Ev, 1, 8.0, Some(10_000));
        if let Some(kw) = named {
            command = falling_back_to(command, kw);
        }
        device.receive(&command, after(30.0), None);
        live(&mut device, 31, 39, DAY);
        assert!((device.power_kw() - 8.0).abs() < 0.06, "the lease holds");
        let reports = device.step(after(40.0), DAY);
        assert_eq!(words(&reports), [(1, AckStatus::Expired)]);
        live(&mut device, 41, 60, DAY);
        assert!((device.power_kw() - expected).abs() < 0.06, "{}", device.power_kw());
        assert_eq!(device.drive(), Drive::Fallback(named));
    }
}

#[test]
fn the_lease_counts_from_receipt_where_it_can_and_from_the_senders_clock_where_it_must() {
    // ttlMs, what the broker says is left, and when the lease ends; validUntilMs is 60 s after the start.
    for (ttl_ms, remaining_ms, ends_s) in [
        (Some(10_000), None, 40),
        (Some(10_000), Some(4_000), 34),
        (Some(10_000), Some(90_000), 40),
        (None, None, 60),
        (None, Some(5_000), 35),
    ] {
        let mut device = ev_at_work();
        device.receive(&setpoint(DeviceType::Ev, 1, 4.0, ttl_ms), after(30.0), remaining_ms);
        live(&mut device, 31, ends_s - 1, DAY);
        assert!(matches!(device.drive(), Drive::Setpoint(_)), "{ttl_ms:?} {remaining_ms:?}");
        live(&mut device, ends_s, ends_s, DAY);
        assert!(matches!(device.drive(), Drive::Fallback(_)), "{ttl_ms:?} {remaining_ms:?}");
    }
}

#[test]
fn what_comes_too_late_is_expired_and_changes_nothing() {
    for (ttl_ms, remaining_ms, at_s) in
        [(Some(0), None, 30.0), (None, None, 61.0), (Some(5_000), Some(0), 30.0)]
    {
        let mut device = ev_at_work();
        let reports =
            device.receive(&setpoint(DeviceType::Ev, 1, 4.0, ttl_ms), after(at_s), remaining_ms);
        assert_eq!(words(&reports), [(1, AckStatus::Expired)]);
        assert_eq!(device.drive(), Drive::Own);
    }
}

#[test]
fn an_older_pair_never_replaces_a_newer_one() {
    let mut device = ev_at_work();
    let send = |device: &mut Device, id, kw, epoch, seq| {
        let command = fenced(setpoint(DeviceType::Ev, id, kw, Some(60_000)), epoch, seq);
        words(&device.receive(&command, after(30.0), None))
    };
    assert_eq!(send(&mut device, 1, 5.0, 3, 10), [(1, AckStatus::Accepted)]);
    for (id, epoch, seq) in [(2, 3, 9), (3, 2, 99)] {
        assert_eq!(send(&mut device, id, 9.0, epoch, seq), [(id, AckStatus::Superseded)]);
        assert_eq!(device.drive(), Drive::Setpoint(5.0));
    }
    assert_eq!(
        send(&mut device, 4, 6.0, 4, 1),
        [(1, AckStatus::Superseded), (4, AckStatus::Accepted)]
    );
    assert_eq!(device.drive(), Drive::Setpoint(6.0));
}

#[test]
fn a_late_newest_word_still_fences_off_older_ones() {
    let mut device = ev_at_work();
    device.receive(&fenced(setpoint(DeviceType::Ev, 1, 5.0, Some(0)), 1, 5), after(30.0), None);
    let older = fenced(setpoint(DeviceType::Ev, 2, 9.0, Some(60_000)), 1, 4);
    assert_eq!(words(&device.receive(&older, after(30.0), None)), [(2, AckStatus::Superseded)]);
}

#[test]
fn a_message_seen_before_is_not_looked_at_again() {
    let mut device = ev_at_work();
    let command = setpoint(DeviceType::Ev, 1, 4.0, Some(10_000));
    assert_eq!(device.receive(&command, after(30.0), None).len(), 1);
    assert!(device.receive(&command, after(39.0), None).is_empty());
    live(&mut device, 31, 41, DAY);
    assert!(matches!(device.drive(), Drive::Fallback(_)), "a repeat does not renew the lease");
}

#[test]
fn a_setpoint_for_another_type_is_rejected() {
    let mut device = ev_at_work();
    let reports =
        device.receive(&setpoint(DeviceType::Battery, 1, 4.0, Some(10_000)), after(30.0), None);
    assert_eq!(words(&reports), [(1, AckStatus::Rejected)]);
    assert_eq!(device.drive(), Drive::Own);
}

#[test]
fn a_clock_that_is_set_back_does_not_lengthen_a_lease() {
    let mut device = ev_at_work();
    device.receive(&setpoint(DeviceType::Ev, 1, 4.0, Some(10_000)), after(30.0), None);
    live(&mut device, 31, 35, DAY);
    let hour_ago = |second: i64| Timestamp(START.0 - 3_600_000 + second * 1000);
    device.step(hour_ago(0), DAY);
    device.step(hour_ago(4), DAY);
    assert!(matches!(device.drive(), Drive::Setpoint(_)));
    device.step(hour_ago(5), DAY);
    assert!(matches!(device.drive(), Drive::Fallback(_)));
}

#[test]
fn a_battery_obeys_both_ways_and_a_pv_stays_below_its_limit() {
    for kw in [4.0, -4.0, 0.0] {
        let mut storage = device(battery(0.5), 0.0);
        storage.receive(&setpoint(DeviceType::Battery, 1, kw, Some(60_000)), START, None);
        live(&mut storage, 0, 10, DAY);
        assert!((storage.power_kw() - kw).abs() < 0.01, "{kw}: {}", storage.power_kw());
    }
    let mut roof = device(pv(), 6.0);
    live(&mut roof, 0, 30, DAY);
    assert!(roof.power_kw() > 3.0, "full sun: {}", roof.power_kw());
    roof.receive(&setpoint(DeviceType::Pv, 1, 2.0, Some(60_000)), after(30.0), None);
    live(&mut roof, 31, 40, DAY);
    assert!((roof.power_kw() - 2.0).abs() < 0.01, "{}", roof.power_kw());
}

#[test]
fn an_offer_below_a_cars_smallest_power_is_no_offer() {
    let mut device = ev_at_work();
    device.receive(&setpoint(DeviceType::Ev, 1, 1.3, Some(60_000)), after(30.0), None);
    live(&mut device, 31, 50, DAY);
    assert_eq!(device.power_kw(), 0.0);
    device.receive(&setpoint(DeviceType::Ev, 2, 1.4, Some(60_000)), after(50.0), None);
    live(&mut device, 51, 55, DAY);
    assert!((device.power_kw() - 1.4).abs() < 0.06, "{}", device.power_kw());
}

#[test]
fn a_log_made_anew_is_obeyed_from_its_first_epoch_on_and_the_old_one_no_more() {
    let mut device = ev_at_work();
    let of_log = |log: Option<u128>, id, kw, epoch, seq| {
        let setpoint = fenced(setpoint(DeviceType::Ev, id, kw, Some(60_000)), epoch, seq);
        setpoint.of_log(log.map(uuid::Uuid::from_u128))
    };
    let mut receive = |setpoint| words(&device.receive(&setpoint, after(30.0), None));
    assert_eq!(receive(of_log(Some(7), 1, 4.0, 3, 50)), [(1, AckStatus::Accepted)]);
    // The new log counts from the beginning again: also the ids, which are made of tree, epoch and number.
    let again = receive(of_log(Some(8), 1, 3.0, 1, 1));
    assert_eq!(again, [(1, AckStatus::Superseded), (1, AckStatus::Accepted)]);
    for old in [of_log(Some(7), 2, 9.0, 3, 51), of_log(None, 3, 9.0, 99, 99)] {
        let id = old.id().as_u128();
        assert_eq!(receive(old), [(id, AckStatus::Superseded)]);
    }
    assert_eq!(receive(of_log(Some(8), 4, 2.0, 1, 2)).last(), Some(&(4, AckStatus::Accepted)));
    assert_eq!(device.drive(), Drive::Setpoint(2.0));
}
