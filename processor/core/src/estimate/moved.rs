//! What of the known power has moved, and what has only become known: a device that is heard for the first time, or again
//! after a while, takes what it took before. A meter has to show the one and not the other.

use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{DeviceSnapshot as Device, Reading};
use schemas::{Timestamp, Watts};

use crate::device::{slow_period_ms, usual_gap_ms};

/// What counted for a device before the window closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    mean_w: Option<Watts>,
    was_controlled_w: Watts,
    was_silent: bool,
    /// The reading that held when it began.
    oldest: Option<Timestamp>,
    /// The first reading, or the first one after it was not heard for a while.
    anew: Option<Reading>,
}

/// What has become of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    /// By so much it was seen to move, W: of one that is heard anew since its first reading.
    pub(super) moved_w: Watts,
    /// What counted for it among the controlled ones, W.
    pub(super) was_controlled_w: Watts,
    /// Its period, where that is longer than a window, ms.
    pub(super) slow_ms: i64,
    /// The window has a reading of its own.
    pub(super) is_new: bool,
}

impl Before {
    pub(super) fn of(device: &Device, settings: &ControlSettings) -> Self {
        let mean_w = device.mean_w;
        let was_silent = device.hold_since.is_some();
        let was_controlled =
            device.setpoint_w.is_some() && !was_silent && !device.device_type.generates();
        let readings = &device.readings;
        let usual_ms = usual_gap_ms(device, settings);
        let after_a_gap =
            readings.windows(2).rev().find(|two| two[1].at.since(two[0].at) > usual_ms);
        let first = readings.first().filter(|_| mean_w.is_none());
        Self {
            mean_w,
            was_controlled_w: mean_w.filter(|_| was_controlled).unwrap_or_default(),
            was_silent,
            oldest: readings.first().map(|reading| reading.at),
            anew: after_a_gap.map(|two| &two[1]).or(first).cloned(),
        }
    }
}

impl Moved {
    /// Of a device that was never heard.
    pub(super) const NOTHING: Self =
        Self { moved_w: Watts::ZERO, was_controlled_w: Watts::ZERO, slow_ms: 0, is_new: false };

    pub(super) fn since(before: Before, device: &Device, settings: &ControlSettings) -> Self {
        // Of the window only the last reading is kept.
        let last = device.readings.first().map(|reading| reading.at);
        let anew = before.anew.filter(|anew| Some(anew.at) <= last);
        let from = match anew {
            Some(first) => Some(first.power_w),
            None => before.mean_w.filter(|_| !before.was_silent),
        };
        let moved = from.zip(device.mean_w).map(|(from, mean)| mean - from);
        Self {
            moved_w: moved.unwrap_or_default(),
            was_controlled_w: before.was_controlled_w,
            slow_ms: slow_period_ms(device, settings),
            is_new: before.mean_w.is_none() || last > before.oldest,
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::records::telemetry::DeviceType;
    use schemas::{DeviceId, FeederId};

    use super::*;
    use crate::samples::sample;
    use crate::{device, window};

    const WINDOW_MS: i64 = 5_000;
    const HOLD_MS: i64 = 30_000;

    fn car() -> Device {
        let ids = (DeviceId::new("ev").expect("an id"), FeederId::new("root").expect("an id"));
        device::unheard(&sample(ids.0, DeviceType::Ev, ids.1, Timestamp(0)))
    }

    /// What moved in each window of 5 s, from readings (ms, W).
    fn moved(readings: &[(i64, i64)], windows: i64) -> Vec<i64> {
        let settings = ControlSettings::default();
        let mut car = car();
        for (at, power) in readings {
            window::add(&mut car.readings, Timestamp(*at), Watts(*power));
        }
        let close = |index: i64| {
            let before = Before::of(&car, &settings);
            let (start, end) = (index * WINDOW_MS, (index + 1) * WINDOW_MS);
            car.mean_w =
                window::close(&mut car.readings, Timestamp(start), Timestamp(end), HOLD_MS);
            Moved::since(before, &car, &settings).moved_w.0
        };
        (0..windows).map(close).collect()
    }

    #[test]
    fn one_that_is_heard_all_the_time_moves_by_what_its_mean_does() {
        let steady = [(0, 100), (5_000, 100), (10_000, 400), (15_000, 400), (20_000, 100)];
        assert_eq!(moved(&steady, 5), [0, 0, 300, 0, -300]);
    }

    #[test]
    fn one_that_is_heard_for_the_first_time_moves_from_its_first_reading_on() {
        assert_eq!(moved(&[(6_000, 500), (11_000, 500)], 3), [0, 0, 0]);
        assert_eq!(moved(&[(5_000, 500), (7_500, 100), (12_500, 100)], 3), [0, -200, -200]);
    }

    #[test]
    fn what_happened_while_one_was_not_heard_has_not_moved() {
        // 14 s without a word are too long, 9 s are not.
        assert_eq!(moved(&[(0, 100), (4_000, 100), (20_000, 900), (24_000, 900)], 5), [0; 5]);
        assert_eq!(moved(&[(1_000, 100), (10_000, 900), (14_000, 900)], 3), [0, 0, 800]);
    }

    #[test]
    fn what_was_controlled_is_what_was_told_and_heard_and_takes_power() {
        let settings = ControlSettings::default();
        let was = |change: &dyn Fn(&mut Device)| {
            let mut device = car();
            (device.mean_w, device.setpoint_w) = (Some(Watts(900)), Some(Watts(1_000)));
            change(&mut device);
            Before::of(&device, &settings).was_controlled_w.0
        };
        assert_eq!(was(&|_| {}), 900);
        assert_eq!(was(&|device| device.setpoint_w = None), 0);
        assert_eq!(was(&|device| device.hold_since = Some(Timestamp(0))), 0);
        assert_eq!(was(&|device| device.device_type = DeviceType::Pv), 0);
    }

    #[test]
    fn a_gap_between_the_only_two_readings_is_one() {
        assert_eq!(moved(&[(4_000, 100), (20_000, 900)], 6), [0; 6]);
    }

    #[test]
    fn a_window_without_a_reading_of_its_own_is_not_new() {
        let settings = ControlSettings::default();
        let mut car = car();
        for at in [1_000, 3_000, 12_000] {
            window::add(&mut car.readings, Timestamp(at), Watts(100));
        }
        let mut is_new = Vec::new();
        for end in [5_000, 10_000, 15_000, 20_000] {
            let before = Before::of(&car, &settings);
            let (start, end) = (Timestamp(end - WINDOW_MS), Timestamp(end));
            car.mean_w = window::close(&mut car.readings, start, end, HOLD_MS);
            is_new.push(Moved::since(before, &car, &settings).is_new);
        }
        assert_eq!(is_new, [true, false, true, false]);
    }
}
