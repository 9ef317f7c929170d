//! Units: integer watts, watt-hours, state of charge and time. The one rounding point between kW outside and
//! W inside is [`Watts::from_kw`]; between fractions and parts per 10 000 it is [`Soc::from_fraction`].

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(self.0.saturating_neg())
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0, $unit)
            }
        }
    };
}

quantity! {
    /// Power in watts, load convention: + takes power from the feeder, − gives power to it.
    Watts, "W"
}
quantity! {
    /// Energy in watt-hours.
    WattHours, "Wh"
}

/// The largest power accepted from outside, in kW: beyond any feeder, and far from overflow when summed.
pub const KW_MAX: f64 = 1.0e9;

impl Mul<i64> for Watts {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Div<i64> for Watts {
    type Output = Self;
    fn div(self, parts: i64) -> Self {
        Self(self.0 / parts)
    }
}

impl Watts {
    /// Less, and more, than any power.
    pub const MIN: Self = Self(i64::MIN);
    /// See [`Watts::MIN`].
    pub const MAX: Self = Self(i64::MAX);

    /// Without its direction.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// `part` of `whole` parts of it, towards zero, exact however large it is; `whole` is not 0.
    #[must_use]
    pub fn scaled(self, part: i64, whole: i64) -> Self {
        let scaled = i128::from(self.0) * i128::from(part) / i128::from(whole);
        let beyond = if scaled < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(scaled).unwrap_or(beyond))
    }

    /// Rounds kW from outside to whole watts (half away from zero).
    ///
    /// Returns `None` when the number is not finite or beyond ±[`KW_MAX`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "bounded by KW_MAX, far inside i64")]
    pub fn from_kw(kw: f64) -> Option<Self> {
        (kw.is_finite() && kw.abs() <= KW_MAX).then(|| Self((kw * 1000.0).round() as i64))
    }

    /// The power in kW, as the outside speaks it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "display; exact up to 9e15 W")]
    pub fn kw(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The part of it that takes power from the feeder, never negative.
    #[must_use]
    pub fn import_part(self) -> Self {
        self.max(Self::ZERO)
    }
}

impl WattHours {
    /// Rounds kWh from outside to whole watt-hours; `None` when not finite or out of range.
    #[must_use]
    pub fn from_kwh(kwh: f64) -> Option<Self> {
        Watts::from_kw(kwh).map(|watts| Self(watts.0))
    }

    /// The energy in kWh.
    #[must_use]
    pub fn kwh(self) -> f64 {
        Watts(self.0).kw()
    }
}

/// State of charge in parts per 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Soc(pub i32);

impl Soc {
    /// Empty.
    pub const EMPTY: Self = Self(0);
    /// Full.
    pub const FULL: Self = Self(10_000);

    /// Rounds a fraction from 0 to 1; `None` outside of that.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "0..=10000")]
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then(|| Self((fraction * 10_000.0).round() as i32))
    }

    /// The fraction from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds since `earlier`; negative when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `ms` milliseconds later (earlier when negative).
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The start of the tumbling window of `width_ms` that contains this point; right before the epoch too.
    #[must_use]
    pub fn window_start(self, width_ms: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(width_ms.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilowatts_round_to_whole_watts_and_back() {
        assert_eq!(Watts::from_kw(7.2), Some(Watts(7200)));
        assert_eq!(Watts::from_kw(-0.0005), Some(Watts(-1)));
        assert_eq!(Watts::from_kw(f64::NAN), None);
        assert_eq!(Watts::from_kw(f64::INFINITY), None);
        assert_eq!(Watts::from_kw(1.0e10), None);
        assert!((Watts(-1500).kw() + 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_part_of_watts_is_exact_however_large_and_never_turns_round() {
        assert_eq!(Watts(7).scaled(2, 3), Watts(4));
        assert_eq!(Watts(-7).scaled(2, 3), Watts(-4));
        assert_eq!(Watts(i64::MAX).scaled(3, 6), Watts(i64::MAX / 2));
        assert_eq!(Watts(i64::MAX).scaled(2, 1), Watts::MAX);
        assert_eq!(Watts(i64::MIN).scaled(2, 1), Watts::MIN);
        assert_eq!(Watts(i64::MAX) * 2, Watts::MAX);
        assert_eq!(Watts(i64::MIN).abs(), Watts::MAX);
        assert_eq!(Watts(-7) / 2, Watts(-3));
    }

    #[test]
    fn soc_is_a_fraction_from_zero_to_one() {
        assert_eq!(Soc::from_fraction(0.5), Some(Soc(5000)));
        assert_eq!(Soc::from_fraction(1.01), None);
        assert_eq!(Soc::from_fraction(-0.01), None);
        assert_eq!(Soc::from_fraction(f64::NAN), None);
    }

    #[test]
    fn a_window_contains_its_points_before_the_epoch_too() {
        assert_eq!(Timestamp(12_345).window_start(5_000), Timestamp(10_000));
        assert_eq!(Timestamp(-1).window_start(5_000), Timestamp(-5_000));
        assert_eq!(Timestamp(10_000).window_start(5_000), Timestamp(10_000));
    }
}
