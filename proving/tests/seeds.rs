//! A few worlds on every run of the tests; `make sim` lives many more.

use proving::sim::run::{WORLD_S, run_seed, run_seeds};

/// Worlds of one run.
const SEEDS: u64 = 20;
/// Seeds that once found something, each with what it found.
const PINNED: &[(u64, &str)] = &[
    (2, "a claim that another one followed was taken for standing"),
    (8, "inputs before a tree's snapshot were applied twice"),
    (26, "a meter taken out of service forgot what it knew of"),
    (45, "load behind a meter was forgotten while devices were not heard"),
    (289, "the same, as a car left"),
    (322, "the same, by ramps"),
    (493, "a device on its way down was told again what it still took, where there was no room"),
    (630, "the same"),
    (1_524, "load behind a meter rose while a device under it was not heard"),
    (1_801, "one ran on watts that were set aside for another's fallback"),
    (1_041, "the check of waste blamed a share that was lowered for another's turn"),
    (472, "a device that is cut off and breaks its word"),
    (625, "the same, after an outage of the log"),
    (638, "a meter that comes back is not blamed for what it could not say"),
    (950, "a decrease-only decision went on with a discharge at the reserve"),
    (1_168, "as 638"),
];

#[test]
fn worlds_of_a_few_seeds_keep_every_promise() {
    let summary = run_seeds(1, SEEDS, 2, |outcome| {
        let seed = outcome.seed;
        assert!(outcome.violation.is_none(), "make sim SEED={seed}: {:?}", outcome.violation);
    });
    assert_eq!(summary.seconds, SEEDS * WORLD_S.unsigned_abs());
    // A world in which nothing happens proves nothing.
    assert!(summary.decisions > SEEDS * 50, "{summary:?}");
    assert!(summary.counts.crashes > SEEDS && summary.counts.recoveries > SEEDS, "{summary:?}");
    assert!(summary.checks > summary.skipped, "{summary:?}");
    assert!(summary.snapshots > SEEDS && summary.void > 0, "{summary:?}");
}

#[test]
fn worlds_that_once_went_wrong_stay_right() {
    for (seed, found) in PINNED {
        let outcome = run_seed(*seed, false);
        assert!(
            outcome.violation.is_none(),
            "{found}: make sim SEED={seed}: {:?}",
            outcome.violation
        );
    }
}

/// The meta test: before anything else is believed, the same seed gives the same world, event by event.
#[test]
fn one_seed_twice_gives_one_trace() {
    for seed in [3, 14, 15] {
        let (one, two) = (run_seed(seed, true), run_seed(seed, true));
        let first = one.trace.iter().zip(&two.trace).find(|(one, two)| one != two);
        assert_eq!(first, None, "seed {seed}");
        assert_eq!((one.trace.len(), one.hash), (two.trace.len(), two.hash), "seed {seed}");
        assert!(one.trace.len() > 100, "seed {seed}: {} events", one.trace.len());
        assert_ne!(one.hash, run_seed(seed + 1, false).hash, "another seed is another world");
    }
}
