//! The weighted deficit rule of the predecessor, as a baseline for comparisons.
//!
//! In each window everyone is credited with its part by weight of what is available. Those with the largest credit are
//! served first, each up to its credit; what is left goes in the same order to whoever still wishes. What is given is taken
//! off the credit, and the rest is carried over. (Deficit round robin: Shreedhar and Varghese, SIGCOMM 1995; here with
//! weights for quanta and one round per window.)
//!
//! The predecessor takes what it gives off the credit twice, so nearly nothing is ever carried over, and lets the credit of
//! those that cannot use it grow without bound. [`Deficit::FAIR`] does neither.
//! Shares move from window to window by construction: the carried energy is fair, the power is not steady.

use std::cmp::Reverse;

use schemas::Watts;

use super::greedy::Serving;
use super::{Policy, Problem, Shares};

/// A credit or debt is at most a claim's wish for so many windows.
const CARRIED_WINDOWS: i64 = 12;
/// No credit of the predecessor's grows beyond this, W: far above what a device can take.
const CREDIT_MAX: Watts = Watts(1 << 40);

/// Serves by carried credit.
#[derive(Debug, Clone, Copy)]
pub struct Deficit {
    /// What is given is taken off the credit a second time, and credits are not bounded by wishes.
    pub subtracts_twice: bool,
}

impl Deficit {
    /// The rule as it was meant.
    pub const FAIR: Self = Self { subtracts_twice: false };
    /// The rule as the predecessor computes it.
    pub const PREDECESSOR: Self = Self { subtracts_twice: true };

    fn carried(self, credit_w: Watts, given_w: Watts, wish_w: Watts) -> Watts {
        if self.subtracts_twice {
            return (credit_w - given_w - given_w).clamp(Watts::ZERO, CREDIT_MAX);
        }
        let bound = wish_w * CARRIED_WINDOWS;
        (credit_w - given_w).clamp(-bound, bound)
    }
}

impl Policy for Deficit {
    fn name(&self) -> &'static str {
        if self.subtracts_twice { "deficit-predecessor" } else { "deficit" }
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let claims = &problem.claims;
        let mut serving = Serving::new(problem);
        let available = serving.left_w();
        let all: i64 = claims.iter().map(|claim| claim.weight_milli).sum();
        let quantum = |weight: i64| available.scaled(weight, all.max(1));
        // Where nothing is available the predecessor leaves all credits as they are, and so does this.
        let credits: Vec<Watts> =
            claims.iter().map(|claim| claim.carried_w + quantum(claim.weight_milli)).collect();
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_unstable_by_key(|index| {
            (Reverse(credits[*index]), Reverse(claims[*index].weight_milli), *index)
        });
        let mut given = vec![Watts::ZERO; claims.len()];
        for index in &order {
            given[*index] = serving.serve(*index, credits[*index]);
        }
        for index in &order {
            given[*index] += serving.serve(*index, Watts::MAX);
        }
        let carried_w = (0..claims.len())
            .map(|index| {
                let wish = claims[index].high_w - claims[index].low_w.max(Watts::ZERO);
                self.carried(credits[index], given[index], wish.max(Watts::ZERO))
            })
            .collect();
        Shares { carried_w, ..serving.finish(&order) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Claim;
    use super::super::tests::{claim, flat, plain};
    use super::*;

    fn carrying(carried_w: i64, weight_milli: i64, high_w: i64) -> Claim {
        Claim { carried_w: Watts(carried_w), weight_milli, ..claim(0, 0, high_w) }
    }

    #[track_caller]
    fn check(policy: Deficit, budget_w: i64, claims: &[Claim], shares: &[i64], carried: &[i64]) {
        let made = policy.allocate(&flat(budget_w, claims.to_vec()));
        assert_eq!(plain(&made.shares_w), shares);
        assert_eq!(plain(&made.carried_w), carried);
    }

    #[test]
    fn credit_is_by_weight_and_served_in_its_order() {
        let two = [carrying(0, 1_000, 5_000), carrying(0, 2_000, 5_000)];
        check(Deficit::FAIR, 3_000, &two, &[1_000, 2_000], &[0, 0]);
        let behind = [carrying(900, 1_000, 5_000), carrying(0, 1_000, 5_000)];
        check(Deficit::FAIR, 2_000, &behind, &[1_900, 100], &[0, 900]);
    }

    #[test]
    fn what_is_left_goes_to_the_first_that_wishes() {
        // The second takes more than its credit, and owes it.
        let two = [carrying(0, 1_000, 500), carrying(0, 1_000, 5_000)];
        check(Deficit::FAIR, 2_000, &two, &[500, 1_500], &[500, -500]);
        check(Deficit::PREDECESSOR, 2_000, &two, &[500, 1_500], &[0, 0]);
    }

    #[test]
    fn the_predecessor_forgets_what_it_owes() {
        let two = [carrying(0, 1_000, 10_000), carrying(400, 1_000, 1_000)];
        check(Deficit::FAIR, 4_000, &two, &[3_000, 1_000], &[-1_000, 1_400]);
        check(Deficit::PREDECESSOR, 4_000, &two, &[3_000, 1_000], &[0, 400]);
    }

    #[test]
    fn credit_that_cannot_be_used_is_bounded_but_for_the_predecessor() {
        let full = [carrying(50_000, 1_000, 0), carrying(0, 1_000, 9_000)];
        check(Deficit::FAIR, 2_000, &full, &[0, 2_000], &[0, -1_000]);
        check(Deficit::PREDECESSOR, 2_000, &full, &[0, 2_000], &[51_000, 0]);
    }

    #[test]
    fn nothing_available_leaves_every_credit_as_it_is() {
        let two = [carrying(700, 1_000, 5_000), carrying(0, 1_000, 5_000)];
        check(Deficit::FAIR, 0, &two, &[0, 0], &[700, 0]);
        check(Deficit::PREDECESSOR, -9, &two, &[0, 0], &[700, 0]);
    }

    #[test]
    fn over_many_windows_the_energy_is_by_weight() {
        let mut claims = vec![carrying(0, 1_000, 7_000), carrying(0, 3_000, 7_000)];
        let mut energy = [0, 0];
        for _ in 0..200 {
            let made = Deficit::FAIR.allocate(&flat(5_000, claims.clone()));
            for index in 0..2 {
                energy[index] += made.shares_w[index].0;
                claims[index].carried_w = made.carried_w[index];
            }
        }
        assert_eq!(energy[0] + energy[1], 1_000_000);
        assert!((energy[1] - 3 * energy[0]).abs() < 20_000, "{energy:?}");
    }
}
