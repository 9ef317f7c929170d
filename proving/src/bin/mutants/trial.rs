//! One fault's trial: the copy is built, its tests are run, and where they notice nothing the simulation.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cargo::{build_simulation, build_tests};
use crate::programs::Programs;
use crate::tree::Tree;
use crate::verdict::Verdict;

/// A fault that makes the tests so many times slower makes them hang; never sooner than after a minute.
const TIMES_SLOWER: u32 = 10;
const LONGEST_AT_LEAST: Duration = Duration::from_secs(60);

/// Tests of the copy, run together.
struct Tests {
    /// What builds them.
    which: &'static [&'static str],
    /// Cases of each property.
    cases: &'static str,
}

/// A crate, and what is run where a fault stands in it.
struct Tested {
    folder: &'static str,
    tests: &'static [Tests],
}

/// What is run of the copy. Of the core the closed loop first, since it notices most, and in few worlds. Then the tests
/// beside the code: their cases are small, and some faults show in a few of a thousand only. Of the
/// shell the tests of its own are few: most of what it does wrong is the simulation's to notice, which runs it as it ships.
const TESTED: [Tested; 4] = [
    Tested {
        folder: "processor/core",
        tests: &[
            Tests { which: &["--package", "control-core", "--test", "closed_loop"], cases: "24" },
            Tests { which: &["--package", "control-core", "--lib"], cases: "1000" },
        ],
    },
    Tested {
        folder: "processor/instance",
        tests: &[Tests {
            which: &["--package", "control-instance", "--test", "instance"],
            cases: "500",
        }],
    },
    Tested {
        folder: "bridge/inbound",
        tests: &[Tests { which: &["--package", "bridge-inbound", "--lib"], cases: "256" }],
    },
    Tested {
        folder: "bridge/outbound",
        tests: &[Tests { which: &["--package", "bridge-outbound", "--lib"], cases: "256" }],
    },
];

/// What is known of the copy without a fault.
pub(crate) struct Trial {
    programs: Programs,
}

impl Trial {
    /// Everything must go well without a fault; that also tells how long it takes.
    pub(crate) fn without_fault(tree: &Tree) -> io::Result<Self> {
        let unbounded = Programs::unbounded();
        let mut longest = LONGEST_AT_LEAST;
        for Tested { folder, tests } in &TESTED {
            for tests in *tests {
                let program = build_tests(tree, tests.which)?.map_err(io::Error::other)?;
                let started = Instant::now();
                let verdict = unbounded.test(&tree.place().join(folder), &program, tests.cases)?;
                verdict.expect_nobody()?;
                longest = longest.max(started.elapsed() * TIMES_SLOWER);
            }
        }
        let program = build_simulation(tree)?.map_err(io::Error::other)?;
        let started = Instant::now();
        unbounded.simulate(&program)?.expect_nobody()?;
        longest = longest.max(started.elapsed() * TIMES_SLOWER);
        Ok(Self { programs: Programs { longest, ..unbounded } })
    }

    pub(crate) fn try_fault(&self, tree: &Tree, file: &Path) -> io::Result<Verdict> {
        let tested = TESTED.iter().find(|tested| file.starts_with(tested.folder));
        let Tested { folder, tests } =
            tested.ok_or_else(|| io::Error::other(format!("{}: no tests", file.display())))?;
        for tests in *tests {
            let program = match build_tests(tree, tests.which)? {
                Ok(program) => program,
                Err(why) => return Ok(Verdict::Broken(why)),
            };
            match self.programs.test(&tree.place().join(folder), &program, tests.cases)? {
                Verdict::Nobody => {}
                verdict => return Ok(verdict),
            }
        }
        match build_simulation(tree)? {
            Ok(program) => self.programs.simulate(&program),
            Err(why) => Ok(Verdict::Broken(why)),
        }
    }
}
