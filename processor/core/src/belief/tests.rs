//! Noise is no reason to doubt a device, and two that speak under one name are.

use schemas::records::telemetry::Capabilities;
use schemas::{DeviceId, FeederId, Timestamp};

use super::*;
use crate::device::{self, Heard};
use crate::samples::sample;

/// Whether a charger is still believed that says these watts by turns, every five seconds.
fn is_believed(by_turns: [i64; 2]) -> bool {
    let registry = Registry::default();
    let capabilities =
        Capabilities { max_charge_w: Some(Watts(11_000)), ..Capabilities::default() };
    let said = |index: usize| {
        let ids = (DeviceId::new("ev").expect("an id"), FeederId::new("root").expect("an id"));
        let at = 1_700_000_000_000 + 5_000 * i64::try_from(index).expect("few");
        Telemetry {
            power_w: Watts(by_turns[index % 2]),
            capabilities: capabilities.clone(),
            ..sample(ids.0, DeviceType::Ev, ids.1, Timestamp(at))
        }
    };
    let mut device = device::unheard(&said(0));
    let heard =
        (0..40).map(|index| device::hear(&mut device, &said(index), Timestamp(0), &registry));
    let all: Vec<Heard> = heard.collect();
    all.iter().all(|heard| *heard == Heard::Steers) && !device.distrusted
}

#[test]
fn noise_within_the_tolerance_is_believed() {
    assert!(is_believed([5_000, 5_000]));
    assert!(is_believed([5_000, 5_690]));
}

#[test]
fn two_that_speak_in_turns_are_not() {
    assert!(!is_believed([5_000, 0]));
    assert!(!is_believed([5_000, 5_691]));
}

/// Whether a meter on a feeder of 2 kW is believed that says this.
fn is_believed_of_a_small_feeder(watts: i64) -> bool {
    let feeder_id = FeederId::new("root").expect("an id");
    let mut registry = Registry::default();
    registry.feeders.entry(feeder_id.clone()).or_default().import_limit_w = Some(Watts(2_000));
    let id = DeviceId::new("meter").expect("an id");
    let said = Telemetry {
        power_w: Watts(watts),
        ..sample(id, DeviceType::Meter, feeder_id, Timestamp(1_700_000_000_000))
    };
    let mut device = device::unheard(&said);
    device::hear(&mut device, &said, Timestamp(0), &registry) == Heard::Steers
}

#[test]
fn a_meter_is_believed_within_what_any_feeder_may_carry() {
    assert!(is_believed_of_a_small_feeder(100_000));
    assert!(is_believed_of_a_small_feeder(-100_000));
    assert!(!is_believed_of_a_small_feeder(100_001));
}
