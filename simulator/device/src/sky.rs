//! What the world around a device is like: the hour of the day and the sun.

use std::f64::consts::PI;

use schemas::Timestamp;
use schemas::mqtt::Profile;

const HOUR_MS: f64 = 3_600_000.0;
const SUNRISE_H: f64 = 6.0;
const SUNSET_H: f64 = 20.0;
/// The hours that the fixed profiles stand for.
const DAY_H: f64 = 13.0;
const NIGHT_H: f64 = 1.0;

/// The same for all devices at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Conditions {
    /// Which part of the day to act.
    pub profile: Profile,
    /// Local time less UTC, in hours; used where the clock decides.
    pub utc_offset_h: f64,
}

impl Conditions {
    /// The hour of the day, 0 to 24.
    #[must_use]
    pub fn hour(self, now: Timestamp) -> f64 {
        match self.profile {
            Profile::Day => DAY_H,
            Profile::Night => NIGHT_H,
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds of this millennium are exact"
            )]
            Profile::Auto => (now.0 as f64 / HOUR_MS + self.utc_offset_h).rem_euclid(24.0),
        }
    }

    /// The clear sky's share of full sun, 0 to 1.
    #[must_use]
    pub fn sun(self, now: Timestamp) -> f64 {
        let hour = self.hour(now);
        if (SUNRISE_H..SUNSET_H).contains(&hour) {
            (PI * (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H)).sin().max(0.0)
        } else {
            0.0
        }
    }

    /// Whether the sun is up.
    #[must_use]
    pub fn is_day(self, now: Timestamp) -> bool {
        self.sun(now) > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at_hour(hour: i64) -> Timestamp {
        Timestamp(1_700_006_400_000 + hour * 3_600_000)
    }

    #[test]
    fn the_sun_rises_peaks_and_sets_and_follows_the_local_clock() {
        let here = Conditions::default();
        assert_eq!(here.hour(at_hour(0)), 0.0);
        for (hour, low, high) in
            [(0, 0.0, 0.0), (5, 0.0, 0.0), (8, 0.3, 0.6), (13, 0.99, 1.0), (21, 0.0, 0.0)]
        {
            let sun = here.sun(at_hour(hour));
            assert!((low..=high).contains(&sun), "{hour}: {sun}");
        }
        let east = Conditions { utc_offset_h: 2.0, ..here };
        assert_eq!(east.hour(at_hour(23)), 1.0);
    }

    #[test]
    fn a_fixed_profile_overrules_the_clock() {
        for hour in 0..24 {
            let day = Conditions { profile: Profile::Day, utc_offset_h: 0.0 };
            let night = Conditions { profile: Profile::Night, utc_offset_h: 0.0 };
            assert!(day.is_day(at_hour(hour)) && !night.is_day(at_hour(hour)));
        }
    }
}
