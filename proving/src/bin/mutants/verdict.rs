//! Who noticed a fault, and how that is said.

use std::io;

/// Names that are shown of those that noticed.
const SHOWN: usize = 3;

/// Who noticed.
pub(crate) enum Verdict {
    /// Tests, properties first, and whether the core's own check was what they saw.
    Tests { failed: Vec<String>, by_the_check: bool },
    /// A rule of the simulation.
    Simulation(String),
    /// The tests do not end.
    Hangs,
    /// The tests end by a crash: no memory left, no stack.
    Crash,
    /// It does not compile, or a program ended without a verdict.
    Broken(String),
    /// Nobody.
    Nobody,
}

impl Verdict {
    pub(crate) fn is_noticed(&self) -> bool {
        match self {
            Self::Tests { .. } | Self::Simulation(_) | Self::Hangs | Self::Crash => true,
            Self::Broken(_) | Self::Nobody => false,
        }
    }

    /// Without a fault nobody may notice anything.
    pub(crate) fn expect_nobody(&self) -> io::Result<()> {
        if matches!(self, Self::Nobody) {
            return Ok(());
        }
        Err(io::Error::other(format!("without any fault it is noticed by: {}", self.words())))
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Tests { failed, by_the_check } => {
                let shown: Vec<String> =
                    failed.iter().take(SHOWN).map(|test| format!("`{test}`")).collect();
                let more = failed.len().saturating_sub(shown.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let check = if *by_the_check { "the check; " } else { "" };
                format!("{check}{}{more}", shown.join(", "))
            }
            Self::Simulation(rule) => format!("simulation: {rule}"),
            Self::Hangs => "the tests' time limit".to_owned(),
            Self::Crash => "a crash of the tests".to_owned(),
            Self::Broken(why) => format!("**no verdict**: {why}"),
            Self::Nobody => "**nobody**".to_owned(),
        }
    }
}
