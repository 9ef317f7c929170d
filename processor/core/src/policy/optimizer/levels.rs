//! The level of each node by a series of linear programs.

use microlp::{ComparisonOp, OptimizationDirection, SolveOptions};
use schemas::Watts;

use super::super::{Level, Problem};
use super::Optimizer;

/// Fractions of a level are this fine: as [`Level`].
const LEVEL_UNITS: f64 = 1_048_576.0;
/// A budget counts as used up within so many watts, and a level is taken so much lower, relatively: the solver's
/// rounding never passes a budget, and what it leaves over is handed out in whole watts.
const TIGHT_W: f64 = 1e-3;
const LEVEL_GUARD: f64 = 1e-7;
/// A wish counts as met within so many watts.
const MET_W: f64 = 1e-4;
const MILLI: f64 = 1_000.0;

/// The highest level that each node's budget allows, as water-filling defines it, or why the solver does not say.
pub(super) fn max_min_levels(problem: &Problem, limits: &Optimizer) -> Result<Vec<Level>, String> {
    let count = problem.claims.len();
    if count > limits.claims_max {
        return Err(format!("{count} devices, at most {}", limits.claims_max));
    }
    let mut filling = Filling::of(problem);
    for _ in 0..limits.programs_max {
        if filling.open.is_empty() {
            return Ok(filling.levels);
        }
        let level = filling.highest_common_level()?;
        if !filling.fix_the_satisfied(level) {
            filling.fix_the_held_back(level)?;
        }
    }
    Err(format!("more than {} programs", limits.programs_max))
}

/// What has been fixed, and what is open.
struct Filling<'p> {
    problem: &'p Problem,
    levels: Vec<Level>,
    /// Claims whose share is not fixed yet.
    open: Vec<usize>,
    /// What is left of each budget by those that are.
    left_w: Vec<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "watts and weights are far below 2^53")]
fn float(number: i64) -> f64 {
    number as f64
}

impl<'p> Filling<'p> {
    /// Where even the least of all claims passes a budget they have their least.
    fn of(problem: &'p Problem) -> Self {
        let leasts = problem.sums(|index| problem.claims[index].low_w);
        let short = |node: usize| leasts[node] > problem.nodes[node].budget_w;
        let mut filling = Self {
            problem,
            levels: (0..leasts.len())
                .map(|node| if short(node) { Level::BOTTOM } else { Level::TOP })
                .collect(),
            open: Vec::new(),
            left_w: problem.nodes.iter().map(|node| float(node.budget_w.0)).collect(),
        };
        for (index, claim) in problem.claims.iter().enumerate() {
            if problem.path(claim.node).any(short) || claim.high_w <= claim.low_w {
                filling.fix(index, float(claim.low_w.0));
            } else {
                filling.open.push(index);
            }
        }
        filling
    }

    fn fix(&mut self, index: usize, share_w: f64) {
        let node = self.problem.claims[index].node;
        self.problem.path(node).for_each(|above| self.left_w[above] -= share_w);
    }

    fn weight(&self, index: usize) -> f64 {
        float(self.problem.claims[index].weight_milli) / MILLI
    }

    /// What an open claim takes at a level at least.
    fn at(&self, index: usize, level: f64) -> f64 {
        (level * self.weight(index)).max(float(self.problem.claims[index].low_w.0))
    }

    /// The program: as high a level as possible, everyone open having at least its weight times it. No claim is held to its
    /// wish here, so the level is no higher than the lowest that anyone ends at.
    fn highest_common_level(&self) -> Result<f64, String> {
        let per_weight = |watts: Watts, index: usize| float(watts.0) / self.weight(index);
        let claims = &self.problem.claims;
        let bottom = self.open.iter().map(|index| per_weight(claims[*index].low_w, *index));
        let top = self.open.iter().map(|index| per_weight(claims[*index].high_w, *index));
        let (bottom, top) = (bottom.fold(0.0, f64::min), top.fold(0.0, f64::max));
        let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
        let level = program.add_var(1.0, (bottom, top));
        let mut rows: Vec<Vec<(microlp::Variable, f64)>> = vec![Vec::new(); self.left_w.len()];
        for index in &self.open {
            let share = program.add_var(0.0, (float(claims[*index].low_w.0), f64::INFINITY));
            program.add_constraint(
                [(level, self.weight(*index)), (share, -1.0)],
                ComparisonOp::Le,
                0.0,
            );
            self.problem.path(claims[*index].node).for_each(|node| rows[node].push((share, 1.0)));
        }
        for (row, left) in rows.into_iter().zip(&self.left_w).filter(|(row, _)| !row.is_empty()) {
            program.add_constraint(row, ComparisonOp::Le, *left);
        }
        let solved = program.solve_with(SolveOptions::default());
        let outcome = solved.map_err(|error| format!("the solver failed: {error}"))?;
        let solution = outcome.solution().ok_or("the solver has no answer")?;
        Ok(solution.var_value(level))
    }

    /// Fixes those that wish no more than they have at this level. Says whether there were any.
    fn fix_the_satisfied(&mut self, level: f64) -> bool {
        let wish = |index: usize| float(self.problem.claims[index].high_w.0);
        let (satisfied, open): (Vec<usize>, Vec<usize>) =
            self.open.iter().partition(|index| self.at(**index, level) >= wish(**index) - MET_W);
        let shares: Vec<f64> = satisfied.iter().map(|index| wish(*index)).collect();
        self.open = open;
        satisfied.iter().zip(&shares).for_each(|(index, share)| self.fix(*index, *share));
        !satisfied.is_empty()
    }

    /// Fixes those that stand under a budget that this level uses up.
    fn fix_the_held_back(&mut self, level: f64) -> Result<(), String> {
        let mut taken = vec![0.0; self.left_w.len()];
        for index in &self.open {
            let share = self.at(*index, level);
            let node = self.problem.claims[*index].node;
            self.problem.path(node).for_each(|above| taken[above] += share);
        }
        let tight: Vec<bool> =
            taken.iter().zip(&self.left_w).map(|(taken, left)| *taken >= left - TIGHT_W).collect();
        let is_held = |index: &usize| {
            self.problem.path(self.problem.claims[*index].node).any(|node| tight[node])
        };
        let (held, open): (Vec<usize>, Vec<usize>) =
            self.open.iter().partition(|index| is_held(index));
        if held.is_empty() {
            return Err("no budget is used up at the highest level".to_owned());
        }
        for index in &held {
            let node = self.problem.claims[*index].node;
            for above in self.problem.path(node).filter(|above| tight[*above]) {
                self.levels[above] = self.levels[above].min(whole(level));
            }
        }
        let shares: Vec<f64> = held.iter().map(|index| self.at(*index, level)).collect();
        self.open = open;
        held.iter().zip(&shares).for_each(|(index, share)| self.fix(*index, *share));
        Ok(())
    }
}

/// The one place at which the solver's numbers become integers.
#[expect(clippy::cast_possible_truncation, reason = "a level is far below 2^63 units")]
fn whole(level: f64) -> Level {
    let guarded = level - level.abs() * LEVEL_GUARD;
    Level((guarded * LEVEL_UNITS).floor() as i64)
}
