//! The ladder for limits that are hard to meet (G14): trim, pause flexible load, guaranteed minima only, below what
//! fallbacks would take, alarm.

use schemas::records::decision::Rung;

use super::NodePlan;
use super::import::Import;
use crate::policy::{Policy, Problem, Shares};

impl Import {
    /// Shares by the policy; where not even the guaranteed minima fit (what devices take when their leases lapse), shares
    /// below them, so that the limit holds at least while messages arrive. Nodes above go on counting the minima.
    pub(super) fn share(&self, policy: &dyn Policy, problem: &Problem) -> Shares {
        let mut shares = policy.allocate(problem);
        let guaranteed = problem.sums(|claim| problem.claims[claim].low_w);
        let mut short: Vec<bool> =
            problem.nodes.iter().zip(&guaranteed).map(|(node, sum)| *sum > node.budget_w).collect();
        if !short.contains(&true) {
            return shares;
        }
        for (node, place) in problem.nodes.iter().enumerate() {
            short[node] |= place.parent.is_some_and(|parent| short[parent]);
        }
        let mut squeezed = problem.clone();
        for (index, claim) in squeezed.claims.iter_mut().enumerate() {
            (claim.low_w, claim.high_w) = if short[claim.node] {
                (self.bare_low(problem, index), claim.low_w)
            } else {
                (shares.shares_w[index], shares.shares_w[index])
            };
        }
        let below = policy.allocate(&squeezed);
        for (node, level) in below.levels_w.iter().enumerate() {
            // Whoever gets less than it wants below a node that is short is held by that, whatever else binds.
            shares.levels_w[node] =
                match (short[node], guaranteed[node] > problem.nodes[node].budget_w) {
                    (_, true) => level.or(shares.levels_w[node]).or(Some(0)),
                    (true, false) => *level,
                    (false, false) => shares.levels_w[node],
                };
        }
        shares.shares_w = below.shares_w;
        shares
    }

    /// The least that a claim can be where its lease is kept alive: less than what is set aside for its fallback, but
    /// not less than what a device takes that does not follow.
    fn bare_low(&self, problem: &Problem, claim: usize) -> i64 {
        let low_w = problem.claims[claim].low_w;
        let bounds = self.bounds[claim];
        if low_w == bounds.counted_low_w { bounds.low_w } else { low_w }
    }

    /// For each node: its level, the rung it stands on, and the watts that are missing.
    pub(super) fn node_plans(&self, shares: &Shares, told_w: &[i64]) -> Vec<NodePlan> {
        let claims = &self.problem.claims;
        let count =
            |counts: &dyn Fn(usize) -> bool| self.problem.sums(|claim| i64::from(counts(claim)));
        let guaranteed = self.problem.sums(|claim| claims[claim].low_w);
        let least = self.problem.sums(|claim| self.bare_low(&self.problem, claim));
        let minima = count(&|claim| claims[claim].low_w != 0);
        let above = count(&|claim| shares.shares_w[claim] > claims[claim].low_w);
        let paused = count(&|claim| self.bounds[claim].high_w > 0 && told_w[claim] <= 0);
        let nodes = self.problem.nodes.iter().enumerate();
        nodes
            .map(|(node, place)| {
                let level = shares.levels_w[node];
                let short = |least: &[i64]| (least[node] - place.budget_w).max(0);
                let (unmet_w, rung) = match () {
                    () if short(&least) > 0 => (short(&least), Rung::Alarm),
                    () if short(&guaranteed) > 0 => (short(&guaranteed), Rung::Fallback),
                    () if level.is_none() => (0, Rung::Normal),
                    () if above[node] == 0 && minima[node] > 0 => (0, Rung::Minimum),
                    () if paused[node] > 0 => (0, Rung::Pause),
                    () => (0, Rung::Trim),
                };
                NodePlan { water_level_w: level, unmet_w, rung }
            })
            .collect()
    }
}
