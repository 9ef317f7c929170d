//! What is wrong with settings that are each of their kind: found while a service's config is made of them, all at once.

use std::fmt;

/// Settings that cannot be used, each with what is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl Faults {
    /// Takes a value out, or notes why there is none.
    pub fn take<T, E: fmt::Display>(&mut self, outcome: Result<T, E>) -> Option<T> {
        // With its causes, where it is an error that has some.
        outcome.map_err(|error| self.0.push(format!("{error:#}"))).ok()
    }

    /// Takes in what one part of several finds, each fault once.
    pub fn join<T>(&mut self, outcome: Result<T, Self>) {
        for fault in outcome.err().unwrap_or_default().0 {
            if !self.0.contains(&fault) {
                self.0.push(fault);
            }
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "settings that cannot be used:")?;
        self.0.iter().try_for_each(|problem| writeln!(f, "  {problem}"))
    }
}

impl std::error::Error for Faults {}
