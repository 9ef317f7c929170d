//! The ladder for limits that are hard to meet (G14): trim, pause flexible load, guaranteed minima only, below what
//! fallbacks would take, alarm.

use schemas::Watts;
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
                    (_, true) => level.or(shares.levels_w[node]).or(Some(Watts::ZERO)),
                    (true, false) => *level,
                    (false, false) => shares.levels_w[node],
                };
        }
        shares.shares_w = below.shares_w;
        shares
    }

    /// The least that a claim can be where its lease is kept alive: less than what is set aside for its fallback, but
    /// not less than what a device takes that does not follow.
    fn bare_low(&self, problem: &Problem, claim: usize) -> Watts {
        let low_w = problem.claims[claim].low_w;
        let terms = self.terms[claim];
        let takes_it_anyhow = terms.stuck && low_w == terms.floor_w;
        if low_w == terms.counted_low_w && !takes_it_anyhow { terms.told.least } else { low_w }
    }

    /// For each node: its level, the rung it stands on, and the watts that are missing.
    pub(super) fn node_plans(&self, shares: &Shares, told_w: &[Watts]) -> Vec<NodePlan> {
        let below = self.below(shares, told_w);
        let nodes = self.problem.nodes.iter().enumerate();
        nodes
            .map(|(node, place)| {
                let level = shares.levels_w[node];
                let below = below[node];
                let short = |least_w: Watts| (least_w - place.budget_w).max(Watts::ZERO);
                let (unmet_w, rung) = match () {
                    () if short(below.least_w) > Watts::ZERO => (short(below.least_w), Rung::Alarm),
                    () if short(below.guaranteed_w) > Watts::ZERO => {
                        (short(below.guaranteed_w), Rung::Fallback)
                    }
                    () if level.is_none() => (Watts::ZERO, Rung::Normal),
                    () if below.above == 0 && below.minima > 0 => (Watts::ZERO, Rung::Minimum),
                    () if below.paused > 0 => (Watts::ZERO, Rung::Pause),
                    () => (Watts::ZERO, Rung::Trim),
                };
                NodePlan { water_level_w: level.map(stood_at), unmet_w, rung }
            })
            .collect()
    }

    /// What stands under each node.
    fn below(&self, shares: &Shares, told_w: &[Watts]) -> Vec<Below> {
        let mut all = vec![Below::default(); self.problem.nodes.len()];
        for (index, claim) in self.problem.claims.iter().enumerate() {
            all[claim.node].add(Below {
                guaranteed_w: claim.low_w,
                least_w: self.bare_low(&self.problem, index),
                minima: usize::from(claim.low_w != Watts::ZERO),
                above: usize::from(shares.shares_w[index] > claim.low_w),
                paused: usize::from(
                    self.terms[index].told.most > Watts::ZERO && told_w[index] <= Watts::ZERO,
                ),
            });
        }
        self.problem.roll_up(&mut all, Below::add);
        all
    }
}

/// Sums and counts of claims.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    guaranteed_w: Watts,
    /// Where leases are kept alive.
    least_w: Watts,
    /// Claims with a guaranteed minimum, claims that get more than that, and claims that get nothing.
    minima: usize,
    above: usize,
    paused: usize,
}

impl Below {
    fn add(&mut self, other: Self) {
        self.guaranteed_w += other.guaranteed_w;
        self.least_w += other.least_w;
        self.minima += other.minima;
        self.above += other.above;
        self.paused += other.paused;
    }
}

/// The level as people read it: where not even what each device cannot go below fits, there is no water, which the solver
/// says by its lowest number.
fn stood_at(level_w: Watts) -> Watts {
    if level_w == Level::BOTTOM.watts() { Watts::ZERO } else { level_w }
}
