//! Who runs: the set that is owed most, of those that fit.

use microlp::{ComparisonOp, OptimizationDirection, SolveOptions};
use schemas::Watts;

use super::super::{Choice, Contest, Problem};
use super::Optimizer;

/// The set of contenders that is owed most together, or why the solver does not say. Those that have just begun to run go
/// on, and those that rest come last, in turn.
pub(super) fn most_owed(
    problem: &Problem,
    contest: &Contest,
    limits: &Optimizer,
) -> Result<Choice, String> {
    let contenders = &contest.contenders;
    if contenders.len() > limits.claims_max {
        return Err(format!("{} contenders, at most {}", contenders.len(), limits.claims_max));
    }
    let mut free_w = contest.free_w.clone();
    let mut runs = vec![false; contenders.len()];
    let stage = |rests: bool, held: bool| {
        let members = contenders.iter().enumerate();
        members.filter(move |(_, who)| who.rests == rests && who.held == held)
    };
    for (place, who) in stage(false, true) {
        runs[place] = who.take(problem, &mut free_w);
    }
    for place in
        solve(problem, &free_w, stage(false, false).map(|(place, _)| place), contest, limits)?
    {
        runs[place] = contenders[place].take(problem, &mut free_w);
        if !runs[place] {
            return Err("the solver's answer passes a budget".to_owned());
        }
    }
    for (place, who) in stage(true, false).chain(stage(true, true)) {
        runs[place] = who.take(problem, &mut free_w);
    }
    Ok(Choice { runs, stood_in: None })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the weights of a choice; the choice is checked in integers"
)]
fn solve(
    problem: &Problem,
    free_w: &[Watts],
    places: impl Iterator<Item = usize>,
    contest: &Contest,
    limits: &Optimizer,
) -> Result<Vec<usize>, String> {
    let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
    let mut rows: Vec<Vec<(microlp::Variable, f64)>> = vec![Vec::new(); free_w.len()];
    let mut variables = Vec::new();
    for place in places {
        let who = &contest.contenders[place];
        // What it is owed, and what it would take in a turn: where nobody is owed anything most power runs.
        let worth = who.owed_wms.max(0).saturating_add(who.min_w.0.saturating_mul(contest.turn_ms));
        let runs = program.add_binary_var(worth as f64 / contest.turn_ms.max(1) as f64);
        problem
            .path(problem.claims[who.claim].node)
            .for_each(|node| rows[node].push((runs, who.min_w.0 as f64)));
        variables.push((place, runs));
    }
    if variables.is_empty() {
        return Ok(Vec::new());
    }
    for (row, free) in rows.into_iter().zip(free_w).filter(|(row, _)| !row.is_empty()) {
        program.add_constraint(row, ComparisonOp::Le, free.max(&Watts::ZERO).0 as f64);
    }
    let mut options = SolveOptions::default();
    options.node_limit = Some(limits.branches_max);
    let solved = program.solve_with(options);
    let outcome = solved.map_err(|error| format!("the solver failed: {error}"))?;
    let solution = outcome.solution().filter(|_| outcome.is_optimal());
    let solution = solution.ok_or(format!("more than {} branches", limits.branches_max))?;
    Ok(variables
        .iter()
        .filter(|(_, runs)| solution.var_value(*runs) > 0.5)
        .map(|(place, _)| *place)
        .collect())
}
