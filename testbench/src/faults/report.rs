//! The report of a run: printed for people, kept as JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::findings::Findings;
use super::target::Fault;

/// A fault as it happened.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// What.
    pub fault: Fault,
    /// When it was planned, ms after the start of the schedule.
    pub planned_ms: u64,
    /// When it began, ms since the epoch.
    pub began: i64,
    /// When all was as before, ms since the epoch.
    pub ended: i64,
    /// Why it could not be done, if so.
    pub failed: Option<String>,
}

/// The report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The command line.
    pub arguments: Vec<String>,
    /// The scenario's name.
    pub scenario: String,
    /// Seed of the schedule.
    pub seed: u64,
    /// When the schedule began, ms since the epoch.
    pub began: i64,
    /// How long the fleet sent, s.
    pub seconds: u64,
    /// What happened, in order.
    pub schedule: Vec<Happened>,
    /// Promises and measurements.
    pub findings: Findings,
}

impl Report {
    /// The report as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            text,
            "faults: scenario {}, seed {}, {} faults in {} s",
            self.scenario,
            self.seed,
            self.schedule.len(),
            self.seconds
        );
        for happened in self.schedule.iter().filter(|happened| happened.failed.is_some()) {
            let why = happened.failed.as_deref().unwrap_or_default();
            let _infallible = writeln!(text, "  not done: {:?}: {why}", happened.fault);
        }
        for finding in &self.findings.0 {
            let mark = match finding.kept {
                Some(true) => "kept",
                Some(false) => "BROKEN",
                None => "",
            };
            let _infallible =
                writeln!(text, "  {:<58} {:>14}  {mark}", finding.promise, finding.measured);
        }
        let verdict =
            if self.findings.all_kept() { "every promise kept" } else { "A PROMISE BROKEN" };
        let _infallible = writeln!(text, "{verdict}");
        text
    }

    /// Keeps it in a folder; gives the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(folder).context("the folder of reports")?;
        let name = format!("faults-{}-{}-{}", self.scenario, self.seed, self.began);
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, serde_json::to_string_pretty(self)?).context("writing the report")?;
        std::fs::write(folder.join(format!("{name}.txt")), self.text())
            .context("writing the report")?;
        Ok(file)
    }
}
