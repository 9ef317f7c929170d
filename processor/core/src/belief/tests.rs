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
