//! The definition of fairness, on random trees.

use proptest::prelude::*;

use super::super::tests::{cases, plain, problems};
use super::super::{Claim, Node};
use super::*;

fn claim(node: usize, low_w: i64, high_w: i64, weight_milli: i64, tie: u64) -> Claim {
    Claim { weight_milli, tie, ..super::super::tests::claim(node, low_w, high_w) }
}

#[track_caller]
fn check(budget_w: i64, claims: &[Claim], expected: &[i64]) {
    let problem = Problem {
        nodes: vec![Node { parent: None, budget_w: Watts(budget_w) }],
        claims: claims.to_vec(),
    };
    assert_eq!(plain(&WaterFill.allocate(&problem).shares_w), expected);
}

#[test]
fn one_level_shares_by_weight_up_to_each_cap() {
    check(9, &[claim(0, 0, 10, 1000, 1), claim(0, 0, 10, 2000, 2)], &[3, 6]);
    check(9, &[claim(0, 0, 2, 1000, 1), claim(0, 0, 10, 1000, 2)], &[2, 7]);
    check(100, &[claim(0, 0, 2, 1000, 1), claim(0, 0, 10, 1000, 2)], &[2, 10]);
    check(5, &[claim(0, 0, 10, 1000, 9), claim(0, 0, 10, 1000, 2)], &[2, 3]);
    check(0, &[claim(0, 0, 10, 1000, 1)], &[0]);
    check(-4, &[claim(0, -10, 10, 1000, 1), claim(0, 0, 10, 1000, 2)], &[-4, 0]);
    check(-40, &[claim(0, -10, 10, 1000, 1), claim(0, 0, 10, 1000, 2)], &[-10, 0]);
}

fn ancestors(problem: &Problem, node: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(node), |node| problem.nodes[*node].parent)
}

proptest! {
    #![proptest_config(cases())]

    /// G5: no share can grow without shrinking one that is, per weight, no larger.
    #[test]
    fn shares_are_weighted_max_min_fair(problem in problems()) {
        let shares = WaterFill.allocate(&problem).shares_w;
        let sums = problem.sums(|index| shares[index]);
        for (index, claim) in problem.claims.iter().enumerate() {
            if shares[index] >= claim.high_w {
                continue;
            }
            // Somewhere above it a budget is used up, and there nobody has more per weight who could give some.
            let held = ancestors(&problem, claim.node).any(|node| {
                sums[node] >= problem.nodes[node].budget_w
                    && problem.claims.iter().enumerate().all(|(other_index, other)| {
                        let under = ancestors(&problem, other.node).any(|above| above == node);
                        let mine = i128::from(shares[index].0 + 1) * i128::from(other.weight_milli);
                        let theirs =
                            i128::from(shares[other_index].0 - 1) * i128::from(claim.weight_milli);
                        !under || shares[other_index] <= other.low_w || theirs <= mine
                    })
            });
            prop_assert!(held, "claim {index} could grow: {shares:?}");
        }
    }

    /// G11: watts that rounding leaves over at one node pass no budget below it, however nearly full that is.
    #[test]
    fn spare_watts_pass_no_budget_below(
        (inner, outer) in (1_usize..6, 0_usize..6),
        (room, inside) in (0_i64..40, 0_i64..25),
        (salt, weight_milli) in (any::<u64>(), 500_i64..3_000),
    ) {
        let nodes = vec![Node { parent: None, budget_w: Watts(room) }, Node { parent: Some(0), budget_w: Watts(inside) }];
        let tie = |index: usize| (u64::try_from(index).expect("few") + 1).wrapping_mul(salt | 1);
        let claims = (0..inner + outer)
            .map(|index| claim(usize::from(index < inner), 0, 9, if index % 3 == 2 { weight_milli } else { 1_000 }, tie(index)))
            .collect();
        let problem = Problem { nodes, claims };
        let shares = WaterFill.allocate(&problem).shares_w;
        let sums = problem.sums(|index| shares[index]);
        prop_assert!(sums[0] <= Watts(room) && sums[1] <= Watts(inside), "{shares:?}");
    }

    /// G3: a higher root budget lowers no share.
    #[test]
    fn more_at_the_root_lowers_nobody(problem in problems(), more in 0_i64..20_000) {
        let before = WaterFill.allocate(&problem).shares_w;
        let mut richer = problem;
        richer.nodes[0].budget_w += Watts(more);
        let after = WaterFill.allocate(&richer).shares_w;
        for (before, after) in before.iter().zip(&after) {
            // One spare watt may change hands.
            prop_assert!(*after >= *before - Watts(1));
        }
    }

    /// G4: a higher weight or a larger wish never lowers the own share.
    #[test]
    fn own_weight_and_wish_help(problem in problems(), weight in 0_i64..5_000, wish in 0_i64..5_000) {
        prop_assume!(!problem.claims.is_empty());
        let before = WaterFill.allocate(&problem).shares_w[0];
        let mut keener = problem;
        keener.claims[0].high_w += Watts(wish);
        let wishing = WaterFill.allocate(&keener).shares_w[0];
        prop_assert!(wishing >= before - Watts(1));
        // Of what is given back a heavier one gives more; a spare watt can make that 0.
        if before > Watts::ZERO {
            keener.claims[0].weight_milli += weight;
            prop_assert!(WaterFill.allocate(&keener).shares_w[0] >= wishing - Watts(1));
        }
    }

    /// G11: the result does not depend on the order of the claims.
    #[test]
    fn the_order_of_claims_does_not_matter(problem in problems()) {
        let mut ties: Vec<u64> = problem.claims.iter().map(|claim| claim.tie).collect();
        ties.sort_unstable();
        ties.dedup();
        prop_assume!(ties.len() == problem.claims.len());
        let forward = WaterFill.allocate(&problem).shares_w;
        let mut reversed = problem;
        reversed.claims.reverse();
        let mut backward = WaterFill.allocate(&reversed).shares_w;
        backward.reverse();
        prop_assert_eq!(forward, backward);
    }
}

#[test]
fn watts_that_rounding_leaves_pass_no_budget_on_their_way() {
    // Three below the inner node and two beside it, at 1.6 W each: of three watts left over the inner node has room for two.
    let nodes = vec![
        Node { parent: None, budget_w: Watts(8) },
        Node { parent: Some(0), budget_w: Watts(5) },
    ];
    let claims = [(1, 1), (1, 2), (1, 3), (0, 4), (0, 5)];
    let claims = claims.map(|(node, tie)| claim(node, 0, 10, 1_000, tie)).to_vec();
    let shares = WaterFill.allocate(&Problem { nodes, claims }).shares_w;
    assert_eq!(plain(&shares), [2, 2, 1, 2, 1]);
}
