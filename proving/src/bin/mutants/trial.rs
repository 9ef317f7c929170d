//! One fault's trial: the copy is built, its tests are run, and where they notice nothing the simulation.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{Ended, run};
use crate::tree::Tree;

/// Worlds that the simulation lives where the core's own tests notice nothing.
const SEEDS: &str = "60";
/// A fault that makes the tests so many times slower makes them hang; never sooner than after a minute.
const TIMES_SLOWER: u32 = 10;
const LONGEST_AT_LEAST: Duration = Duration::from_secs(60);
/// What the core's check says of a plan, as the reference model repeats it.
const BY_THE_CHECK: &str = "the check found:";

/// Who noticed.
pub(crate) enum Verdict {
    /// Tests, properties first, and whether the core's own check was what they saw.
    Tests { failed: Vec<String>, by_the_check: bool },
    /// A rule of the simulation.
    Simulation(String),
    /// The tests do not end.
    Hangs,
    /// It does not compile, or a program ended without a verdict.
    Broken(String),
    /// Nobody.
    Nobody,
}

impl Verdict {
    pub(crate) fn is_noticed(&self) -> bool {
        match self {
            Self::Tests { .. } | Self::Simulation(_) | Self::Hangs => true,
            Self::Broken(_) | Self::Nobody => false,
        }
    }
}

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
const TESTED: [Tested; 3] = [
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
        folder: "bridge/outbound",
        tests: &[Tests { which: &["--package", "bridge-outbound", "--lib"], cases: "256" }],
    },
];

/// What is known of the copy without a fault.
pub(crate) struct Trial {
    longest: Duration,
}

impl Trial {
    /// Everything must go well without a fault; that also tells how long it takes.
    pub(crate) fn without_fault(tree: &Tree) -> io::Result<Self> {
        let unbounded = Self { longest: Duration::MAX };
        let mut longest = LONGEST_AT_LEAST;
        for Tested { folder, tests } in &TESTED {
            for tests in *tests {
                let program = build(tree, tests.which)?.map_err(io::Error::other)?;
                let started = Instant::now();
                expect_nobody(unbounded.test(tree, folder, &program, tests.cases)?)?;
                longest = longest.max(started.elapsed() * TIMES_SLOWER);
            }
        }
        let program = build_simulation(tree)?.map_err(io::Error::other)?;
        let started = Instant::now();
        expect_nobody(unbounded.simulate(&program)?)?;
        Ok(Self { longest: longest.max(started.elapsed() * TIMES_SLOWER) })
    }

    pub(crate) fn try_fault(&self, tree: &Tree, file: &Path) -> io::Result<Verdict> {
        let tested = TESTED.iter().find(|tested| file.starts_with(tested.folder));
        let Tested { folder, tests } =
            tested.ok_or_else(|| io::Error::other(format!("{}: no tests", file.display())))?;
        for tests in *tests {
            let program = match build(tree, tests.which)? {
                Ok(program) => program,
                Err(why) => return Ok(Verdict::Broken(why)),
            };
            match self.test(tree, folder, &program, tests.cases)? {
                Verdict::Nobody => {}
                verdict => return Ok(verdict),
            }
        }
        match build_simulation(tree)? {
            Ok(program) => self.simulate(&program),
            Err(why) => Ok(Verdict::Broken(why)),
        }
    }

    fn test(
        &self,
        tree: &Tree,
        folder: &str,
        program: &PathBuf,
        cases: &str,
    ) -> io::Result<Verdict> {
        let mut command = Command::new(program);
        // Whether the pages of docs/ agree with the tests is no matter of a fault.
        command.args(["--skip", "docs::"]).current_dir(tree.place().join(folder));
        command.env("PROPTEST_CASES", cases).env("RUST_BACKTRACE", "0");
        let said = match run(&mut command, Some(self.longest))? {
            Ended::Said(true, _) => return Ok(Verdict::Nobody),
            Ended::Said(false, said) => said,
            Ended::Killed => return Ok(Verdict::Broken("the tests were killed".to_owned())),
            Ended::TooLong => return Ok(Verdict::Hangs),
        };
        let mut failed: Vec<String> = said
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
            .map(|name| name.rsplit("::").next().unwrap_or(name).to_owned())
            .collect();
        if failed.is_empty() {
            return Ok(Verdict::Broken("the tests ended without a verdict".to_owned()));
        }
        failed.sort();
        failed.sort_by_key(|name| !is_property(name));
        Ok(Verdict::Tests { failed, by_the_check: said.contains(BY_THE_CHECK) })
    }

    fn simulate(&self, program: &PathBuf) -> io::Result<Verdict> {
        let mut command = Command::new(program);
        Ok(match run(command.args(["--seeds", SEEDS]), Some(self.longest))? {
            Ended::Said(true, _) => Verdict::Nobody,
            Ended::Said(false, said) => rule_of(&said).map_or_else(
                || Verdict::Broken("the simulation ended without a verdict".to_owned()),
                Verdict::Simulation,
            ),
            Ended::Killed => Verdict::Broken("the simulation was killed".to_owned()),
            Ended::TooLong => Verdict::Hangs,
        })
    }
}

fn expect_nobody(verdict: Verdict) -> io::Result<()> {
    let what = match verdict {
        Verdict::Nobody => return Ok(()),
        Verdict::Tests { failed, .. } => failed.join(", "),
        Verdict::Simulation(rule) | Verdict::Broken(rule) => rule,
        Verdict::Hangs => "they do not end".to_owned(),
    };
    Err(io::Error::other(format!("the tests fail without any fault: {what}")))
}

/// The properties of docs/control.md carry their guarantee's number.
fn is_property(name: &str) -> bool {
    name.strip_prefix('g')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The first rule that a world broke.
fn rule_of(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        let (_, rest) = line.strip_prefix("seed ")?.split_once(" s: ")?;
        Some(rest.split_once(": ").map_or(rest, |(rule, _)| rule).to_owned())
    })
}

/// The program of these tests, or why there is none.
fn build(tree: &Tree, which: &[&str]) -> io::Result<Result<PathBuf, String>> {
    let arguments = ["test", "--no-run"];
    cargo(tree, &[&arguments[..], which].concat())
}

fn build_simulation(tree: &Tree) -> io::Result<Result<PathBuf, String>> {
    cargo(tree, &["build", "--package", "proving", "--bin", "sim"])
}

/// Builds something of the copy and finds its program in what cargo said.
fn cargo(tree: &Tree, arguments: &[&str]) -> io::Result<Result<PathBuf, String>> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Each fault is built anew: quickly built counts for more than quickly run.
    command.args(["--config", "profile.dev.package.control-core.opt-level=1"]);
    command
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(tree.place());
    command.env("CARGO_TARGET_DIR", tree.target());
    command.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    let said = match run(&mut command, None)? {
        Ended::Said(true, said) => said,
        Ended::Said(false, said) => {
            let why = said.lines().find(|line| line.starts_with("error"));
            return Ok(Err(why.unwrap_or("it does not compile").to_owned()));
        }
        Ended::Killed | Ended::TooLong => return Ok(Err("cargo was killed".to_owned())),
    };
    let mut program = said.lines().filter_map(|line| {
        let artifact: serde_json::Value = serde_json::from_str(line).ok()?;
        artifact.get("executable")?.as_str().map(PathBuf::from)
    });
    Ok(program.next_back().ok_or_else(|| "cargo named no program".to_owned()))
}
