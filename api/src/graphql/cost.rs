//! What a field costs. The sum over a query, aliases included, is bounded by `QUERY_COMPLEXITY_MAX`.

use crate::caps::{FEEDERS_ASSUMED, FLEET_WALK_COST, HISTORY_BASE_COST};

/// Entries of a page where none are asked for.
pub(super) const DEFAULT_PAGE: i32 = 50;
/// Points of a series where none are asked for.
pub(super) const DEFAULT_POINTS: i32 = 500;
/// The most that one field costs: far beyond what is allowed, and far from overflow when the library adds fields up.
const COST_MAX: usize = 1_000_000_000;

fn count(asked: Option<i32>, default: i32) -> usize {
    usize::try_from(asked.unwrap_or(default).max(1)).unwrap_or(1)
}

fn cost(base: usize, times: usize, child: usize) -> usize {
    base.saturating_add(times.saturating_mul(child)).min(COST_MAX)
}

/// A page: the whole fleet is walked for it, and every entry pays for what is asked of it.
pub(super) fn page(first: Option<i32>, child: usize) -> usize {
    cost(FLEET_WALK_COST, count(first, DEFAULT_PAGE), child)
}

/// A series: one read, and something for each point; points are cheap.
pub(super) fn series(max_points: Option<i32>, child: usize) -> usize {
    cost(HISTORY_BASE_COST, count(max_points, DEFAULT_POINTS) / 10, child)
}

/// All feeders, or all children of one.
pub(super) fn feeders(child: usize) -> usize {
    cost(1, FEEDERS_ASSUMED, child)
}
