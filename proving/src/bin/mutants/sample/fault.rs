//! One fault that code could have: a piece of text that reads otherwise, and where a switch for it can stand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

/// How the place of the switch is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// At the beginning of a function's body, which returns at once.
    Begin,
    /// Around a statement, which is left out.
    Statement,
    /// Around an expression, which is another one.
    Expression,
}

/// One fault.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) file: PathBuf,
    /// The kind of fault, in a few words.
    pub(crate) kind: &'static str,
    /// The function that it is in.
    pub(crate) within: String,
    pub(crate) line: usize,
    pub(crate) form: Form,
    /// What the switch stands around, in bytes of the file.
    pub(crate) host: Range<usize>,
    /// The host with the fault.
    pub(crate) faulty: String,
    /// What is shown of it, before and after.
    pub(crate) from: String,
    pub(crate) to: String,
    /// Of those that look alike in one function it is this one, from 1.
    pub(crate) nth: usize,
}

/// Counts those that look alike, in the order of the code.
pub(crate) fn count_alike(faults: &mut [Fault]) {
    let mut seen: BTreeMap<[String; 4], usize> = BTreeMap::new();
    for fault in faults {
        let file = fault.file.to_string_lossy().into_owned();
        let key = [file, fault.within.clone(), fault.from.clone(), fault.to.clone()];
        let count = seen.entry(key).or_default();
        *count += 1;
        fault.nth = *count;
    }
}

/// Where in a file, and what stands there instead.
pub(crate) struct Edit<'a> {
    pub(crate) at: Range<usize>,
    pub(crate) with: &'a str,
}

impl Edit<'_> {
    /// A piece of the text with the edit in it.
    pub(crate) fn within(&self, text: &str, piece: &Range<usize>) -> String {
        let (before, after) = (&text[piece.start..self.at.start], &text[self.at.end..piece.end]);
        format!("{before}{}{after}", self.with)
    }

    /// The lines that it touches, before and after.
    pub(crate) fn shown(&self, text: &str) -> (String, String) {
        let start = text[..self.at.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[self.at.end..].find('\n').map_or(text.len(), |at| self.at.end + at);
        (in_one_line(&text[start..end]), in_one_line(&self.within(text, &(start..end))))
    }
}

pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

pub(crate) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
