//! What is kept of recorded decisions: a file of one line each, compared with or written anew. Used by the tests beside the
//! code and by those of the closed loop.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// Set to write the file anew.
const WRITE: &str = "WRITE_RECORDED";
/// Of the lines that differ, so many are shown.
const SHOWN: usize = 20;

/// Holds what has been decided against the file, a path below the crate's folder.
#[track_caller]
pub(crate) fn check(file: &str, lines: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os(WRITE).is_some() {
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        return;
    }
    let kept = fs::read_to_string(&path).expect("the recorded lines");
    let kept: Vec<&str> = kept.lines().collect();
    let differ: Vec<&String> = lines.iter().filter(|line| !kept.contains(&line.as_str())).collect();
    let mut shown = String::new();
    for line in differ.iter().take(SHOWN) {
        writeln!(shown, "{line}").expect("a string");
    }
    assert!(
        differ.is_empty() && kept.len() == lines.len(),
        "{} of {} are decided otherwise than recorded; if that is meant, {WRITE}=1 writes them anew:\n{shown}",
        differ.len(),
        lines.len()
    );
}

/// What is printed of values, whether or not their watts have a type.
pub(crate) fn bare(printed: &str) -> String {
    let mut bare = String::with_capacity(printed.len());
    let mut rest = printed;
    while let Some((before, after)) = rest.split_once("Watts(") {
        let (watts, after) = after.split_once(')').expect("it is closed");
        bare.push_str(before);
        bare.push_str(watts);
        rest = after;
    }
    bare + rest
}
