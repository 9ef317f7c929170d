//! Faults that were drawn once, that nobody can notice, and why: `proving/mutants-argued.toml`. A fault is told by what
//! stands there before and after, so that the list lives on when lines move.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::fault::Fault;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Argued {
    file: PathBuf,
    /// The function that it is in.
    within: String,
    from: String,
    to: String,
    /// Which one, of those that look alike in the function.
    #[serde(default = "first")]
    nth: usize,
    /// Why nobody can notice.
    why: String,
}

fn first() -> usize {
    1
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct List {
    #[serde(default)]
    argued: Vec<Argued>,
}

impl List {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(root.join("proving/mutants-argued.toml"))?;
        toml::from_str(&text).map_err(io::Error::other)
    }

    /// Why nobody can notice this one, if that was argued.
    pub(crate) fn why(&self, fault: &Fault) -> Option<&str> {
        let found = self.argued.iter().find(|argued| argued.is_about(fault));
        found.map(|argued| argued.why.as_str())
    }

    /// What is argued of no fault that the code could have any more.
    pub(crate) fn outlived(&self, faults: &[Fault]) -> Vec<String> {
        let lives = |argued: &&Argued| !faults.iter().any(|fault| argued.is_about(fault));
        let gone = self.argued.iter().filter(lives);
        gone.map(|argued| format!("{}: {}", argued.file.display(), argued.to)).collect()
    }
}

impl Argued {
    fn is_about(&self, fault: &Fault) -> bool {
        self.file == fault.file
            && self.within == fault.within
            && self.from == fault.from
            && self.to == fault.to
            && self.nth == fault.nth
    }
}
