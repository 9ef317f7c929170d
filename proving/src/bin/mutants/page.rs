//! The page of the faults, docs/mutants.md: the list that was chosen, then what was drawn. Each run writes its part anew.

use std::fs;
use std::io;
use std::path::Path;

const PAGE: &str = "docs/mutants.md";
/// What the second part begins with.
pub(crate) const DRAWN: &str = "## Drawn at random\n";

pub(crate) fn write_chosen(root: &Path, part: &str) -> io::Result<()> {
    let old = fs::read_to_string(root.join(PAGE))?;
    let drawn = old.find(DRAWN).map(|begin| format!("\n{}", &old[begin..])).unwrap_or_default();
    fs::write(root.join(PAGE), format!("{part}{drawn}"))
}

pub(crate) fn write_drawn(root: &Path, part: &str) -> io::Result<()> {
    let old = fs::read_to_string(root.join(PAGE))?;
    let chosen = old.find(DRAWN).map_or(old.as_str(), |begin| &old[..begin]);
    fs::write(root.join(PAGE), format!("{}\n\n{DRAWN}\n{part}", chosen.trim_end()))
}
