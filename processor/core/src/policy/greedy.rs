//! What policies have in common that serve claims one after the other, each as far as the budgets above it go.

use schemas::Watts;

use super::{Policy, Problem, Shares, WaterFill};

/// What everyone has before anything is handed out: nothing, or the least it may get where that is more. Where even that
/// passes a budget, storage gives power back, in shares of the default policy: nobody discharges for another's wish.
pub(super) fn base(problem: &Problem) -> Shares {
    let mut modest = problem.clone();
    for claim in &mut modest.claims {
        claim.high_w = claim.high_w.min(claim.low_w.max(Watts::ZERO)).max(claim.low_w);
    }
    WaterFill.allocate(&modest)
}

/// Shares under construction.
pub(super) struct Serving<'p> {
    problem: &'p Problem,
    shares: Shares,
    spare: Vec<Watts>,
}

impl<'p> Serving<'p> {
    pub(super) fn new(problem: &'p Problem) -> Self {
        let shares = base(problem);
        let spare = problem.spare(|claim| shares.shares_w[claim]);
        Self { problem, shares, spare }
    }

    /// What is left at the root.
    pub(super) fn left_w(&self) -> Watts {
        self.spare.first().copied().unwrap_or_default().max(Watts::ZERO)
    }

    /// Gives a claim as much as it can still take, as the budgets above it allow, and as `most_w` says. Returns how much.
    pub(super) fn serve(&mut self, index: usize, most_w: Watts) -> Watts {
        let claim = &self.problem.claims[index];
        let wish = claim.high_w - self.shares.shares_w[index];
        let room =
            self.problem.path(claim.node).map(|node| self.spare[node]).min().unwrap_or_default();
        let given = wish.min(room).min(most_w).max(Watts::ZERO);
        if given > Watts::ZERO {
            self.shares.shares_w[index] += given;
            self.problem.path(claim.node).for_each(|node| self.spare[node] -= given);
        }
        given
    }

    /// The shares, with what binds: budgets that are used up while someone below wants more. The level there is the mean
    /// per unit of weight. One more watt goes to the first in `order` that wants it.
    pub(super) fn finish(mut self, order: &[usize]) -> Shares {
        let Self { problem, shares, spare } = &mut self;
        let hungry = |index: usize| shares.shares_w[index] < problem.claims[index].high_w;
        let unserved = problem.totals(|index| i64::from(hungry(index)));
        let weights = problem.totals(|index| problem.claims[index].weight_milli);
        let sums = problem.sums(|index| shares.shares_w[index]);
        let binds: Vec<bool> = spare
            .iter()
            .zip(&unserved)
            .map(|(spare, unserved)| *spare <= Watts::ZERO && *unserved > 0)
            .collect();
        for node in (0..problem.nodes.len()).filter(|node| binds[*node]) {
            // Where storage gives power back the level of that stands already, and is negative.
            let mean = sums[node].scaled(1_000, weights[node].max(1));
            shares.levels_w[node] = shares.levels_w[node].or(Some(mean));
        }
        let mut next = vec![true; problem.nodes.len()];
        let mut growth = vec![0; problem.claims.len()];
        for index in order.iter().copied().filter(|index| hungry(*index)) {
            let at = problem.path(problem.claims[index].node).find(|node| binds[*node]);
            if let Some(node) = at {
                growth[index] = i64::from(std::mem::take(&mut next[node]));
            }
        }
        shares.growth = growth;
        self.shares
    }
}
