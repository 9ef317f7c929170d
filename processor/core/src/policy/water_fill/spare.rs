//! The watts that rounding leaves over: one each, in hash order.

use schemas::Watts;

use super::super::{Level, Problem};

/// Who holds each claim back, node by node.
pub(super) struct Held<'l> {
    /// The level of each node.
    pub(super) levels: &'l [Level],
    /// The nearest node at or above each whose budget sets that level; none where nothing does.
    pub(super) by: &'l [Option<usize>],
}

/// Gives what is left of each budget that binds to claims that it holds back: the lowest level first (what a node left
/// over belongs to its own claims), in hash order within it.
pub(super) fn hand_out(problem: &Problem, held: &Held<'_>, shares_w: &mut [Watts]) {
    let mut spare = problem.spare(|claim| shares_w[claim]);
    let mut groups: Vec<Vec<(u64, usize)>> = vec![Vec::new(); problem.nodes.len()];
    for (index, (claim, share_w)) in problem.claims.iter().zip(shares_w.iter()).enumerate() {
        if let Some(node) = held.by[claim.node]
            && spare[node] > Watts::ZERO
            && *share_w < claim.high_w
            && held.levels[claim.node].is_above_least(claim)
        {
            groups[node].push((claim.tie, index));
        }
    }
    let mut order: Vec<usize> =
        (0..groups.len()).filter(|node| !groups[*node].is_empty()).collect();
    order.sort_by_key(|node| held.levels[*node]);
    for node in order {
        hand_out_at(problem, node, &mut groups[node], &mut spare, shares_w);
    }
}

fn hand_out_at(
    problem: &Problem,
    node: usize,
    group: &mut [(u64, usize)],
    spare: &mut [Watts],
    shares_w: &mut [Watts],
) {
    let watts = usize::try_from(spare[node].0).unwrap_or(0).min(group.len());
    if watts == 0 {
        return;
    }
    // Who is among the first is all that counts, as long as no other budget stands in the way of any of them.
    if watts < group.len() {
        group.select_nth_unstable(watts - 1);
    }
    let mut passed = false;
    for (_, index) in &group[..watts] {
        for above in problem.path(problem.claims[*index].node) {
            spare[above] -= Watts(1);
            passed |= spare[above] < Watts::ZERO;
        }
    }
    if !passed {
        group[..watts].iter().for_each(|(_, index)| shares_w[*index] += Watts(1));
        return;
    }
    for (_, index) in &group[..watts] {
        problem.path(problem.claims[*index].node).for_each(|above| spare[above] += Watts(1));
    }
    group.sort_unstable();
    for (_, index) in group.iter() {
        if problem.take(spare, *index, Watts(1)) {
            shares_w[*index] += Watts(1);
        }
    }
}
