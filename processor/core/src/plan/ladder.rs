//! The ladder for limits that are hard to meet (G14): trim, pause flexible load, guaranteed minima only, below what
//! fallbacks would take, alarm.

use schemas::records::decision::Rung;

use super::NodePlan;
use super::import::Import;
use crate::policy::{Level, Policy, Problem, Shares};

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
        let takes_it_anyhow = bounds.stuck && low_w == bounds.floor_w;
        if low_w == bounds.counted_low_w && !takes_it_anyhow { bounds.low_w } else { low_w }
    }

    /// For each node: its level, the rung it stands on, and the watts that are missing.
    pub(super) fn node_plans(&self, shares: &Shares, told_w: &[i64]) -> Vec<NodePlan> {
        let below = self.below(shares, told_w);
        let nodes = self.problem.nodes.iter().enumerate();
        nodes
            .map(|(node, place)| {
                let level = shares.levels_w[node];
                let below = below[node];
                let short = |least_w: i64| least_w.saturating_sub(place.budget_w).max(0);
                let (unmet_w, rung) = match () {
                    () if short(below.least_w) > 0 => (short(below.least_w), Rung::Alarm),
                    () if short(below.guaranteed_w) > 0 => {
                        (short(below.guaranteed_w), Rung::Fallback)
                    }
                    () if level.is_none() => (0, Rung::Normal),
                    () if below.above == 0 && below.minima > 0 => (0, Rung::Minimum),
                    () if below.paused > 0 => (0, Rung::Pause),
                    () => (0, Rung::Trim),
                };
                NodePlan { water_level_w: level.map(stood_at), unmet_w, rung }
            })
            .collect()
    }

    /// What stands under each node.
    fn below(&self, shares: &Shares, told_w: &[i64]) -> Vec<Below> {
        let mut all = vec![Below::default(); self.problem.nodes.len()];
        for (index, claim) in self.problem.claims.iter().enumerate() {
            all[claim.node].add(Below {
                guaranteed_w: claim.low_w,
                least_w: self.bare_low(&self.problem, index),
                minima: usize::from(claim.low_w != 0),
                above: usize::from(shares.shares_w[index] > claim.low_w),
                paused: usize::from(self.bounds[index].high_w > 0 && told_w[index] <= 0),
            });
        }
        self.problem.roll_up(&mut all, Below::add);
        all
    }
}

/// Sums and counts of claims.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    guaranteed_w: i64,
    /// Where leases are kept alive.
    least_w: i64,
    /// Claims with a guaranteed minimum, claims that get more than that, and claims that get nothing.
    minima: usize,
    above: usize,
    paused: usize,
}

impl Below {
    fn add(&mut self, other: Self) {
        self.guaranteed_w = self.guaranteed_w.saturating_add(other.guaranteed_w);
        self.least_w = self.least_w.saturating_add(other.least_w);
        self.minima += other.minima;
        self.above += other.above;
        self.paused += other.paused;
    }
}

/// The level as people read it: where not even what each device cannot go below fits, there is no water, which the solver
/// says by its lowest number.
fn stood_at(level_w: i64) -> i64 {
    if level_w == Level::BOTTOM.watts() { 0 } else { level_w }
}
