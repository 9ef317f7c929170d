//! Shares by linear programming, and who runs by mixed-integer programming.
//!
//! Shares are weighted max-min fair, as the default policy's: the lowest level is raised as far as a linear program
//! allows, then the next one with the first fixed, and so on (lexicographic max-min by a series of linear programs:
//! W. Ogryczak and T. Śliwiński, On solving linear programs with the ordered weighted averaging objective, EJOR 148, 2003).
//! What it does better is the choice among devices with a smallest running power, where taking turns leaves headroom
//! unused: it runs the set that is owed most energy, of all sets that fit every budget (max-weight scheduling: Tassiulas and
//! Ephremides, IEEE Transactions on Automatic Control 37, 1992).
//!
//! Time is bounded by counts, never by a clock, so that a replay gives the same bytes: claims, linear programs per
//! allocation, and branches per choice. Beyond them the default policy stands in, and the record says so. The solver
//! computes with IEEE 754 doubles, in one order, without fused operations; its answers become whole watts here, at one place,
//! and are checked against the budgets in integers before they count.

mod choose;
mod levels;

use self::levels::max_min_levels;
use super::{Choice, Contest, Policy, Problem, Shares, WaterFill, water_fill};

/// Shares by linear programming.
#[derive(Debug, Clone, Copy)]
pub struct Optimizer {
    /// Most claims that it takes on; and most contenders for running.
    pub claims_max: usize,
    /// Most linear programs per allocation.
    pub programs_max: usize,
    /// Most branches of the search for who runs.
    pub branches_max: u64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self { claims_max: 256, programs_max: 128, branches_max: 1_000 }
    }
}

impl Policy for Optimizer {
    fn name(&self) -> &'static str {
        "optimizer"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let solved = max_min_levels(problem, self).and_then(|levels| {
            let shares = water_fill::shares_at(problem, &levels);
            let leasts = problem.sums(|index| problem.claims[index].low_w);
            let sums = problem.sums(|index| shares.shares_w[index]);
            let fits = problem.nodes.iter().zip(leasts).zip(sums);
            let fits = fits
                .fold(true, |fits, ((node, least), sum)| fits && sum <= node.budget_w.max(least));
            if fits { Ok(shares) } else { Err("the solver's answer passes a budget".to_owned()) }
        });
        solved.unwrap_or_else(|why| Shares {
            stood_in: Some(format!("water-fill stands in for the optimizer: {why}")),
            ..WaterFill.allocate(problem)
        })
    }

    fn choose(&self, problem: &Problem, contest: &Contest) -> Choice {
        choose::most_owed(problem, contest, self).unwrap_or_else(|why| Choice {
            stood_in: Some(format!("turns stand in for the optimizer: {why}")),
            ..contest.in_turn(problem)
        })
    }
}

#[cfg(test)]
mod tests;
