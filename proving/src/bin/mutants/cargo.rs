//! Builds programs of the copy, and has it checked.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::run::{Ended, run};
use crate::tree::Tree;

/// A mistake that the compiler has found.
pub(crate) struct Mistake {
    pub(crate) words: String,
    /// Where: files by their place in the copy, and bytes of them. What it is about comes first.
    pub(crate) places: Vec<(PathBuf, Range<usize>)>,
}

/// The program of these tests, or why there is none.
pub(crate) fn build_tests(tree: &Tree, which: &[&str]) -> io::Result<Result<PathBuf, String>> {
    program(tree, &[&["test", "--no-run"], which].concat())
}

pub(crate) fn build_simulation(tree: &Tree) -> io::Result<Result<PathBuf, String>> {
    program(tree, &["build", "--package", "proving", "--bin", "sim"])
}

/// Builds something of the copy and finds its program in what cargo said.
fn program(tree: &Tree, arguments: &[&str]) -> io::Result<Result<PathBuf, String>> {
    let mut command = cargo(tree, arguments);
    let said = match run(command.arg("--message-format=json-render-diagnostics"), None)? {
        Ended::Said(true, said) => said,
        Ended::Said(false, said) => {
            let why = said.lines().find(|line| line.starts_with("error"));
            return Ok(Err(why.unwrap_or("it does not compile").to_owned()));
        }
        Ended::Crashed | Ended::Killed | Ended::TooLong => {
            return Ok(Err("cargo was killed".to_owned()));
        }
    };
    let mut program = said.lines().filter_map(|line| {
        let artifact: Value = serde_json::from_str(line).ok()?;
        artifact.get("executable")?.as_str().map(PathBuf::from)
    });
    Ok(program.next_back().ok_or_else(|| "cargo named no program".to_owned()))
}

/// What the compiler does not take of a package.
pub(crate) fn mistakes(tree: &Tree, package: &str) -> io::Result<Vec<Mistake>> {
    let mut command = cargo(tree, &["check", "--package", package, "--lib"]);
    let (went_well, said) = match run(command.arg("--message-format=json"), None)? {
        Ended::Said(went_well, said) => (went_well, said),
        Ended::Crashed | Ended::Killed | Ended::TooLong => {
            return Err(io::Error::other("cargo was killed"));
        }
    };
    if went_well {
        return Ok(Vec::new());
    }
    let found: Vec<Mistake> = said.lines().filter_map(mistake).collect();
    if found.is_empty() {
        return Err(io::Error::other(format!("the copy cannot be checked: {said}")));
    }
    Ok(found)
}

fn mistake(line: &str) -> Option<Mistake> {
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line.get("message")?;
    if message.get("level")?.as_str()? != "error" {
        return None;
    }
    let byte = |span: &Value, name| usize::try_from(span.get(name)?.as_u64()?).ok();
    let mut places = Vec::new();
    for wanted in [true, false] {
        for span in message.get("spans")?.as_array()? {
            if span.get("is_primary")?.as_bool()? == wanted {
                let bytes = byte(span, "byte_start")?..byte(span, "byte_end")?;
                places.push((PathBuf::from(span.get("file_name")?.as_str()?), bytes));
            }
        }
    }
    // The last words only say how many there were.
    let words = message.get("message")?.as_str()?.to_owned();
    (!places.is_empty()).then_some(Mistake { words, places })
}

fn cargo(tree: &Tree, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The core is built anew again and again: quickly built counts for more than quickly run.
    command.args(["--config", "profile.dev.package.control-core.opt-level=1"]);
    command.args(arguments).current_dir(tree.place());
    command.env("CARGO_TARGET_DIR", tree.target());
    command.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}
