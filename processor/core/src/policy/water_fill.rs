//! Weighted max-min fairness on a tree, exact in integer watts.
//!
//! A claim's share at level λ is `clamp(λ · weight, low, high)`. A node takes what its claims and children take at λ, but no
//! more than its budget. The root's level is the highest that its budget allows; a child that takes its whole budget before
//! that has a lower level of its own. Watts left over by rounding go out one by one in hash order.
//! (Progressive filling: Bertsekas and Gallager, Data Networks, 2nd ed., §6.5.2; nested budgets as in hierarchical
//! link sharing.)
//! Each level is found by bisection over a fixed number of bits, so the cost is linear in claims times depth.

use super::{Level, Policy, Problem, Shares};

/// The default policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaterFill;

impl Policy for WaterFill {
    fn name(&self) -> &'static str {
        "water-fill"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let tree = Index::of(problem);
        let mut levels = vec![Level::TOP; problem.nodes.len()];
        let mut binds = vec![false; problem.nodes.len()];
        // Parents stand before children, so a node's ceiling is known when its turn comes.
        for node in 0..problem.nodes.len() {
            let ceiling = problem.nodes[node].parent.map_or(Level::TOP, |parent| levels[parent]);
            let level = tree.level(problem, node, ceiling);
            binds[node] = level < ceiling;
            levels[node] = level;
        }
        let mut shares_w: Vec<i64> =
            problem.claims.iter().map(|claim| levels[claim.node].share(claim)).collect();
        hand_out_spare(problem, &levels, &binds, &mut shares_w);
        let levels_w =
            levels.iter().zip(&binds).map(|(level, binds)| binds.then(|| level.watts())).collect();
        Shares { shares_w, levels_w, ..Shares::default() }
    }
}

/// Claims and children by node, and the most that the claims under each node can take.
struct Index {
    claims: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
    /// The node's budget; where even the least of all claims passes it, that least.
    ceilings: Vec<i64>,
}

impl Index {
    fn of(problem: &Problem) -> Self {
        let mut claims = vec![Vec::new(); problem.nodes.len()];
        let mut children = vec![Vec::new(); problem.nodes.len()];
        for (index, claim) in problem.claims.iter().enumerate() {
            claims[claim.node].push(index);
        }
        for (index, node) in problem.nodes.iter().enumerate() {
            if let Some(parent) = node.parent {
                children[parent].push(index);
            }
        }
        let leasts = problem.sums(|index| problem.claims[index].low_w);
        let ceilings = problem
            .nodes
            .iter()
            .zip(leasts)
            .map(|(node, least)| node.budget_w.max(least))
            .collect();
        Self { claims, children, ceilings }
    }

    /// What the claims under a node take at a level, each node capped by its own budget.
    fn taken(&self, problem: &Problem, node: usize, level: Level) -> i64 {
        let own: i64 =
            self.claims[node].iter().map(|index| level.share(&problem.claims[*index])).sum();
        let below: i64 = self.children[node]
            .iter()
            .map(|child| self.taken(problem, *child, level).min(self.ceilings[*child]))
            .sum();
        own.saturating_add(below)
    }

    /// The highest level up to `ceiling` at which the node's budget is kept; the bottom where none is.
    fn level(&self, problem: &Problem, node: usize, ceiling: Level) -> Level {
        let budget = problem.nodes[node].budget_w;
        if self.taken(problem, node, ceiling) <= budget {
            return ceiling;
        }
        let (mut low, mut high) = (Level::BOTTOM.0, ceiling.0);
        // Invariant: the budget is kept at `low` (or nothing can be done) and passed at `high`.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.taken(problem, node, Level(middle)) <= budget {
                low = middle;
            } else {
                high = middle;
            }
        }
        Level(low)
    }
}

/// Gives the watts that rounding left over, one each, to claims under nodes that bind: the lowest level first (what a
/// node left over belongs to its own claims), in hash order within it.
fn hand_out_spare(problem: &Problem, levels: &[Level], binds: &[bool], shares_w: &mut [i64]) {
    let sums = problem.sums(|index| shares_w[index]);
    let mut spare: Vec<i64> = problem
        .nodes
        .iter()
        .zip(&sums)
        .map(|(node, sum)| node.budget_w.saturating_sub(*sum))
        .collect();
    let bound = bound_nodes(problem, binds);
    let mut order: Vec<usize> = (0..problem.claims.len())
        .filter(|index| {
            let claim = &problem.claims[*index];
            bound[claim.node] && shares_w[*index] < claim.high_w && shares_w[*index] > claim.low_w
        })
        .collect();
    order.sort_unstable_by_key(|index| {
        let claim = &problem.claims[*index];
        (levels[claim.node], claim.tie, *index)
    });
    for index in order {
        let path = || {
            std::iter::successors(Some(problem.claims[index].node), |node| {
                problem.nodes[*node].parent
            })
        };
        if path().all(|node| spare[node] > 0) {
            shares_w[index] += 1;
            path().for_each(|node| spare[node] -= 1);
        }
    }
}

/// Whether a budget binds at the node or above it.
fn bound_nodes(problem: &Problem, binds: &[bool]) -> Vec<bool> {
    let mut bound = binds.to_vec();
    for (index, node) in problem.nodes.iter().enumerate() {
        bound[index] = bound[index] || node.parent.is_some_and(|parent| bound[parent]);
    }
    bound
}

#[cfg(test)]
mod tests;
