//! Devices and setpoints for tests.
#![allow(dead_code, reason = "each test file uses its part")]

use device_model::{Battery, Chance, Charger, Conditions, Device, EvHabits, Identity, Pv, Unit};
use schemas::ids::DeviceId;
use schemas::mqtt::edge::watts_from_edge;
use schemas::mqtt::{Envelope, Mode, Profile, Setpoint, Source};
use schemas::records::telemetry::DeviceType;
use schemas::{Timestamp, Watts};
use uuid::Uuid;

pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);
pub(crate) const RAMP: f64 = 1.0;
pub(crate) const DAY: Conditions = Conditions { profile: Profile::Day, utc_offset_h: 0.0 };
pub(crate) const NIGHT: Conditions = Conditions { profile: Profile::Night, utc_offset_h: 0.0 };

pub(crate) fn device(unit: Unit, fallback_kw: f64) -> Device {
    let identity = Identity {
        device_id: DeviceId::new("x-1").expect("valid"),
        site_id: None,
        feeder_id: None,
        source: Source::Simulator,
        priority: None,
        ramp_kw_per_s: RAMP,
        fallback_kw,
    };
    Device::new(identity, unit, Chance::of(1, "x-1"))
}

pub(crate) fn ev() -> Unit {
    Unit::Ev(Charger::new(11.0, 60.0, 0.3, 0.9))
}

pub(crate) fn busy_ev(seed: u64) -> Unit {
    let mut chance = Chance::of(seed, "cars");
    let habits = EvHabits::ComesAndGoes { away_s: 1200.0 };
    Unit::Ev(Charger::new(11.0, 20.0, 0.3, 0.9).with_habits(habits, START, &mut chance))
}

pub(crate) fn battery(soc: f64) -> Unit {
    Unit::Battery(Battery::new(5.0, 10.0, soc))
}

pub(crate) fn pv() -> Unit {
    Unit::Pv(Pv::new(6.0, &mut Chance::of(1, "roof")))
}

/// A setpoint of the contract; `kw` in the device's own sign.
pub(crate) fn setpoint(
    device_type: DeviceType,
    id: u128,
    kw: f64,
    ttl_ms: Option<i64>,
) -> Setpoint {
    let target_w = watts_from_edge(device_type, kw).expect("finite");
    Setpoint {
        envelope: Envelope {
            message_id: Uuid::from_u128(id),
            device_id: DeviceId::new("x-1").expect("valid"),
            device_type,
            timestamp: START,
            sent_at: Some(START),
            correlation_id: None,
            source: Source::Backend,
            receipt: false,
        },
        target_w,
        mode: Mode::of(device_type, target_w),
        valid_until: START.plus_ms(60_000),
        ttl_ms,
        fallback_w: None,
        log: None,
        epoch: None,
        seq: None,
        ramp_w_per_s: None,
        allocator: "feeder-controller".into(),
        notes: None,
    }
}

pub(crate) fn fenced(mut setpoint: Setpoint, epoch: i64, seq: i64) -> Setpoint {
    (setpoint.epoch, setpoint.seq) = (Some(epoch), Some(seq));
    setpoint
}

pub(crate) fn falling_back_to(mut setpoint: Setpoint, kw: f64) -> Setpoint {
    setpoint.fallback_w = watts_from_edge(setpoint.envelope.device_type, kw);
    setpoint
}

pub(crate) fn ramped(mut setpoint: Setpoint, kw_per_s: f64) -> Setpoint {
    setpoint.ramp_w_per_s = Watts::from_kw(kw_per_s);
    setpoint
}

pub(crate) fn after(seconds: f64) -> Timestamp {
    START.plus_ms((seconds * 1000.0) as i64)
}

/// Steps once a second until so many seconds after the start.
pub(crate) fn live(device: &mut Device, from_s: i64, to_s: i64, conditions: Conditions) {
    for second in from_s..=to_s {
        device.step(START.plus_ms(second * 1000), conditions);
    }
}
