//! Weighted max-min fairness on a tree, exact in integer watts.
//!
//! A claim's share at level λ is `clamp(λ · weight, low, high)`. From the leaves up each node finds the highest level that its
//! own budget allows, its claims being capped already at what the nodes below it allow; from the root down a claim's level
//! is the lowest on its way. Watts left over by rounding go out one by one in hash order.
//! (Progressive filling: Bertsekas and Gallager, Data Networks, 2nd ed., §6.5.2; nested budgets as in hierarchical
//! link sharing.)
//! A level is found in [`solve`] in time linear in its claims, so the cost is claims times depth, and a sort for the hash order.

mod solve;
mod spare;

use schemas::Watts;

use self::solve::{Slope, level_of};
use self::spare::Held;
use super::{Level, Policy, Problem, Shares};

/// The default policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaterFill;

impl Policy for WaterFill {
    fn name(&self) -> &'static str {
        "water-fill"
    }

    fn is_max_min(&self) -> bool {
        true
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        shares_at(problem, &own_levels(problem))
    }
}

/// The shares at the highest level that each node's own budget allows.
pub(super) fn shares_at(problem: &Problem, own: &[Level]) -> Shares {
    if own.iter().all(|level| *level == Level::TOP) {
        let shares_w = problem.claims.iter().map(|claim| claim.high_w.max(claim.low_w)).collect();
        return Shares { shares_w, levels_w: vec![None; own.len()], ..Shares::default() };
    }
    let mut levels = own.to_vec();
    let mut by: Vec<Option<usize>> = vec![None; own.len()];
    // Parents stand before children, so a node's ceiling is known when its turn comes.
    for (node, place) in problem.nodes.iter().enumerate() {
        let ceiling = place.parent.map_or(Level::TOP, |parent| levels[parent]);
        if own[node] < ceiling {
            by[node] = Some(node);
        } else {
            levels[node] = ceiling;
            by[node] = place.parent.and_then(|parent| by[parent]);
        }
    }
    let mut shares_w: Vec<Watts> =
        problem.claims.iter().map(|claim| levels[claim.node].share(claim)).collect();
    spare::hand_out(problem, &Held { levels: &levels, by: &by }, &mut shares_w);
    let binds = |node: usize| (by[node] == Some(node)).then(|| levels[node].watts());
    let levels_w = (0..own.len()).map(binds).collect();
    Shares { shares_w, levels_w, ..Shares::default() }
}

/// For each node the highest level that its budget allows the claims under it, those being held back already by nodes
/// below; the top where the budget does not bind, the bottom where even the least of all claims passes it.
fn own_levels(problem: &Problem) -> Vec<Level> {
    let mut most: Vec<i128> = vec![0; problem.nodes.len()];
    let mut least: Vec<i128> = vec![0; problem.nodes.len()];
    for claim in &problem.claims {
        let slope = Slope::of(claim);
        most[claim.node] += i128::from(slope.high);
        least[claim.node] += i128::from(slope.low);
    }
    let mut levels = vec![Level::TOP; problem.nodes.len()];
    // Laid out when the first budget binds: often none does.
    let mut laid_out: Option<(Subtrees, Vec<Slope>)> = None;
    let mut scratch = Vec::new();
    for node in (0..problem.nodes.len()).rev() {
        let budget = i128::from(problem.nodes[node].budget_w.0) * i128::from(Level::WATT);
        if most[node] > budget {
            let (subtrees, slopes) = laid_out.get_or_insert_with(|| Subtrees::of(problem));
            let under = &mut slopes[subtrees.range(node)];
            levels[node] = if least[node] > budget {
                Level::BOTTOM
            } else {
                level_of(under, budget, &mut scratch)
            };
            most[node] = 0;
            for slope in under {
                slope.cap(levels[node]);
                most[node] += i128::from(slope.high);
            }
        }
        if let Some(parent) = problem.nodes[node].parent {
            most[parent] += most[node];
            least[parent] += least[node];
        }
    }
    levels
}

/// Claims in an order in which those under any one node stand side by side: a node's own first, then those of its children.
struct Subtrees {
    start: Vec<usize>,
    count: Vec<usize>,
}

impl Subtrees {
    /// The order, and the claims in it.
    fn of(problem: &Problem) -> (Self, Vec<Slope>) {
        let nodes = &problem.nodes;
        let mut own = vec![0; nodes.len()];
        for claim in &problem.claims {
            own[claim.node] += 1;
        }
        let mut count = own.clone();
        problem.roll_up(&mut count, |above, below| *above += below);
        let mut start = vec![0; nodes.len()];
        let mut next = vec![0; nodes.len()];
        for node in 0..nodes.len() {
            if let Some(parent) = nodes[node].parent {
                start[node] = next[parent];
                next[parent] += count[node];
            }
            next[node] = start[node] + own[node];
        }
        let mut slopes = vec![Slope::default(); problem.claims.len()];
        let mut next = start.clone();
        for claim in &problem.claims {
            slopes[next[claim.node]] = Slope::of(claim);
            next[claim.node] += 1;
        }
        (Self { start, count }, slopes)
    }

    fn range(&self, node: usize) -> std::ops::Range<usize> {
        self.start[node]..self.start[node] + self.count[node]
    }
}

#[cfg(test)]
mod tests;
