//! What every policy keeps, on random trees; and small problems for the tables of each.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use schemas::records::operator::POLICIES;

use super::*;

pub(super) fn claim(node: usize, low_w: i64, high_w: i64) -> Claim {
    Claim {
        node,
        low_w: Watts(low_w),
        high_w: Watts(high_w),
        min_w: Watts::ZERO,
        weight_milli: 1_000,
        since: Timestamp(0),
        carried_w: Watts::ZERO,
        tie: u64::try_from(high_w).unwrap_or(0),
    }
}

pub(super) fn flat(budget_w: i64, claims: Vec<Claim>) -> Problem {
    tree(&[(None, budget_w)], claims)
}

pub(super) fn tree(nodes: &[(Option<usize>, i64)], claims: Vec<Claim>) -> Problem {
    let node = |(parent, budget_w): &(Option<usize>, i64)| Node {
        parent: *parent,
        budget_w: Watts(*budget_w),
    };
    Problem { nodes: nodes.iter().map(node).collect(), claims }
}

/// Watts as the tables of a test have them.
pub(super) fn plain(watts: &[Watts]) -> Vec<i64> {
    watts.iter().map(|watts| watts.0).collect()
}

/// Random trees with claims that may give power back, that have come at different times and carry something over.
pub(super) fn problems() -> impl Strategy<Value = Problem> {
    let nodes = prop::collection::vec((any::<prop::sample::Index>(), -5_000_i64..60_000), 1..6);
    nodes.prop_flat_map(|raw| {
        let nodes: Vec<Node> = raw
            .iter()
            .enumerate()
            .map(|(index, (parent, budget_w))| Node {
                parent: (index > 0).then(|| parent.index(index)),
                budget_w: Watts(*budget_w),
            })
            .collect();
        let bounds = (0..nodes.len(), -3_000_i64..=0, 0_i64..20_000);
        let rest = (1_i64..9_000, any::<u64>(), 0_i64..9, -20_000_i64..20_000);
        prop::collection::vec((bounds, rest), 0..25).prop_map(move |raw| Problem {
            nodes: nodes.clone(),
            claims: raw
                .into_iter()
                .map(|((node, low_w, high_w), (weight_milli, tie, since, carried_w))| Claim {
                    weight_milli,
                    tie,
                    since: Timestamp(since),
                    carried_w: Watts(carried_w),
                    ..claim(node, low_w, high_w)
                })
                .collect(),
        })
    })
}

/// Cases of each property here, at least; `PROPTEST_CASES` may ask for more.
const CASES: u32 = 2_000;

/// The same problems each time, unless `PROPTEST_RNG_SEED` names others.
pub(super) fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig { cases: config.cases.max(CASES), failure_persistence: None, rng_seed, ..config }
}

pub(super) fn policies() -> impl Iterator<Item = Box<dyn Policy>> {
    POLICIES.iter().map(|name| by_name(name).expect("every name has its policy"))
}

#[test]
fn every_name_that_settings_accept_is_a_policy_of_that_name() {
    for name in POLICIES {
        assert_eq!(by_name(name).map(|policy| policy.name()), Some(*name));
    }
    assert!(by_name("").is_none());
    assert!(by_name("waterfill").is_none());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_policy_keeps_budgets_and_bounds(problem in problems()) {
        for policy in policies() {
            let Shares { shares_w, levels_w, growth, .. } = policy.allocate(&problem);
            let name = policy.name();
            for (claim, share) in problem.claims.iter().zip(&shares_w) {
                prop_assert!((claim.low_w..=claim.high_w).contains(share), "{name}");
            }
            let sums = problem.sums(|index| shares_w[index]);
            let leasts = problem.sums(|index| problem.claims[index].low_w);
            for (index, node) in problem.nodes.iter().enumerate() {
                prop_assert!(sums[index] <= node.budget_w.max(leasts[index]), "{name}: node {index}");
            }
            prop_assert_eq!(levels_w.len(), problem.nodes.len());
            prop_assert!(growth.is_empty() || growth.len() == problem.claims.len());
        }
    }

    /// G6: a claim below its wish stands under a budget that is used up, and the answer says so.
    #[test]
    fn no_policy_wastes_what_someone_wishes(problem in problems()) {
        for policy in policies() {
            let Shares { shares_w, levels_w, .. } = policy.allocate(&problem);
            let spare = problem.spare(|claim| shares_w[claim]);
            for (claim, share) in problem.claims.iter().zip(&shares_w) {
                let held = problem.path(claim.node).any(|node| spare[node] <= Watts::ZERO);
                let said = problem.path(claim.node).any(|node| levels_w[node].is_some());
                prop_assert!(*share == claim.high_w || held && said, "{}: {claim:?}", policy.name());
            }
        }
    }

    /// Storage gives power back only where a budget asks for it.
    #[test]
    fn nobody_discharges_for_anothers_wish(problem in problems()) {
        for policy in policies() {
            let Shares { shares_w, .. } = policy.allocate(&problem);
            for (claim, share) in problem.claims.iter().zip(&shares_w) {
                let asked = problem.path(claim.node).any(|above| {
                    let others = problem.claims.iter().zip(&shares_w);
                    let under = others.filter(|(other, _)| problem.path(other.node).any(|node| node == above));
                    under.map(|(_, share)| share).all(|share| *share <= Watts::ZERO)
                });
                prop_assert!(*share >= Watts::ZERO || asked, "{}: {shares_w:?}", policy.name());
            }
        }
    }
}

#[test]
fn who_serves_one_after_the_other_says_the_mean_level_at_what_is_used_up() {
    let double = Claim { weight_milli: 2_000, ..claim(0, 0, 10) };
    let problem = flat(9, vec![claim(0, 0, 10), double]);
    let shares = by_name("lifo").expect("a policy").allocate(&problem);
    assert_eq!(shares.shares_w.iter().copied().sum::<Watts>(), Watts(9));
    assert_eq!(shares.levels_w, [Some(Watts(3))]);
}
