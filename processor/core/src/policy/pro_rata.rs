//! Everyone is cut in proportion to what it wishes: the same part of every wish, down the tree where a budget is tighter.
//!
//! Who wishes more gets more; weights do not count. (The proportional rule for claims, in O'Neill's sense: B. O'Neill,
//! A problem of rights arbitration from the Talmud, Mathematical Social Sciences 2, 1982.)
//! With shares written as `base + λ · wish` it is water-filling with wishes for weights, which gives the tree for free.

use schemas::Watts;

use super::{Policy, Problem, Shares, WaterFill, greedy};

/// Cuts in proportion to the wish.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProRata;

impl Policy for ProRata {
    fn name(&self) -> &'static str {
        "pro-rata"
    }

    /// The level is in thousandths of the wish.
    fn allocate(&self, problem: &Problem) -> Shares {
        let base = greedy::base(problem);
        let mut above = problem.clone();
        for (node, spare) in above.nodes.iter_mut().zip(problem.spare(|claim| base.shares_w[claim]))
        {
            node.budget_w = spare.max(Watts::ZERO);
        }
        for (claim, base) in above.claims.iter_mut().zip(&base.shares_w) {
            let wish = (claim.high_w - *base).max(Watts::ZERO);
            (claim.low_w, claim.high_w, claim.weight_milli) = (Watts::ZERO, wish, wish.0.max(1));
        }
        let mut shares = WaterFill.allocate(&above);
        for (share, base) in shares.shares_w.iter_mut().zip(&base.shares_w) {
            *share += *base;
        }
        // Where storage gives power back, that level says more than nothing of the rest.
        for (level, base) in shares.levels_w.iter_mut().zip(&base.levels_w) {
            *level = base.or(*level);
        }
        shares.growth = above.claims.iter().map(|claim| claim.high_w.0).collect();
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{claim, flat, plain};
    use super::*;

    #[track_caller]
    fn check(budget_w: i64, wishes: &[i64], expected: &[i64]) {
        let claims = wishes.iter().map(|wish| claim(0, 0, *wish)).collect();
        assert_eq!(plain(&ProRata.allocate(&flat(budget_w, claims)).shares_w), expected);
    }

    #[test]
    fn everyone_gets_the_same_part_of_its_wish() {
        check(500, &[1_000, 0], &[500, 0]);
        check(900, &[1_000, 2_000], &[300, 600]);
        check(9_000, &[1_000, 2_000], &[1_000, 2_000]);
        check(0, &[1_000, 2_000], &[0, 0]);
        check(-5, &[1_000, 2_000], &[0, 0]);
    }

    #[test]
    fn weights_do_not_count() {
        let mut heavy = claim(0, 0, 1_000);
        heavy.weight_milli = 9_000;
        let shares = ProRata.allocate(&flat(1_000, vec![heavy, claim(0, 0, 1_000)]));
        assert_eq!(plain(&shares.shares_w), [500, 500]);
        assert_eq!(shares.levels_w, [Some(Watts(500))]);
    }

    #[test]
    fn storage_discharges_for_a_limit_and_for_nobodys_wish() {
        let battery = claim(0, -3_000, 1_000);
        assert_eq!(
            plain(&ProRata.allocate(&flat(1_000, vec![battery, claim(0, 0, 3_000)])).shares_w),
            [250, 750]
        );
        assert_eq!(
            plain(&ProRata.allocate(&flat(-500, vec![battery, claim(0, 0, 3_000)])).shares_w),
            [-500, 0]
        );
    }
}
