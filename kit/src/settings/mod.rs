//! Settings: built-in defaults, then a file, then the environment, then flags. One catalogue names them all.
//!
//! A load reports every problem at once. Getters are for names of the catalogue; asking for another is a mistake in
//! the program and panics.

mod catalogue;
mod problems;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use catalogue::{CATALOGUE, Kind, Service, Setting};
pub use problems::{Problem, Problems};

/// The values of one service's settings, checked against the catalogue.
#[derive(Clone)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
}

// Secrets are among the values: never print them.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("names", &self.values.keys()).finish()
    }
}

impl Settings {
    /// Reads the settings of a service from its sources.
    ///
    /// # Errors
    /// [`Problems`] with every setting that cannot be used: its name, its value, what is accepted, and where it came from.
    pub fn load(service: Service, file: Option<&Path>, flags: &[String]) -> Result<Self, Problems> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let from_environment = environment
            .iter()
            .find(|(name, _)| name == "DERMS_CONFIG")
            .map(|(_, path)| path.into());
        let file: Option<PathBuf> = file.map(Path::to_path_buf).or(from_environment);
        let text = match &file {
            None => None,
            Some(path) => match std::fs::read_to_string(path) {
                Ok(text) => Some((path.display().to_string(), text)),
                Err(error) => return Err(Problems::file(path, &error.to_string())),
            },
        };
        Self::from_sources(service, text, &environment, flags)
    }

    /// The defaults of a service with these values on top: for tests and for services run inside another process.
    ///
    /// # Errors
    /// [`Problems`] as for [`Settings::load`].
    pub fn from_pairs(service: Service, pairs: &[(&str, &str)]) -> Result<Self, Problems> {
        let flags: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self::from_sources(service, None, &[], &flags)
    }

    /// The same settings with these values on top.
    ///
    /// # Errors
    /// [`Problems`] when one of them is not accepted.
    pub fn with(&self, pairs: &[(&str, &str)]) -> Result<Self, Problems> {
        let mut collector = Collector::new();
        for (name, value) in pairs {
            collector.take("given", name, value);
        }
        let mut values = self.values.clone();
        values.extend(collector.finish()?);
        Ok(Self { values })
    }

    fn from_sources(
        service: Service,
        file: Option<(String, String)>,
        environment: &[(String, String)],
        flags: &[String],
    ) -> Result<Self, Problems> {
        let mut collector = Collector::new();
        for setting in CATALOGUE {
            if let Some(default) = setting.default {
                collector.take("default", setting.name, default);
            }
        }
        if let Some((path, text)) = file {
            collector.take_file(&path, &text);
        }
        for (name, value) in environment {
            // An empty variable means "not set": compose files hand those on.
            if value.is_empty() {
                continue;
            }
            if Setting::find(name).is_some() {
                collector.take("environment", name, value);
            } else if name.starts_with("DERMS_") {
                collector.unknown("environment", name, value);
            }
        }
        for flag in flags {
            match flag.split_once('=') {
                Some((name, value)) => collector.take("flag", name, value),
                None => collector.malformed_flag(flag),
            }
        }
        collector.require(service);
        Ok(Self { values: collector.finish()? })
    }

    /// The values that a process of this service reads, by name, without the secrets of the services inside it: for the
    /// environment of a child process. Where they came from is not among them; they are read already.
    pub fn of_service(&self, service: Service) -> impl Iterator<Item = (&'static str, &str)> {
        let read = CATALOGUE.iter().filter(move |setting| {
            let another_s =
                matches!(setting.kind, Kind::Secret { .. }) && !setting.services.contains(&service);
            setting.used_by(service) && !another_s && setting.name != "DERMS_CONFIG"
        });
        read.filter_map(|setting| Some((setting.name, self.value(setting.name)?)))
    }

    fn value(&self, name: &str) -> Option<&str> {
        assert!(Setting::find(name).is_some(), "{name} is not in the catalogue of settings");
        self.values.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> &str {
        self.value(name).unwrap_or_else(|| panic!("{name} has no default and was not required"))
    }

    /// A text that has a default or is required.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.required(name)
    }

    /// A text that may be absent.
    #[must_use]
    pub fn optional_text(&self, name: &str) -> Option<&str> {
        self.value(name)
    }

    /// One of a setting's words.
    #[must_use]
    pub fn choice(&self, name: &str) -> &str {
        self.required(name)
    }

    /// A whole number.
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        self.required(name).parse().expect("checked at load")
    }

    /// A whole number that may be absent.
    #[must_use]
    pub fn optional_int(&self, name: &str) -> Option<i64> {
        self.value(name).map(|text| text.parse().expect("checked at load"))
    }

    /// A number.
    #[must_use]
    pub fn float(&self, name: &str) -> f64 {
        self.required(name).parse().expect("checked at load")
    }

    /// A number that may be absent.
    #[must_use]
    pub fn optional_float(&self, name: &str) -> Option<f64> {
        self.value(name).map(|text| text.parse().expect("checked at load"))
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        catalogue::parse_flag(self.required(name)).expect("checked at load")
    }

    /// A duration given in milliseconds.
    #[must_use]
    pub fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.int(name).unsigned_abs())
    }

    /// A duration given in seconds, fractions allowed.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs_f64(self.float(name).max(0.0))
    }

    /// A TCP port.
    #[must_use]
    pub fn port(&self, name: &str) -> u16 {
        self.required(name).parse().expect("checked at load")
    }

    /// A path that may be absent.
    #[must_use]
    pub fn optional_path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).map(PathBuf::from)
    }

    /// A socket address that may be absent.
    #[must_use]
    pub fn optional_address(&self, name: &str) -> Option<SocketAddr> {
        self.value(name).map(|text| text.parse().expect("checked at load"))
    }
}

