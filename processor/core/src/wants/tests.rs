//! What devices show to need, and how heavily they weigh.

use schemas::records::telemetry::{Capabilities, Preferences};
use schemas::{DeviceId, FeederId, WattHours};

use super::*;
use crate::device;
use crate::samples::sample;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const WINDOW_MS: i64 = 5_000;

fn heard(device_type: DeviceType, capabilities: Capabilities) -> Device {
    let ids = (DeviceId::new("d").expect("an id"), FeederId::new("root").expect("an id"));
    let said = sample(ids.0, device_type, ids.1, NOW);
    Device { capabilities, ..device::unheard(&said) }
}

fn battery() -> Device {
    let watts = Some(Watts(5_000));
    heard(
        DeviceType::Battery,
        Capabilities { max_charge_w: watts, max_discharge_w: watts, ..Capabilities::default() },
    )
}

fn charger() -> Device {
    let capabilities =
        Capabilities { max_charge_w: Some(Watts(11_000)), ..Capabilities::default() };
    heard(DeviceType::Ev, capabilities)
}

/// What it shows to need after so many windows in which it may take one power and takes another.
fn shown(mut device: Device, setpoint_w: i64, takes_w: i64, windows: usize) -> Device {
    device.setpoint_w = Some(Watts(setpoint_w));
    device.mean_w = Some(Watts(takes_w));
    for _ in 0..windows {
        note_need(&mut device, NOW, &ControlSettings::default());
    }
    device
}

#[track_caller]
fn check_need(device: &Device, expected: Option<i64>) {
    assert_eq!(device.need_w, expected.map(Watts));
}

#[test]
fn one_that_takes_less_for_four_windows_needs_a_tenth_of_its_rating_more_than_it_takes() {
    check_need(&shown(battery(), 3_000, 1_000, 3), None);
    check_need(&shown(battery(), 3_000, 1_000, 4), Some(1_500));
    check_need(&shown(battery(), 3_000, 1_000, 9), Some(1_500));
    // A charger's tolerance is an ampere on each phase, and more than it is looked for.
    check_need(&shown(charger(), 9_000, 4_000, 4), Some(4_000 + 2 * 690));
}

#[test]
fn one_that_gives_back_or_takes_nothing_needs_what_it_is_probed_with() {
    check_need(&shown(battery(), 3_000, 0, 4), Some(500));
    check_need(&shown(battery(), 3_000, -1_200, 4), Some(500));
}

#[test]
fn one_that_takes_all_it_may_has_an_unknown_need_again() {
    let knows = shown(battery(), 3_000, 1_000, 4);
    check_need(&shown(knows.clone(), 3_000, 2_749, 1), Some(3_249));
    let anew = shown(knows, 3_000, 2_750, 1);
    check_need(&anew, None);
    assert_eq!(anew.idle_windows, 0);
    check_need(&shown(anew.clone(), 3_000, 1_000, 3), None);
    check_need(&shown(anew, 3_000, 1_000, 4), Some(1_500));
}

#[test]
fn noise_moves_no_need() {
    let knows = shown(battery(), 3_000, 1_000, 4);
    check_need(&shown(knows.clone(), 3_000, 1_250, 1), Some(1_500));
    check_need(&shown(knows.clone(), 3_000, 750, 1), Some(1_500));
    check_need(&shown(knows.clone(), 3_000, 1_251, 1), Some(1_751));
    check_need(&shown(knows, 3_000, 749, 1), Some(1_249));
}

#[test]
fn nothing_is_shown_by_one_that_may_take_nothing_or_was_told_nothing() {
    check_need(&shown(battery(), 0, -100, 9), None);
    let mut untold = battery();
    untold.mean_w = Some(Watts(100));
    for _ in 0..9 {
        note_need(&mut untold, NOW, &ControlSettings::default());
    }
    check_need(&untold, None);
    check_need(&shown(battery(), 1, -400, 4), Some(500));
}

#[test]
fn a_charger_without_a_smallest_power_is_probed_with_what_a_car_starts_with() {
    check_need(&shown(charger(), 9_000, 110, 4), Some(110 + 4_140));
    check_need(&shown(charger(), 9_000, 111, 4), Some(111 + 1_380));
    let mut named = charger();
    named.capabilities.min_power_w = Some(Watts(1_380));
    check_need(&shown(named, 9_000, 110, 4), Some(110 + 1_380));
}

#[test]
fn generation_needs_what_the_sun_gives() {
    let roof = Capabilities { max_export_w: Some(Watts(8_000)), ..Capabilities::default() };
    let sun = heard(DeviceType::Pv, roof);
    check_need(&shown(sun.clone(), -6_000, -2_000, 4), Some(2_800));
    check_need(&shown(sun, -6_000, 60, 4), Some(800));
}

