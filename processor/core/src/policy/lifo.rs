//! Last come, last served: who has wanted power for longest gets all it wishes, the one that came last is cut first.
//!
//! A device comes when it begins to want power: heard for the first time, or below its target again. Of those that came
//! in the same window the one with the smaller id was first. (Queue discipline of many charging sites; the name is that
//! of the cut: last in, first out.)

use schemas::Watts;

use super::greedy::Serving;
use super::{Policy, Problem, Shares};

/// Serves in order of arrival.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lifo;

impl Policy for Lifo {
    fn name(&self) -> &'static str {
        "lifo"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let mut order: Vec<usize> = (0..problem.claims.len()).collect();
        order.sort_unstable_by_key(|index| (problem.claims[*index].since, *index));
        let mut serving = Serving::new(problem);
        for index in &order {
            serving.serve(*index, Watts::MAX);
        }
        serving.finish(&order)
    }
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;

    use super::super::Claim;
    use super::super::tests::{claim, flat, plain, tree};
    use super::*;

    fn came(at: i64, high_w: i64) -> Claim {
        Claim { since: Timestamp(at), ..claim(0, 0, high_w) }
    }

    #[track_caller]
    fn check(budget_w: i64, claims: &[Claim], expected: &[i64]) {
        assert_eq!(plain(&Lifo.allocate(&flat(budget_w, claims.to_vec())).shares_w), expected);
    }

    #[test]
    fn the_last_that_came_is_cut_first() {
        check(9_000, &[came(3, 5_000), came(1, 5_000), came(2, 5_000)], &[0, 5_000, 4_000]);
        check(4_000, &[came(3, 5_000), came(1, 5_000), came(2, 5_000)], &[0, 4_000, 0]);
        check(99_000, &[came(3, 5_000), came(1, 5_000)], &[5_000, 5_000]);
        check(6_000, &[came(1, 5_000), came(1, 5_000)], &[5_000, 1_000]);
        check(-1, &[came(1, 5_000)], &[0]);
    }

    #[test]
    fn a_full_feeder_inside_the_tree_stops_nobody_elsewhere() {
        let mut problem = tree(
            &[(None, 10_000), (Some(0), 2_000)],
            vec![
                Claim { node: 1, ..came(1, 5_000) },
                came(2, 5_000),
                Claim { node: 1, ..came(3, 5_000) },
            ],
        );
        let shares = Lifo.allocate(&problem);
        assert_eq!(plain(&shares.shares_w), [2_000, 5_000, 0]);
        assert_eq!(shares.levels_w.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
        assert_eq!(shares.growth, [1, 0, 0], "one more watt is for the first in line");
        problem.nodes[0].budget_w = Watts(2_500);
        assert_eq!(plain(&Lifo.allocate(&problem).shares_w), [2_000, 500, 0]);
    }
}
