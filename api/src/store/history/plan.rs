//! Which table answers for a range, and how wide its buckets are.

use schemas::Timestamp;
use thiserror::Error;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Up to this width the rows themselves are bucketed; above it the rollups answer.
const RAW_WIDTH_MAX_MS: i64 = 10 * SECOND_MS;
/// Up to this width minutes are bucketed; above it hours.
const MINUTE_WIDTH_MAX_MS: i64 = 30 * MINUTE_MS;
/// Rows are kept for so long, less a margin: what is older is in the rollups alone.
const RAW_KEPT_MS: i64 = 29 * DAY_MS;
/// Minutes are kept for so long, less a margin.
const MINUTES_KEPT_MS: i64 = 360 * DAY_MS;

/// How finely a series is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// By the range and the number of points.
    Auto,
    /// Rows as they are.
    Raw,
    /// By the minute.
    Minute,
    /// By the hour.
    Hour,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// From, included.
    pub from: Timestamp,
    /// To, excluded.
    pub to: Timestamp,
    /// How finely.
    pub resolution: Resolution,
    /// How many points at most.
    pub max_points: i32,
}

/// Why a range cannot be answered as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlanError {
    /// It is empty or backwards.
    #[error("\"from\" must be before \"to\"")]
    Empty,
    /// More points than were asked for.
    #[error(
        "the range holds more than maxPoints = {0} points at this resolution; take a shorter range, a coarser resolution, or AUTO"
    )]
    TooMany(i32),
}

/// Which table answers, and the width of its buckets in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Rows as they are.
    Rows,
    /// Rows in buckets.
    RowBuckets(i64),
    /// Minutes in buckets.
    Minutes(i64),
    /// Hours in buckets.
    Hours(i64),
}

impl Plan {
    /// The width of a bucket; 1 where there are none.
    pub(super) fn width_ms(self) -> i64 {
        match self {
            Self::Rows => 1,
            Self::RowBuckets(width) | Self::Minutes(width) | Self::Hours(width) => width,
        }
    }

    /// The width of a row of its table: what cannot be taken apart.
    fn unit_ms(self) -> i64 {
        match self {
            Self::Rows | Self::RowBuckets(_) => 1,
            Self::Minutes(_) => MINUTE_MS,
            Self::Hours(_) => HOUR_MS,
        }
    }

    /// What is read for the range. Nothing from before it: a row of a rollup that begins before the range is left out.
    pub(super) fn bounds(self, range: &Range) -> Bounds {
        let ceil = |at: Timestamp| at.plus_ms(self.unit_ms() - 1).window_start(self.unit_ms());
        let from = ceil(range.from);
        let grid = match range.resolution {
            // Minutes and hours that were asked for by name are those of the range: hours of a zone that is off by half
            // an hour begin at half past.
            Resolution::Raw | Resolution::Minute | Resolution::Hour => from,
            // A range that slides keeps its buckets.
            Resolution::Auto => from.window_start(self.width_ms()),
        };
        Bounds { from, to: ceil(range.to), grid }
    }
}

/// What is read for a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// From, included.
    pub(super) from: Timestamp,
    /// To, excluded.
    pub(super) to: Timestamp,
    /// Where a bucket begins; not after `from`.
    pub(super) grid: Timestamp,
}

impl Range {
    /// How to answer it at `now`.
    ///
    /// # Errors
    /// [`PlanError::Empty`].
    pub fn plan(&self, now: Timestamp) -> Result<Plan, PlanError> {
        let length = self.to.since(self.from);
        if length <= 0 {
            return Err(PlanError::Empty);
        }
        // Buckets that are cut at both ends are one more than whole ones.
        let points = i64::from(self.max_points.max(2)) - 1;
        let width = length.div_euclid(points) + i64::from(length.rem_euclid(points) > 0);
        let age = now.since(self.from);
        Ok(match self.resolution {
            Resolution::Raw => Plan::Rows,
            Resolution::Minute => Plan::Minutes(MINUTE_MS),
            // Hours that do not begin with the clock's are put together from minutes, as long as there are minutes.
            Resolution::Hour
                if self.from.window_start(HOUR_MS) != self.from && age <= MINUTES_KEPT_MS =>
            {
                Plan::Minutes(HOUR_MS)
            }
            Resolution::Hour => Plan::Hours(HOUR_MS),
            Resolution::Auto if width <= RAW_WIDTH_MAX_MS && age <= RAW_KEPT_MS => {
                Plan::RowBuckets(whole(width, SECOND_MS))
            }
            Resolution::Auto if width <= MINUTE_WIDTH_MAX_MS && age <= MINUTES_KEPT_MS => {
                Plan::Minutes(whole(width, MINUTE_MS))
            }
            Resolution::Auto => Plan::Hours(whole(width, HOUR_MS)),
        })
    }

    /// One row more than may be answered, so that too many are noticed.
    pub(super) fn row_limit(&self) -> u32 {
        self.max_points.max(1).unsigned_abs() + 1
    }

