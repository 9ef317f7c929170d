//! Whatever happens to a device: its storage, its ramp, its leases and its fences hold.

mod support;

use device_model::{Conditions, Device, Drive, Unit};
use proptest::prelude::*;
use schemas::mqtt::Profile;
use schemas::records::telemetry::DeviceType;
use schemas::{DeviceId, FeederId, Timestamp};
use support::{RAMP, START, battery, busy_ev, device, fenced, pv, setpoint};
use uuid::Uuid;

/// One thing that happens to a device.
#[derive(Debug, Clone)]
enum Happening {
    /// Time passes, ms.
    Step(i64),
    /// A setpoint comes: kW, lease, epoch and seq.
    Setpoint(f64, i64, i64, i64),
    /// The profile changes.
    Profile(Profile),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1_i64..20_000).prop_map(Happening::Step),
        2 => (-12.0..12.0, 0_i64..120_000, 0_i64..3, 0_i64..20)
            .prop_map(|(kw, ttl, epoch, seq)| Happening::Setpoint(kw, ttl, epoch, seq)),
        1 => prop::sample::select(&[Profile::Day, Profile::Night, Profile::Auto][..])
            .prop_map(Happening::Profile),
    ]
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![
        (0.0..1.0).prop_map(battery),
        any::<u64>().prop_map(busy_ev),
        Just(()).prop_map(|()| pv()),
    ]
}

fn soc_limits(unit: &Unit) -> (f64, f64) {
    match unit {
        Unit::Battery(battery) => battery.soc_limits(),
        Unit::Ev(_) | Unit::Pv(_) => (0.0, 1.0),
    }
}

fn check_step(
    device: &mut Device,
    before_kw: f64,
    dt_ms: i64,
    now: Timestamp,
    conditions: Conditions,
) {
    device.step(now, conditions);
    let after_kw = device.power_kw();
    let max = device.unit().max_kw();
    assert!(after_kw.is_finite() && after_kw.abs() <= max + 1e-9, "{after_kw} of {max}");
    // Away from zero only as fast as the ramp; back to zero at once where physics demand it.
    let allowed = RAMP * dt_ms as f64 / 1000.0 + 1e-9;
    assert!(after_kw.abs() - before_kw.abs() <= allowed, "{before_kw} -> {after_kw} in {dt_ms} ms");
    if let Some(soc) = device.unit().soc() {
        let (least, most) = soc_limits(device.unit());
        assert!((least..=most).contains(&soc), "{soc}");
    }
}

proptest! {
    #[test]
    fn storage_power_and_ramp_hold_whatever_happens(
        unit in unit(),
        happenings in prop::collection::vec(happening(), 1..200),
    ) {
        let device_type = unit.device_type();
        let mut device = device(unit, 0.0);
        let mut now = START;
        let mut conditions = Conditions::default();
        device.step(now, conditions);
        for (id, happening) in (1_u128..).zip(happenings) {
            match happening {
                Happening::Step(ms) => {
                    now = now.plus_ms(ms);
                    let before = device.power_kw();
                    check_step(&mut device, before, ms, now, conditions);
                }
                Happening::Setpoint(kw, ttl, epoch, seq) => {
                    let command = fenced(setpoint(device_type, id, kw, Some(ttl)), epoch, seq);
                    device.receive(&command, now, None);
                }
                Happening::Profile(profile) => conditions.profile = profile,
            }
        }
    }

    #[test]
    fn the_newest_live_word_decides_and_nothing_older(
        commands in prop::collection::vec((0.0..8.0_f64, 1_i64..30_000, 0_i64..4, 0_i64..6, 0_i64..4_000), 1..60),
    ) {
        let mut device = device(busy_ev(7), 0.0);
        let mut now = START;
        let mut newest: Option<(i64, i64)> = None;
        let mut expected: Option<(f64, Timestamp)> = None;
        for (id, (kw, ttl, epoch, seq, pause)) in (1_u128..).zip(commands) {
            let kw = (kw * 1000.0).round() / 1000.0;
            now = now.plus_ms(pause);
            device.step(now, Conditions::default());
            if let Some((_, until)) = expected && now >= until {
                prop_assert_eq!(device.drive(), Drive::Fallback(None), "the lease lapsed");
            }
            device.receive(&fenced(setpoint(DeviceType::Ev, id, kw, Some(ttl)), epoch, seq), now, None);
            if newest.is_none_or(|known| (epoch, seq) >= known) {
                newest = Some((epoch, seq));
                expected = Some((kw, now.plus_ms(ttl)));
            }
            if let Some((kw, until)) = expected && now < until {
                prop_assert_eq!(device.drive(), Drive::Setpoint(kw));
            }
        }
    }

    #[test]
    fn samples_are_valid_messages_with_rising_times(
        unit in unit(),
        pauses in prop::collection::vec(-5_000_i64..5_000, 1..40),
    ) {
        let mut device = device(unit, 0.0);
        let mut now = START;
        let mut last = None;
        let topics = schemas::mqtt::Topics::default();
        let topic = topics.telemetry(&DeviceId::new("x-1").expect("valid"));
        let topic = topics.parse_telemetry(&topic).expect("valid");
        for (id, pause) in (1_u128..).zip(pauses) {
            now = now.plus_ms(pause);
            device.step(now, Conditions::default());
            let message = device.sample(now, Uuid::from_u128(id));
            let read = schemas::mqtt::decode_telemetry(&topic, &message.encode(), 10_000);
            prop_assert_eq!(read.as_ref(), Ok(&message));
            let feeder = FeederId::new("f").expect("valid");
            let at = message.into_record(feeder, now).ts;
            prop_assert!(last.is_none_or(|earlier| at > earlier));
            last = Some(at);
        }
    }
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut device = device(busy_ev(seed), 0.0);
        let mut trace = Vec::new();
        for second in 0..20_000 {
            device.step(START.plus_ms(second * 1000), Conditions::default());
            trace.push((device.power_kw().to_bits(), device.unit().soc().map(f64::to_bits)));
        }
        trace
    };
    assert_eq!(life(3), life(3));
    assert_ne!(life(3), life(4));
}

#[test]
fn cars_come_and_go_and_charge_in_between() {
    let mut device = device(busy_ev(5), 0.0);
    let (mut plugged, mut away, mut charged) = (0, 0, 0);
    for second in 0..86_400 {
        device.step(START.plus_ms(second * 1000), Conditions::default());
        match device.unit().soc() {
            Some(_) => plugged += 1,
            None => away += 1,
        }
        charged += u32::from(device.power_kw() > 1.0);
        assert!(device.unit().soc().is_some() || device.power_kw() == 0.0);
    }
    assert!(plugged > 20_000 && away > 5_000 && charged > 10_000, "{plugged} {away} {charged}");
}

#[test]
fn a_battery_left_to_itself_fills_by_day_and_empties_by_night_within_its_limits() {
    let mut device = device(battery(0.5), 0.0);
    for second in 0..86_400 {
        device.step(START.plus_ms(second * 1000), support::DAY);
    }
    let full = device.unit().soc().expect("it has one");
    assert!(full > 0.94, "{full}");
    for second in 86_400..172_800 {
        device.step(START.plus_ms(second * 1000), support::NIGHT);
    }
    let low = device.unit().soc().expect("it has one");
    assert!((0.25..0.35).contains(&low), "{low}");
}
