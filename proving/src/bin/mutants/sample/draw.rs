//! Draws faults by a seed, each with the same chance, and puts switches for them into the copy until the compiler takes it. A
//! fault that does not compile is none: the next one is drawn for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemas::ids::stable_hash;

use super::fault::Fault;
use super::source::Source;
use super::switch::{MODULE, Switched, switched};
use crate::cargo::mistakes;
use crate::tree::Tree;

/// The core's root, and the module that is put beside it.
const LIBRARY: &str = "processor/core/src/lib.rs";
const SWITCHES: &str = "processor/core/src/mutant.rs";
const PACKAGE: &str = "control-core";

/// What was drawn.
pub(crate) struct Drawn {
    /// By their numbers: places in the list of all.
    pub(crate) numbers: Vec<u32>,
    /// Faults of each kind that do not compile, and what the compiler said last.
    pub(crate) dropped: BTreeMap<&'static str, (usize, String)>,
}

pub(crate) fn draw(
    tree: &Tree,
    sources: &[Source],
    faults: &[Fault],
    wanted: usize,
    seed: u64,
) -> io::Result<Drawn> {
    let order = shuffled(faults, seed);
    let mut dropped = BTreeMap::new();
    let mut bad = BTreeSet::new();
    fs::write(tree.place().join(SWITCHES), MODULE)?;
    loop {
        let good = order.iter().copied().filter(|number| !bad.contains(number));
        let numbers: Vec<u32> = good.take(wanted).collect();
        let written = put(tree, sources, faults, &numbers)?;
        let found = mistakes(tree, PACKAGE)?;
        if found.is_empty() {
            return Ok(Drawn { numbers, dropped });
        }
        let before = bad.len();
        for mistake in found {
            let blamed = mistake.places.iter().find_map(|(file, place)| {
                let blamed = written.get(file)?.blamed(place);
                (!blamed.is_empty()).then_some(blamed)
            });
            for number in blamed.unwrap_or_default() {
                if bad.insert(number) {
                    let entry =
                        dropped.entry(fault(faults, number).kind).or_insert((0, String::new()));
                    *entry = (entry.0 + 1, mistake.words.clone());
                }
            }
            if bad.len() == before {
                let words = format!("no fault is to blame: {} {:?}", mistake.words, mistake.places);
                return Err(io::Error::other(words));
            }
        }
    }
}

pub(crate) fn fault(faults: &[Fault], number: u32) -> &Fault {
    &faults[usize::try_from(number).expect("numbers are places in the list")]
}

/// Numbers of all faults in an order of chance, in which those stay where they are whose code stays as it is: a draw before
/// a change and one after it have most faults in common.
fn shuffled(faults: &[Fault], seed: u64) -> Vec<u32> {
    let place = |number: &u32| {
        let Fault { file, within, from, to, nth, .. } = fault(faults, *number);
        let (file, nth) = (file.to_string_lossy(), nth.to_le_bytes());
        let parts = [file.as_bytes(), within.as_bytes(), from.as_bytes(), to.as_bytes(), &nth];
        (
            stable_hash(&[&seed.to_le_bytes()[..]].into_iter().chain(parts).collect::<Vec<_>>()),
            *number,
        )
    };
    let mut order: Vec<u32> = (0..).take(faults.len()).collect();
    order.sort_by_cached_key(place);
    order
}

/// Writes every file of the library anew, with the switches of these faults.
fn put(
    tree: &Tree,
    sources: &[Source],
    faults: &[Fault],
    numbers: &[u32],
) -> io::Result<BTreeMap<PathBuf, Switched>> {
    let mut written = BTreeMap::new();
    for source in sources {
        let own: Vec<(u32, &Fault)> = numbers
            .iter()
            .map(|number| (*number, fault(faults, *number)))
            .filter(|(_, fault)| fault.file == source.file)
            .collect();
        let mut switched = switched(&source.text, &own);
        if source.file == Path::new(LIBRARY) {
            switched.text.push_str("\nmod mutant;\n");
        }
        fs::write(tree.place().join(&source.file), &switched.text)?;
        written.insert(source.file.clone(), switched);
    }
    Ok(written)
}
