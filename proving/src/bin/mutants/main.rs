//! Breaks the core and the shell on purpose, in a copy, and says who noticed: faults that were chosen (`proving/mutants.toml`),
//! and faults that are drawn by a seed from all that the core's code could have got wrong (`sample`). Where the faults come
//! from, how they are put in and how they are tried is the modules' matter.
#![expect(clippy::print_stdout, reason = "the words of a command line tool")]

mod cargo;
mod chosen;
mod page;
mod programs;
mod run;
mod sample;
mod tree;
mod trial;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match start(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn start(words: &[String]) -> io::Result<bool> {
    let root = root();
    match words.split_first() {
        Some((word, rest)) if word == "sample" => sample::run(&root, &sample::Wanted::of(rest)?),
        _ => chosen::run(&root, words),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
