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

use self::solve::{Slope, level_of};
use super::{Level, Policy, Problem, Shares};

/// The default policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaterFill;

impl Policy for WaterFill {
    fn name(&self) -> &'static str {
        "water-fill"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        shares_at(problem, &own_levels(problem))
    }
}

/// The shares at the highest level that each node's own budget allows.
pub(super) fn shares_at(problem: &Problem, own: &[Level]) -> Shares {
    let mut levels = own.to_vec();
    let mut binds = vec![false; problem.nodes.len()];
    // Parents stand before children, so a node's ceiling is known when its turn comes.
    for (node, place) in problem.nodes.iter().enumerate() {
        let ceiling = place.parent.map_or(Level::TOP, |parent| levels[parent]);
        binds[node] = own[node] < ceiling;
        levels[node] = own[node].min(ceiling);
    }
    let mut shares_w: Vec<i64> =
        problem.claims.iter().map(|claim| levels[claim.node].share(claim)).collect();
    spare::hand_out(problem, &levels, &mut shares_w);
    let levels_w =
        levels.iter().zip(&binds).map(|(level, binds)| binds.then(|| level.watts())).collect();
    Shares { shares_w, levels_w, ..Shares::default() }
}

/// For each node the highest level that its budget allows the claims under it, those being held back already by nodes
/// below; the top where the budget does not bind, the bottom where even the least of all claims passes it.
fn own_levels(problem: &Problem) -> Vec<Level> {
    let subtrees = Subtrees::of(problem);
    let mut slopes = subtrees.slopes(problem);
    let mut most: Vec<i128> = vec![0; problem.nodes.len()];
    let mut least: Vec<i128> = vec![0; problem.nodes.len()];
    for claim in &problem.claims {
        most[claim.node] += i128::from(claim.high_w.max(claim.low_w)) * Level::WATT;
        least[claim.node] += i128::from(claim.low_w) * Level::WATT;
    }
    let mut levels = vec![Level::TOP; problem.nodes.len()];
    let mut scratch = Vec::new();
    for node in (0..problem.nodes.len()).rev() {
        let budget = i128::from(problem.nodes[node].budget_w) * Level::WATT;
        if most[node] > budget {
            let under = &mut slopes[subtrees.range(node)];
            levels[node] = if least[node] > budget {
                Level::BOTTOM
            } else {
                level_of(under, budget, &mut scratch)
            };
            under.iter_mut().for_each(|slope| slope.cap(levels[node]));
            most[node] = under.iter().map(|slope| slope.high).sum();
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
    fn of(problem: &Problem) -> Self {
        let nodes = &problem.nodes;
        let mut own = vec![0; nodes.len()];
        for claim in &problem.claims {
            own[claim.node] += 1;
        }
        let mut count = own.clone();
        for node in (0..nodes.len()).rev() {
            if let Some(parent) = nodes[node].parent {
                count[parent] += count[node];
            }
        }
        let mut start = vec![0; nodes.len()];
        let mut next = vec![0; nodes.len()];
        for node in 0..nodes.len() {
            if let Some(parent) = nodes[node].parent {
                start[node] = next[parent];
                next[parent] += count[node];
            }
            next[node] = start[node] + own[node];
        }
        Self { start, count }
    }

    fn range(&self, node: usize) -> std::ops::Range<usize> {
        self.start[node]..self.start[node] + self.count[node]
    }

    fn slopes(&self, problem: &Problem) -> Vec<Slope> {
        let mut slopes = vec![Slope::default(); problem.claims.len()];
        let mut next = self.start.clone();
        for claim in &problem.claims {
            slopes[next[claim.node]] = Slope::of(claim);
            next[claim.node] += 1;
        }
        slopes
    }
}

#[cfg(test)]
mod tests;
