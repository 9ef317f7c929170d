//! The watts that rounding leaves over: one each, in hash order.

use super::super::{Level, Problem};

/// Gives what is left of budgets that bind to claims that they hold back: the lowest level first (what a node left over
/// belongs to its own claims), in hash order within it.
pub(super) fn hand_out(problem: &Problem, levels: &[Level], shares_w: &mut [i64]) {
    let mut spare = problem.spare(shares_w);
    let held_back = |index: usize, share_w: i64| {
        let claim = &problem.claims[index];
        levels[claim.node] < Level::TOP && share_w < claim.high_w && share_w > claim.low_w
    };
    let mut order: Vec<(Level, u64, usize)> = shares_w
        .iter()
        .enumerate()
        .filter(|(index, share_w)| held_back(*index, **share_w))
        .map(|(index, _)| {
            let claim = &problem.claims[index];
            (levels[claim.node], claim.tie, index)
        })
        .collect();
    order.sort_unstable();
    for (_, _, index) in order {
        let node = problem.claims[index].node;
        if problem.path(node).all(|above| spare[above] > 0) {
            shares_w[index] += 1;
            problem.path(node).for_each(|above| spare[above] -= 1);
        }
    }
}