#[test]
fn one_that_speaks_seldom_shows_its_need_by_a_word_it_had_time_for() {
    let slow = |spoke_ms: i64, told_ms: i64| {
        let mut device = battery();
        device.period_ms = 30_000;
        device.power_w = Some(Watts(1_000));
        device.last_steering = Some(NOW.plus_ms(spoke_ms));
        device.setpoint_since = Some(NOW.plus_ms(told_ms));
        // Its mean is of what it said before.
        shown(device, 3_000, 2_900, 1)
    };
    check_need(&slow(0, -2 * WINDOW_MS), Some(1_500));
    check_need(&slow(-1, -9 * WINDOW_MS), None);
    check_need(&slow(0, -2 * WINDOW_MS + 1), None);
}

#[track_caller]
fn check_weight(device: &Device, settings: &ControlSettings, expected: i64) {
    assert_eq!(want(device, None, settings, NOW).weight_milli, expected);
}

fn charged(device: Device, soc: i32) -> Device {
    Device { soc: Some(Soc(soc)), soc_at: Some(NOW), ..device }
}

#[test]
fn one_weighs_by_its_priority_and_by_what_is_missing_of_its_charge() {
    let settings = ControlSettings::default();
    let even = ControlSettings { respect_priority: false, ..settings.clone() };
    let mut car = charger();
    check_weight(&car, &settings, 1_000);
    check_weight(&car, &even, 800);
    car.preferences.priority = Some(3);
    check_weight(&car, &settings, 3_000);
    check_weight(&charged(car.clone(), 4_000), &settings, 3 * 1_480);
    check_weight(&charged(car.clone(), 9_000), &settings, 3_000);
    // Below the reserve half as much again is missing.
    check_weight(&charged(car.clone(), 2_000), &settings, 3 * 1_720);
    check_weight(&charged(car.clone(), 1_999), &settings, 3 * 2_320);
    check_weight(&charged(car, 4_000), &even, 3 * 1_184);
}

#[test]
fn a_departure_weighs_by_the_part_of_the_rating_that_it_needs() {
    let settings = ControlSettings::default();
    let leaves = |in_ms: i64| {
        let mut car = charged(charger(), 4_000);
        car.capabilities.energy_wh = Some(WattHours(40_000));
        car.preferences =
            Preferences { departure: Some(NOW.plus_ms(in_ms)), ..Preferences::default() };
        car
    };
    // 16 kWh are missing: 8 kW for two hours, and 3 of 11 kW are spare.
    check_weight(&leaves(2 * 3_600_000), &settings, 1_480 * 3_666 / 1_000);
    check_weight(&leaves(16 * 3_600_000), &settings, 1_480 * 1_100 / 1_000);
    check_weight(&leaves(3_600_000), &settings, 1_480 * 20);
    check_weight(&leaves(1), &settings, 1_480 * 20);
    check_weight(&leaves(0), &settings, 1_480);
    check_weight(&leaves(-1), &settings, 1_480);
}

#[test]
fn storage_gives_what_it_can_above_its_reserve_and_takes_up_to_its_target() {
    let settings = ControlSettings::default();
    let bounds = |device: &Device| {
        let want = want(device, None, &settings, NOW);
        (want.low_w.0, want.high_w.0, want.reason)
    };
    let at = |soc: i32| charged(battery(), soc);
    assert_eq!(bounds(&battery()), (0, 5_000, Reason::Satisfied), "unknown is not given");
    assert_eq!(bounds(&at(2_200)), (0, 5_000, Reason::Satisfied));
    assert_eq!(bounds(&at(2_201)), (-5_000, 5_000, Reason::Satisfied));
    assert_eq!(bounds(&at(7_999)), (-5_000, 5_000, Reason::Satisfied));
    assert_eq!(bounds(&at(8_000)), (-5_000, 0, Reason::TargetReached));
    // One that gives goes on down to the reserve; one that is full begins again a little lower.
    let gives = |soc: i32| Device { setpoint_w: Some(Watts(-1)), ..at(soc) };
    assert_eq!(bounds(&gives(2_001)).0, -5_000);
    assert_eq!(bounds(&gives(2_000)).0, 0);
    let full = |soc: i32| Device { reason: Some(Reason::TargetReached), ..at(soc) };
    assert_eq!(bounds(&full(7_800)).1, 0);
    assert_eq!(bounds(&full(7_799)).1, 5_000);
}

#[test]
fn one_that_names_no_rating_wants_a_little_more_than_it_ever_took() {
    let settings = ControlSettings::default();
    let car = heard(DeviceType::Ev, Capabilities::default());
    let high_w = |peak_w: i64| {
        let seen = Device { peak_w: Watts(peak_w), ..car.clone() };
        want(&seen, None, &settings, NOW).high_w.0
    };
    let unheard_w = settings.unheard_w.0;
    assert_eq!(high_w(0), unheard_w);
    assert_eq!(high_w(unheard_w * 2), unheard_w * 5 / 2);
}
