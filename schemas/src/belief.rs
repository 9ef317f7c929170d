//! What a record can say at all: the numbers beyond which no writer of ours ever goes.
//!
//! A record outside of them is read as one that cannot be read, by everybody in the same way: reading it could panic
//! arithmetic that rests on them, fence everybody off for ever or wedge a table. The bounds are far wider than what
//! is sensible; what is sensible is checked where a value comes in. What a record may say where it stands in the log
//! is the business of [`crate::ledger`].

mod control;
mod inputs;

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::units::{Soc, Timestamp, WattHours, Watts};

/// Epochs, numbers of decisions and snapshots: whole in JSON everywhere.
pub const NUMBER_MAX: i64 = 1 << 53;

/// A number that is taken for want of a better word is at most this: there is room to count on from it.
pub const FIRST_NUMBER_MAX: i64 = 1 << 52;

/// Records in which one decision or snapshot stands.
pub const PARTS_MAX: i32 = 100_000;

/// 2299-12-31, the last day of a device's time: the MQTT contract's, and that of ClickHouse's `DateTime64`.
const DEVICE_TIME: RangeInclusive<i64> = 0..=10_413_791_999_999;
/// 2099-12-31: the clock of a service. Tables keep rows for years after it, in `DateTime`, which ends in 2106.
const SERVICE_TIME: RangeInclusive<i64> = 0..=4_102_444_799_999;
/// What a table's times can be: `DateTime64` begins in 1900.
const TABLE_TIME: RangeInclusive<i64> = -2_208_988_800_000..=10_413_791_999_999;
/// The year 9999 either way: what people may order.
const ORDERED_TIME: RangeInclusive<i64> = -253_402_300_799_999..=253_402_300_799_999;
const OFFSET: RangeInclusive<i64> = 0..=1 << 60;
const NUMBER: RangeInclusive<i64> = 1..=NUMBER_MAX;
/// 1e9 kW, the MQTT contract's.
const EDGE_W: RangeInclusive<i64> = -1_000_000_000_000..=1_000_000_000_000;
/// Sums of those over a tree.
const TREE_W: RangeInclusive<i64> = -1_000_000_000_000_000_000..=1_000_000_000_000_000_000;
/// A span of time: some thirty years.
const SPAN_MS: RangeInclusive<i64> = 0..=1_000_000_000_000;
const COUNT: RangeInclusive<i64> = 0..=1_000_000_000;
const SOC: RangeInclusive<i64> = 0..=10_000;
const PRIORITY: RangeInclusive<i64> = 0..=1_000;

/// A value that no writer of ours writes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} = {found} cannot be: expected {least} to {most}")]
pub struct Unbelievable {
    /// Which field.
    pub field: &'static str,
    /// What it says.
    pub found: i64,
    /// The least it could say.
    pub least: i64,
    /// The most it could say.
    pub most: i64,
}

/// A record that can be looked at before anything rests on it.
pub trait Believable {
    /// Looks at every number that something rests on.
    ///
    /// # Errors
    /// The first [`Unbelievable`] one.
    fn check(&self) -> Result<(), Unbelievable>;
}

/// A number, whatever its unit.
trait Number: Copy {
    fn whole(self) -> i64;
}

macro_rules! number {
    ($($unit:ident),+) => {
        $(impl Number for $unit {
            fn whole(self) -> i64 {
                i64::from(self.0)
            }
        })+
    };
}

number!(Timestamp, Watts, WattHours, Soc);

impl Number for i64 {
    fn whole(self) -> i64 {
        self
    }
}

impl Number for i32 {
    fn whole(self) -> i64 {
        i64::from(self)
    }
}

fn within(
    field: &'static str,
    value: impl Number,
    range: RangeInclusive<i64>,
) -> Result<(), Unbelievable> {
    let found = value.whole();
    if range.contains(&found) {
        return Ok(());
    }
    Err(Unbelievable { field, found, least: *range.start(), most: *range.end() })
}

fn within_if(
    field: &'static str,
    value: Option<impl Number>,
    range: RangeInclusive<i64>,
) -> Result<(), Unbelievable> {
    value.map_or(Ok(()), |value| within(field, value, range))
}

/// `part` of `parts`, of a record that is written in several.
fn numbered(part: i32, parts: i32) -> Result<(), Unbelievable> {
    within("parts", parts, 1..=i64::from(PARTS_MAX))?;
    within("part", part, 0..=i64::from(parts) - 1)
}

#[cfg(test)]
mod tests;
