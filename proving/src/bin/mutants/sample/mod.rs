//! Faults that are drawn by a seed from all that the core's code could have got wrong: operators, conditions, numbers,
//! statements, functions. All that were drawn stand in one build as switches, so that a fault costs a run of the tests and no
//! build. What nobody notices is either argued to be no fault (`argued`), or a hole in the tests.

mod argued;
mod draw;
mod fault;
mod finder;
mod kinds;
mod layers;
mod report;
mod source;
mod switch;

use std::io;
use std::path::Path;
use std::time::Instant;

use self::argued::List;
use self::draw::{draw, fault};
use self::fault::{Fault, count_alike};
use self::layers::Layers;
use self::report::Report;
use self::source::{Source, sources};
use crate::page;
use crate::tree::Tree;

const LIBRARY: &str = "processor/core/src/lib.rs";

/// What is asked for.
pub(crate) struct Wanted {
    count: usize,
    seed: u64,
    /// Whether the page is written.
    page: bool,
    /// Whether more worlds and the simulation are asked where the core's tests notice nothing.
    thorough: bool,
    /// More that are neither noticed nor argued fail the run.
    at_most: Option<usize>,
    /// Of those drawn, the numbers that are tried; none = all.
    only: Vec<u32>,
}

impl Wanted {
    pub(crate) fn of(words: &[String]) -> io::Result<Self> {
        let mut wanted = Self {
            count: 300,
            seed: 1,
            page: false,
            thorough: true,
            at_most: None,
            only: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                number.ok_or_else(|| io::Error::other(format!("{word} wants a number")))
            };
            match word.as_str() {
                "--count" => wanted.count = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--seed" => wanted.seed = number()?,
                "--at-most" => wanted.at_most = usize::try_from(number()?).ok(),
                "--only" => wanted.only.push(u32::try_from(number()?).unwrap_or(u32::MAX)),
                "--page" => wanted.page = true,
                "--tests-only" => wanted.thorough = false,
                _ => return Err(io::Error::other(format!("what is {word}?"))),
            }
        }
        Ok(wanted)
    }
}

/// Every fault that these could have.
fn faults(sources: &[Source]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = sources.iter().flat_map(finder::faults).collect();
    count_alike(&mut faults);
    faults
}

/// Draws, tries, reports: whether few enough were left unexplained.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> io::Result<bool> {
    let begun = Instant::now();
    let argued = List::read(root)?;
    let sources = sources(root, Path::new(LIBRARY))?;
    let faults = faults(&sources);
    for outlived in argued.outlived(&faults) {
        println!("argued, but no fault that could be: {outlived}");
    }
    println!("{} faults could be in {} files", faults.len(), sources.len());
    let tree = Tree::copy(root)?;
    let mut drawn = draw(&tree, &sources, &faults, wanted.count, wanted.seed)?;
    drawn.numbers.retain(|number| wanted.only.is_empty() || wanted.only.contains(number));
    for (kind, (count, words)) in &drawn.dropped {
        println!("{count} do not compile: {kind} ({words})");
    }
    let layers = Layers::without_fault(&tree, wanted.thorough)?;
    println!("{:5.0} s  without a fault: nobody", begun.elapsed().as_secs_f64());
    let (mut report, mut tried) = (Report::new(faults.len(), sources.len(), &drawn), Vec::new());
    for number in &drawn.numbers {
        let fault = fault(&faults, *number);
        let started = Instant::now();
        let outcome = layers.try_fault(&tree, *number)?;
        let words = report.take(fault, &outcome, argued.why(fault));
        let at = format!("{}:{}", fault.file.display(), fault.line);
        println!("{:5.1} s  #{number} {at}: {words}", started.elapsed().as_secs_f64());
        tried.push((fault, outcome));
    }
    // What was left can be argued while the others are tried.
    let argued = List::read(root)?;
    let mut report = Report::new(faults.len(), sources.len(), &drawn);
    for (fault, outcome) in &tried {
        report.take(fault, outcome, argued.why(fault));
    }
    println!("{}", report.summary());
    println!("{} minutes", begun.elapsed().as_secs().div_ceil(60));
    if wanted.page {
        let Wanted { count, seed, thorough, .. } = wanted;
        let less = if *thorough { "" } else { " ARGS=--tests-only" };
        let command = format!("make mutants-sample N={count} SEED={seed}{less}");
        page::write_drawn(root, &report.page(&command))?;
    }
    Ok(wanted.at_most.is_none_or(|most| report.unexplained() <= most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    #[test]
    fn what_was_argued_is_of_faults_that_could_be() {
        let argued = List::read(&root()).unwrap();
        let sources = sources(&root(), Path::new(LIBRARY)).unwrap();
        assert_eq!(argued.outlived(&faults(&sources)), Vec::<String>::new());
    }
}
