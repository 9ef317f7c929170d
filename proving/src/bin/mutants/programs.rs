//! Runs the programs of the copy, tests and simulation, and reads from what they say who noticed.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::run::{Ended, run, run_until};
use crate::verdict::Verdict;

/// Worlds that the simulation lives where the tests notice nothing.
const SEEDS: &str = "60";
/// What the core's check says of a plan, as the reference model repeats it.
const BY_THE_CHECK: &str = "the check found:";
/// The tests of what was recorded.
const RECORDED: &str = "recorded::";
/// A program that a fault lets gather without end is stopped before the machine is: KiB of address space.
const MEMORY: &str = "ulimit -v 4194304; exec \"$0\" \"$@\"";

/// How programs are run.
pub(crate) struct Programs {
    /// The longest that one may take.
    pub(crate) longest: Duration,
    /// One test that fails is enough.
    pub(crate) first_only: bool,
    /// What they are told beside.
    pub(crate) told: Vec<(&'static str, String)>,
}

impl Programs {
    pub(crate) fn unbounded() -> Self {
        Self { longest: Duration::MAX, first_only: false, told: Vec::new() }
    }

    /// Runs tests that say what is right, where they stand, with so many cases of each property.
    pub(crate) fn test(&self, folder: &Path, program: &Path, cases: &str) -> io::Result<Verdict> {
        // Whether the pages of docs/ agree with the tests is no matter of a fault.
        self.tests(folder, program, cases, &["--skip", "docs::", "--skip", RECORDED])
    }

    /// Runs the one that says only whether all is as it was.
    pub(crate) fn compare(&self, folder: &Path, program: &Path) -> io::Result<Verdict> {
        self.tests(folder, program, "1", &[RECORDED])
    }

    fn tests(
        &self,
        folder: &Path,
        program: &Path,
        cases: &str,
        which: &[&str],
    ) -> io::Result<Verdict> {
        let mut command = self.command(program);
        command.args(which).current_dir(folder);
        command.env("PROPTEST_CASES", cases).env("RUST_BACKTRACE", "0");
        let longest = Some(self.longest);
        let ended = if self.first_only {
            run_until(&mut command, longest, |line| failed(line).is_some())?
        } else {
            run(&mut command, longest)?
        };
        let said = match ended {
            Ended::Said(true, _) => return Ok(Verdict::Nobody),
            Ended::Said(false, said) => said,
            Ended::Crashed => return Ok(Verdict::Crash),
            Ended::Killed => return Ok(Verdict::Broken("the tests were killed".to_owned())),
            Ended::TooLong => return Ok(Verdict::Hangs),
        };
        let mut failed: Vec<String> = said.lines().filter_map(failed).collect();
        if failed.is_empty() {
            return Ok(Verdict::Broken("the tests ended without a verdict".to_owned()));
        }
        failed.sort();
        failed.sort_by_key(|name| !is_property(name));
        Ok(Verdict::Tests { failed, by_the_check: said.contains(BY_THE_CHECK) })
    }

    pub(crate) fn simulate(&self, program: &Path) -> io::Result<Verdict> {
        let mut command = self.command(program);
        Ok(match run(command.args(["--seeds", SEEDS]), Some(self.longest))? {
            Ended::Said(true, _) => Verdict::Nobody,
            Ended::Said(false, said) => rule_of(&said).map_or_else(
                || Verdict::Broken("the simulation ended without a verdict".to_owned()),
                Verdict::Simulation,
            ),
            Ended::Crashed => Verdict::Crash,
            Ended::Killed => Verdict::Broken("the simulation was killed".to_owned()),
            Ended::TooLong => Verdict::Hangs,
        })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", MEMORY]).arg(program);
        command.envs(self.told.iter().map(|(name, value)| (*name, value)));
        command
    }
}

/// The test that a line of the tests says has failed.
fn failed(line: &str) -> Option<String> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.rsplit("::").next().unwrap_or(name).to_owned())
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
