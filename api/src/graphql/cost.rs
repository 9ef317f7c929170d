//! What a field costs. The sum over a query, aliases included, is bounded by `QUERY_COMPLEXITY_MAX`.

use crate::caps::{FEEDERS_ASSUMED, HISTORY_BASE_COST};

/// Entries of a page where none are asked for.
pub(super) const DEFAULT_PAGE: i32 = 50;
/// Points of a series where none are asked for.
pub(super) const DEFAULT_POINTS: i32 = 500;

fn count(asked: Option<i32>, default: i32) -> usize {
    usize::try_from(asked.unwrap_or(default).max(1)).unwrap_or(1)
}

/// A page: every entry pays for what is asked of it.
pub(super) fn page(first: Option<i32>, child: usize) -> usize {
    1 + count(first, DEFAULT_PAGE).saturating_mul(child)
}

/// A series: one read, and something for each point; points are cheap.
pub(super) fn series(max_points: Option<i32>, child: usize) -> usize {
    HISTORY_BASE_COST + count(max_points, DEFAULT_POINTS).saturating_mul(child) / 10
}

/// All feeders, or all children of one.
pub(super) fn feeders(child: usize) -> usize {
    1 + FEEDERS_ASSUMED.saturating_mul(child)
}