    /// The points, if they are not too many.
    pub(super) fn check_count<T>(&self, points: Vec<T>) -> Result<Vec<T>, PlanError> {
        let most = usize::try_from(self.max_points.max(1)).unwrap_or(usize::MAX);
        if points.len() > most {
            return Err(PlanError::TooMany(self.max_points));
        }
        Ok(points)
    }
}

/// The least multiple of a unit that is not below a width.
fn whole(width: i64, unit: i64) -> i64 {
    (width + unit - 1).div_euclid(unit).max(1) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn range(length_ms: i64, resolution: Resolution, max_points: i32) -> Range {
        Range { from: NOW.plus_ms(-length_ms), to: NOW, resolution, max_points }
    }

    #[track_caller]
    fn check(length_ms: i64, max_points: i32, expected: Plan) {
        let range = range(length_ms, Resolution::Auto, max_points);
        let plan = range.plan(NOW).expect("not empty");
        assert_eq!(plan, expected);
        // At any place in its grid.
        for shift_ms in [0, 1, 1_799_999, 5_400_001] {
            let (from, to) = (range.from.plus_ms(-shift_ms), range.to.plus_ms(-shift_ms));
            let bounds = plan.bounds(&Range { from, to, ..range });
            let length = bounds.to.since(bounds.grid);
            let buckets = (length + plan.width_ms() - 1).div_euclid(plan.width_ms());
            assert!(buckets <= i64::from(max_points), "{buckets} points");
            assert!(bounds.grid <= bounds.from && from <= bounds.from && to <= bounds.to);
            assert!(
                bounds.from.since(from) < plan.unit_ms() && bounds.to.since(to) < plan.unit_ms()
            );
        }
    }

    #[test]
    fn a_day_of_kolkata_in_hours_has_24_of_its_own() {
        let from = Timestamp(1_795_458_600_000); // 2026-11-23T18:30:00Z
        let day =
            Range { from, to: from.plus_ms(DAY_MS), resolution: Resolution::Hour, max_points: 500 };
        let plan = day.plan(day.to).expect("not empty");
        assert_eq!(plan, Plan::Minutes(HOUR_MS));
        assert_eq!(plan.bounds(&day), Bounds { from, to: day.to, grid: from });
        // Where minutes are gone it begins with the first whole hour.
        let plan = day.plan(day.to.plus_ms(400 * DAY_MS)).expect("not empty");
        assert_eq!(plan, Plan::Hours(HOUR_MS));
        let half = HOUR_MS / 2;
        let begins = from.plus_ms(half);
        let expected = Bounds { from: begins, to: day.to.plus_ms(half), grid: begins };
        assert_eq!(plan.bounds(&day), expected);
    }

    #[test]
    fn auto_takes_the_finest_table_that_fits_the_number_of_points() {
        check(10 * MINUTE_MS, 500, Plan::RowBuckets(2 * SECOND_MS));
        check(HOUR_MS, 500, Plan::RowBuckets(8 * SECOND_MS));
        check(2 * HOUR_MS, 500, Plan::Minutes(MINUTE_MS));
        check(DAY_MS, 500, Plan::Minutes(3 * MINUTE_MS));
        check(7 * DAY_MS, 500, Plan::Minutes(21 * MINUTE_MS));
        check(30 * DAY_MS, 500, Plan::Hours(2 * HOUR_MS));
        check(DAY_MS, 2, Plan::Hours(24 * HOUR_MS));
    }

    #[test]
    fn auto_goes_to_the_rollups_for_what_rows_no_longer_hold() {
        let ago = |days: i64| Range {
            from: NOW.plus_ms(-days * DAY_MS),
            to: NOW.plus_ms(-days * DAY_MS + HOUR_MS),
            resolution: Resolution::Auto,
            max_points: 500,
        };
        assert_eq!(ago(40).plan(NOW), Ok(Plan::Minutes(MINUTE_MS)));
        assert_eq!(ago(400).plan(NOW), Ok(Plan::Hours(HOUR_MS)));
    }

    #[test]
    fn a_named_resolution_is_kept() {
        let plan = |resolution| range(DAY_MS, resolution, 10).plan(NOW);
        assert_eq!(plan(Resolution::Raw), Ok(Plan::Rows));
        assert_eq!(plan(Resolution::Minute), Ok(Plan::Minutes(MINUTE_MS)));
        assert_eq!(plan(Resolution::Hour), Ok(Plan::Hours(HOUR_MS)));
    }

    #[test]
    fn too_many_points_and_an_empty_range_are_refused() {
        let range_of_two = range(DAY_MS, Resolution::Raw, 2);
        assert_eq!(range_of_two.check_count(vec![1, 2]), Ok(vec![1, 2]));
        assert_eq!(range_of_two.check_count(vec![1, 2, 3]), Err(PlanError::TooMany(2)));
        assert_eq!(range(0, Resolution::Auto, 2).plan(NOW), Err(PlanError::Empty));
    }
}
