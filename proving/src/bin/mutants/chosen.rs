//! Faults that were chosen, one at a time. A fault that nobody notices is a hole in the tests; a fault whose text is no
//! longer found is an error in the list (`proving/mutants.toml`).

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;

use crate::page;
use crate::tree::Tree;
use crate::trial::Trial;

#[derive(Debug, Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// One deliberate fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What is wrong, in a few words.
    name: String,
    /// Where.
    file: PathBuf,
    /// The text that is replaced; it stands there once.
    find: String,
    /// By what.
    replace: String,
    /// The promise that it breaks.
    breaks: String,
}

/// Tries those whose name has one of the words, or all: whether all were noticed.
pub(crate) fn run(root: &Path, wanted: &[String]) -> io::Result<bool> {
    let begun = Instant::now();
    let list = read(root)?;
    let tree = Tree::copy(root)?;
    let trial = Trial::without_fault(&tree)?;
    println!("{:5.0} s  without a fault: nobody", begun.elapsed().as_secs_f64());
    let mut table = String::from("| fault | breaks | noticed by |\n| --- | --- | --- |\n");
    let (mut tried, mut missed) = (0, 0);
    for mutant in &list.mutant {
        if !wanted.is_empty() && !wanted.iter().any(|word| mutant.name.contains(word)) {
            continue;
        }
        let started = Instant::now();
        tree.put(&mutant.file, &mutant.find, &mutant.replace)?;
        let verdict = trial.try_fault(&tree, &mutant.file)?;
        tree.restore(&mutant.file)?;
        tried += 1;
        missed += usize::from(!verdict.is_noticed());
        let noticed = verdict.words();
        println!("{:5.0} s  {}: {noticed}", started.elapsed().as_secs_f64(), mutant.name);
        writeln!(table, "| {} | {} | {noticed} |", mutant.name, mutant.breaks)
            .map_err(io::Error::other)?;
    }
    if wanted.is_empty() {
        let counted = format!("{tried} faults, {missed} not noticed.");
        page::write_chosen(root, &format!("{HEAD}\n{table}\n{counted}\n"))?;
    }
    let minutes = begun.elapsed().as_secs().div_ceil(60);
    println!("{tried} faults, {missed} not noticed, {minutes} minutes");
    Ok(missed == 0)
}

const HEAD: &str = "# Deliberate faults

Each of these is put into a copy of the core, the instance and the way out, alone, and it is seen who notices: `make test-mutants`.
Of the core the closed loop's properties and scenes come first, then the tests beside the code; where they notice nothing, and for faults of the shell, the simulation lives 60 worlds.
\"The check\" is `certify/`, the core's own: it found the plan wrong before a device was told.
A fault that nobody notices fails the run, and so does one whose text is no longer found, one that does not compile, and a test that ends without a verdict.
The list is `proving/mutants.toml`; this page is written by the run.
";

/// The list, each fault of which has its text in the code.
fn read(root: &Path) -> io::Result<List> {
    let text = fs::read_to_string(root.join("proving/mutants.toml"))?;
    let list: List = toml::from_str(&text).map_err(io::Error::other)?;
    list.mutant.iter().try_for_each(|mutant| check(root, mutant))?;
    Ok(list)
}

/// A fault's text must be found once.
fn check(root: &Path, mutant: &Mutant) -> io::Result<()> {
    let text = fs::read_to_string(root.join(&mutant.file))?;
    match text.matches(&mutant.find).count() {
        1 => Ok(()),
        count => Err(io::Error::other(format!(
            "{}: its text is found {count} times in {}",
            mutant.name,
            mutant.file.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chosen_fault_has_its_text_in_the_code() {
        read(&crate::root()).unwrap();
    }
}
