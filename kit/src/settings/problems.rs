//! What is wrong with settings, said in full.

use std::fmt;
use std::path::Path;

use super::catalogue::Setting;

/// Shown instead of a secret, and of what may be one under a misspelt name.
const SECRET: &str = "(secret)";

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which setting.
    pub name: String,
    text: String,
}

impl Problem {
    pub(super) fn unusable(source: &str, setting: &Setting, value: &str) -> Self {
        let shown = if setting.is_secret() { SECRET } else { value };
        let text = format!(
            "{} = {shown:?} ({source}): expected {}; {}",
            setting.name,
            setting.kind.accepts(),
            setting.doc
        );
        Self { name: setting.name.to_owned(), text }
    }

    pub(super) fn unknown(source: &str, name: &str, value: &str) -> Self {
        let nearest = Setting::nearest(name);
        let near =
            nearest.map_or_else(String::new, |near| format!("; did you mean {}?", near.name));
        let shown = if nearest.is_some_and(Setting::is_secret) { SECRET } else { value };
        Self {
            name: name.to_owned(),
            text: format!(
                "{name} = {shown:?} ({source}): no such setting{near} (--list-settings shows all)"
            ),
        }
    }

    pub(super) fn missing(setting: &Setting) -> Self {
        let text = format!(
            "{} is not set: expected {}; {}",
            setting.name,
            setting.kind.accepts(),
            setting.doc
        );
        Self { name: setting.name.to_owned(), text }
    }

    pub(super) fn malformed_flag(flag: &str) -> Self {
        let name = flag.to_owned();
        Self { name, text: format!("--set {flag:?}: expected NAME=VALUE") }
    }

    pub(super) fn unreadable(path: &str, why: &str) -> Self {
        Self {
            name: path.to_owned(),
            text: format!("{path}: not a TOML file of NAME = value: {why}"),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn file(path: &Path, why: &str) -> Self {
        let name = path.display().to_string();
        Self(vec![Problem { text: format!("{name}: cannot be read: {why}"), name }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "error: {count} setting{} cannot be used", if count == 1 { "" } else { "s" })?;
        for problem in &self.0 {
            writeln!(f, "  {}", problem.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
