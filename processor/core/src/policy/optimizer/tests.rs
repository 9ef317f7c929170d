//! Against water-filling where max-min is the optimum, against all sets where it is not, and what happens beyond the limits.

use proptest::prelude::*;
use schemas::Watts;

use super::super::tests::{cases, claim, flat, plain, problems, tree};
use super::super::{Claim, Contender};
use super::*;

#[track_caller]
fn check(budget_w: i64, claims: &[Claim], expected: &[i64]) {
    let shares = Optimizer::default().allocate(&flat(budget_w, claims.to_vec()));
    assert_eq!(shares.stood_in, None);
    assert_eq!(plain(&shares.shares_w), expected);
}

#[test]
fn shares_are_by_weight_up_to_each_wish() {
    let heavy = Claim { weight_milli: 2_000, ..claim(0, 0, 10_000) };
    check(9_000, &[claim(0, 0, 10_000), heavy], &[3_000, 6_000]);
    check(9_000, &[claim(0, 0, 2_000), heavy], &[2_000, 7_000]);
    check(99_000, &[claim(0, 0, 2_000), heavy], &[2_000, 10_000]);
    check(0, &[claim(0, 0, 2_000), heavy], &[0, 0]);
    check(-1_000, &[claim(0, -3_000, 2_000), heavy], &[-1_000, 0]);
    check(-9_000, &[claim(0, -3_000, 2_000), heavy], &[-3_000, 0]);
    check(9_000, &[claim(0, 8_000, 8_000), heavy], &[8_000, 1_000]);
}

#[test]
fn beyond_its_limits_water_filling_stands_in_and_says_so() {
    let problem = flat(900, vec![claim(0, 0, 1_000); 3]);
    let few = Optimizer { claims_max: 2, ..Optimizer::default() };
    let shares = few.allocate(&problem);
    assert_eq!(plain(&shares.shares_w), [300, 300, 300]);
    let said = shares.stood_in.expect("it says so");
    assert_eq!(said, "water-fill stands in for the optimizer: 3 devices, at most 2");
    let short = Optimizer { programs_max: 0, ..Optimizer::default() };
    assert_eq!(plain(&short.allocate(&problem).shares_w), [300, 300, 300]);
    assert!(short.allocate(&problem).stood_in.is_some());
}

fn contest(free_w: &[i64], contenders: &[(i64, i64)]) -> (Problem, Contest) {
    let nodes: Vec<_> =
        free_w.iter().enumerate().map(|(node, free)| ((node > 0).then_some(0), *free)).collect();
    let claims = (0..contenders.len()).map(|place| claim(place % free_w.len(), 0, 9_000)).collect();
    let contenders = contenders.iter().enumerate().map(|(claim, (min_w, owed_wms))| Contender {
        claim,
        min_w: Watts(*min_w),
        owed_wms: *owed_wms,
        held: false,
        rests: false,
    });
    let contenders = contenders.collect();
    (
        tree(&nodes, claims),
        Contest { free_w: free_w.iter().copied().map(Watts).collect(), contenders, turn_ms: 1_000 },
    )
}

#[test]
fn turns_leave_headroom_unused_that_the_optimizer_finds() {
    let (problem, contest) = contest(&[10_000], &[(6_000, 0), (5_000, 0), (5_000, 0)]);
    assert_eq!(contest.in_turn(&problem).runs, [true, false, false]);
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [false, true, true]);
}

#[test]
fn who_is_owed_enough_runs_all_the_same() {
    let (problem, contest) = contest(&[10_000], &[(6_000, 9_000_000), (5_000, 0), (5_000, 0)]);
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [true, false, false]);
}

#[test]
fn who_has_just_begun_goes_on_and_who_rests_comes_last() {
    let (problem, mut contest) = contest(&[10_000], &[(6_000, 0), (5_000, 0), (5_000, 0)]);
    contest.contenders[0].held = true;
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [true, false, false]);
    contest.contenders[0].held = false;
    contest.contenders[1].rests = true;
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [true, false, false]);
}

#[test]
fn who_rests_runs_where_there_is_room_beside_the_others() {
    let (problem, mut contest) = contest(&[16_000], &[(6_000, 0), (5_000, 0), (5_000, 0)]);
    contest.contenders[1].rests = true;
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [true; 3]);
    contest.contenders[2].held = true;
    assert_eq!(Optimizer::default().choose(&problem, &contest).runs, [true; 3]);
}

#[test]
fn an_answer_that_is_not_the_best_for_sure_counts_for_none() {
    let owed = |place: i64| (3_000 + 137 * place, 900_000 * ((place * 7) % 5));
    let many: Vec<_> = (0..14).map(owed).collect();
    let (problem, contest) = contest(&[17_777], &many);
    let best = Optimizer::default().choose(&problem, &contest);
    assert_eq!(best.stood_in, None);
    for branches_max in 1..6 {
        let hasty = Optimizer { branches_max, ..Optimizer::default() };
        let choice = hasty.choose(&problem, &contest);
        assert!(choice.stood_in.is_some() || choice.runs == best.runs, "{branches_max}");
    }
    let hasty = Optimizer { branches_max: 1, ..Optimizer::default() };
    assert!(hasty.choose(&problem, &contest).stood_in.is_some());
}

#[test]
fn beyond_its_limits_turns_stand_in_and_it_says_so() {
    let (problem, contest) = contest(&[10_000], &[(6_000, 0), (5_000, 0), (5_000, 0)]);
    let few = Optimizer { claims_max: 2, ..Optimizer::default() };
    let choice = few.choose(&problem, &contest);
    assert_eq!(choice.runs, [true, false, false]);
    assert_eq!(
        choice.stood_in.as_deref(),
        Some("turns stand in for the optimizer: 3 contenders, at most 2")
    );
}

proptest! {
    #![proptest_config(cases())]

    /// Without minima max-min is the optimum, and both find it.
    #[test]
    fn it_agrees_with_water_filling_to_within_a_watt(problem in problems()) {
        let optimized = Optimizer::default().allocate(&problem);
        prop_assert_eq!(&optimized.stood_in, &None);
        let filled = WaterFill.allocate(&problem);
        for (one, other) in optimized.shares_w.iter().zip(&filled.shares_w) {
            prop_assert!((*one - *other).abs() <= Watts(1), "{optimized:?} {filled:?}");
        }
    }

    /// The set that it chooses is worth no less than any that fits.
    #[test]
    fn no_set_that_fits_is_owed_more(
        free in prop::collection::vec(0_i64..20_000, 1..4),
        contenders in prop::collection::vec((1_000_i64..7_000, -5_000_000_i64..5_000_000), 0..9),
    ) {
        let (problem, contest) = contest(&free, &contenders);
        let worth = |who: &Contender| who.owed_wms.max(0) + who.min_w.0 * contest.turn_ms;
        let sum = |runs: &dyn Fn(usize) -> bool| -> Option<i64> {
            let mut free_w = contest.free_w.clone();
            let chosen = contest.contenders.iter().filter(|who| runs(who.claim));
            chosen.map(|who| who.take(&problem, &mut free_w).then(|| worth(who))).sum()
        };
        let choice = Optimizer::default().choose(&problem, &contest);
        prop_assert_eq!(&choice.stood_in, &None);
        let found = sum(&|claim| choice.runs[claim]).expect("it fits");
        for set in 0..1_usize << contenders.len() {
            let other = sum(&|claim| set >> claim & 1 == 1);
            prop_assert!(other.is_none_or(|other| other <= found), "{set:b}");
        }
    }
}
