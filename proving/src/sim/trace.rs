//! What happened, in order: a running hash of every event, and the events themselves where somebody wants to read them.

use std::fmt::Write as _;

use schemas::ids::stable_hash;

/// The trace of one run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    line: String,
    kept: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its lines, or only its hash.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self { kept: keep.then(Vec::new), ..Self::default() }
    }

    /// Notes an event.
    pub fn note(&mut self, now: i64, what: std::fmt::Arguments<'_>) {
        self.line.clear();
        write!(self.line, "{now} {what}").expect("a string takes all");
        self.hash = stable_hash(&[&self.hash.to_be_bytes(), self.line.as_bytes()]);
        if let Some(kept) = &mut self.kept {
            kept.push(self.line.clone());
        }
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The kept lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.kept.as_deref().unwrap_or_default()
    }
}
