//! What is taken beyond a setpoint again and again.

use schemas::records::telemetry::{Capabilities, DeviceType};
use schemas::{DeviceId, FeederId, Timestamp};

use super::*;
use crate::device::unheard;
use crate::samples::sample;

fn charger() -> Device {
    let ids = (DeviceId::new("ev").expect("an id"), FeederId::new("root").expect("an id"));
    let capabilities =
        Capabilities { max_charge_w: Some(Watts(11_000)), ..Capabilities::default() };
    Device { capabilities, ..unheard(&sample(ids.0, DeviceType::Ev, ids.1, Timestamp(0))) }
}

fn window(device: &mut Device, takes_w: i64) {
    device.mean_w = Some(Watts(takes_w));
    note(device);
    device.allowed_before_w = device.allowed_w;
}

#[test]
fn nothing_is_seen_of_one_that_was_told_nothing() {
    let mut device = charger();
    assert_eq!(of(&device), Watts(0));
    window(&mut device, 5_000);
    assert_eq!(
        (of(&device), device.over_before_w, device.overshoot_w),
        (Watts(0), Watts(0), Watts(0))
    );
}

#[test]
fn what_is_taken_in_two_windows_is_learned_and_forgotten_slowly() {
    let mut device = charger();
    device.allowed_w = Some(Watts(5_000));
    device.allowed_before_w = device.allowed_w;
    window(&mut device, 5_200);
    assert_eq!(device.overshoot_w, Watts(0), "once is noise");
    window(&mut device, 5_150);
    assert_eq!(device.overshoot_w, Watts(200));
    window(&mut device, 5_000);
    assert_eq!((device.overshoot_w, of(&device)), (Watts(199), Watts(199)));
    window(&mut device, 4_900);
    assert_eq!((device.overshoot_w, of(&device)), (Watts(198), Watts(198)));
    // More than the tolerance is no rounding.
    device.overshoot_w = Watts(0);
    window(&mut device, 5_691);
    window(&mut device, 5_691);
    assert_eq!(device.overshoot_w, Watts(0));
    // So little is noise of so much.
    window(&mut device, 5_049);
    window(&mut device, 5_049);
    assert_eq!(device.overshoot_w, Watts(0));
    window(&mut device, 5_050);
    window(&mut device, 5_050);
    assert_eq!(device.overshoot_w, Watts(50));
}

#[test]
fn it_is_kept_while_something_is_taken_beyond() {
    let mut device = charger();
    device.allowed_w = Some(Watts(2_000));
    device.allowed_before_w = device.allowed_w;
    for takes_w in [2_229, 2_100, 2_040, 2_040] {
        window(&mut device, takes_w);
    }
    assert_eq!(device.overshoot_w, Watts(229));
    window(&mut device, 2_039);
    assert_eq!(device.overshoot_w, Watts(228));
}
