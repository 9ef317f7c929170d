//! Everyone gets the same number of watts, up to what it wishes; what one does not use goes to the others.
//!
//! Neither wish nor weight buys more. It is water-filling with equal weights (max-min fairness: Bertsekas and Gallager,
//! Data Networks, 2nd ed., §6.5.2; in claims problems the constrained equal-awards rule of Maimonides).

use super::{Policy, Problem, Shares, WaterFill};

const ONE_MILLI: i64 = 1_000;

/// The same for everyone.
#[derive(Debug, Clone, Copy, Default)]
pub struct EqualShare;

impl Policy for EqualShare {
    fn name(&self) -> &'static str {
        "equal-share"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let mut equal = problem.clone();
        equal.claims.iter_mut().for_each(|claim| claim.weight_milli = ONE_MILLI);
        Shares { growth: vec![ONE_MILLI; equal.claims.len()], ..WaterFill.allocate(&equal) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{claim, flat, plain};
    use super::*;

    #[track_caller]
    fn check(budget_w: i64, wishes: &[i64], expected: &[i64]) {
        let weigh = |(index, wish): (usize, &i64)| super::super::Claim {
            weight_milli: 1_000 * (1 + i64::try_from(index).expect("few")),
            ..claim(0, 0, *wish)
        };
        let claims = wishes.iter().enumerate().map(weigh).collect();
        assert_eq!(plain(&EqualShare.allocate(&flat(budget_w, claims)).shares_w), expected);
    }

    #[test]
    fn everyone_gets_the_same_up_to_its_wish() {
        check(900, &[1_000, 2_000, 3_000], &[300, 300, 300]);
        check(900, &[100, 2_000, 3_000], &[100, 400, 400]);
        check(9_000, &[100, 2_000, 3_000], &[100, 2_000, 3_000]);
        check(0, &[100, 2_000], &[0, 0]);
    }
}