/// The settings of a service as a person reads them.
#[must_use]
pub fn describe(service: Service) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for setting in CATALOGUE.iter().filter(|setting| setting.used_by(service)) {
        let default = setting.default.unwrap_or("-");
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            text,
            "{:<36} {:<18} {} ({})",
            setting.name,
            default,
            setting.doc,
            setting.kind.accepts()
        );
    }
    text
}

struct Collector {
    values: BTreeMap<&'static str, String>,
    problems: Vec<Problem>,
}

impl Collector {
    fn new() -> Self {
        Self { values: BTreeMap::new(), problems: Vec::new() }
    }

    fn take(&mut self, source: &str, name: &str, value: &str) {
        let Some(setting) = Setting::find(name) else {
            return self.unknown(source, name, value);
        };
        if setting.kind.accepts_value(value) {
            self.values.insert(setting.name, value.to_owned());
        } else {
            self.problems.push(Problem::unusable(source, setting, value));
        }
    }

    fn take_file(&mut self, path: &str, text: &str) {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                return self.problems.push(Problem::unreadable(path, &error.to_string()));
            }
        };
        for (name, value) in &table {
            let value = match value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.take(path, name, &value);
        }
    }

    fn unknown(&mut self, source: &str, name: &str, value: &str) {
        self.problems.push(Problem::unknown(source, name, value));
    }

    fn malformed_flag(&mut self, flag: &str) {
        self.problems.push(Problem::malformed_flag(flag));
    }

    fn require(&mut self, service: Service) {
        for setting in CATALOGUE {
            let missing = !self.values.contains_key(setting.name)
                && !self.problems.iter().any(|problem| problem.name == setting.name);
            if setting.required_by.contains(&service) && missing {
                self.problems.push(Problem::missing(setting));
            }
        }
    }

    fn finish(self) -> Result<BTreeMap<&'static str, String>, Problems> {
        if self.problems.is_empty() { Ok(self.values) } else { Err(Problems(self.problems)) }
    }
}

#[cfg(test)]
mod tests;
