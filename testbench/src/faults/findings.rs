//! What a run found: each promise, what was measured, and whether it was kept.

use serde::Serialize;

/// One promise.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was promised.
    pub promise: String,
    /// What was measured.
    pub measured: String,
    /// Whether it was kept; none where it was only measured.
    pub kept: Option<bool>,
}

/// All of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Something that must be zero.
    pub fn zero(&mut self, promise: &str, count: usize) {
        self.held(promise, count.to_string(), count == 0);
    }

    /// Something that must be.
    pub fn held(&mut self, promise: &str, measured: String, kept: bool) {
        self.0.push(Finding { promise: promise.to_owned(), measured, kept: Some(kept) });
    }

    /// Something that is only measured.
    pub fn measured(&mut self, what: &str, measured: impl ToString) {
        let measured = measured.to_string();
        self.0.push(Finding { promise: what.to_owned(), measured, kept: None });
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn all_kept(&self) -> bool {
        self.0.iter().all(|finding| finding.kept != Some(false))
    }
}
