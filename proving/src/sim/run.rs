//! Runs seeds: one world each, on as many threads as there are, and adds up what they did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::chaos::Chaos;
use super::make;
use super::reference::{Violation, violation};
use super::world::{Counts, World};

/// How long a world lives, s.
pub const WORLD_S: i64 = 480;

/// What a run was like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    /// Worlds.
    pub seeds: u64,
    /// Simulated time, s.
    pub seconds: u64,
    /// Decisions that counted.
    pub decisions: u64,
    /// Records that were void.
    pub void: u64,
    /// Snapshots compared with the memory of an owner that never crashed.
    pub snapshots: u64,
    /// Looks at a feeder's load.
    pub checks: u64,
    /// Looks left out: control was away, or had said that the limit cannot be kept.
    pub skipped: u64,
    /// What happened.
    pub counts: Counts,
}

/// The end of one world.
#[derive(Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// The hash of its trace.
    pub hash: u64,
    /// The trace, where it was kept.
    pub trace: Vec<String>,
    /// What it did.
    pub summary: Summary,
    /// What did not hold.
    pub violation: Option<Violation>,
}

/// Lives one world.
#[must_use]
pub fn run_seed(seed: u64, keep_trace: bool) -> Outcome {
    let mut world = World::new(make::random(seed, keep_trace));
    let mut chaos = Chaos::new(seed, world.start);
    let end = world.now + WORLD_S * 1_000;
    let lived = catch_unwind(AssertUnwindSafe(|| {
        while world.now < end {
            chaos.act(&mut world);
            world.step()?;
        }
        Ok(())
    }));
    let violation = match lived {
        Ok(outcome) => outcome.err(),
        Err(panic) => Some(violation("nothing panics", said(&*panic))),
    };
    Outcome {
        seed,
        hash: world.trace.hash(),
        trace: world.trace.lines().to_vec(),
        summary: Summary {
            seeds: 1,
            seconds: u64::try_from((world.now - world.start) / 1_000).unwrap_or(0),
            decisions: world.reference.decisions,
            void: world.reference.void,
            snapshots: world.reference.snapshots,
            checks: world.physics.checks,
            skipped: world.physics.skipped,
            counts: world.counts,
        },
        violation,
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}

impl Summary {
    fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.seconds += other.seconds;
        self.decisions += other.decisions;
        self.void += other.void;
        self.snapshots += other.snapshots;
        self.checks += other.checks;
        self.skipped += other.skipped;
        let (mine, theirs) = (&mut self.counts, &other.counts);
        mine.crashes += theirs.crashes;
        mine.pauses += theirs.pauses;
        mine.recoveries += theirs.recoveries;
        mine.replayed += theirs.replayed;
        mine.fenced += theirs.fenced;
        mine.doubted += theirs.doubted;
        mine.taken += theirs.taken;
        mine.watchdog += theirs.watchdog;
        mine.changes += theirs.changes;
    }
}

/// Lives the worlds of `seeds` seeds from `first` on; `seen` hears of each end.
pub fn run_seeds(
    first: u64,
    seeds: u64,
    threads: usize,
    seen: impl Fn(&Outcome) + Sync,
) -> Summary {
    let next = AtomicU64::new(first);
    let total = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let outcome = run_seed(seed, false);
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(&outcome.summary);
                    seen(&outcome);
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}
