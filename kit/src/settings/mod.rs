//! Settings: built-in defaults, then a file, then the environment, then flags. One catalogue names them all.
//!
//! A load reports every problem at once. A value is asked for by its [`key`]: what it is read as, and whether there
//! always is one, is known when the program is compiled.

mod catalogue;
mod faults;
pub mod key;
mod kind;
mod problems;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemas::mqtt::Topics;
use secrecy::SecretString;

pub use catalogue::{CATALOGUE, Service, Setting};
pub use faults::Faults;
pub use key::{Key, Maybe};
pub use kind::{Address, Flag, Kind, Number, Port, Secret, Text, TopicPrefix, Whole};
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
            let another_s = setting.is_secret() && !setting.services.contains(&service);
            setting.used_by(service) && !another_s && setting.name != "DERMS_CONFIG"
        });
        read.filter_map(|setting| {
            Some((setting.name, self.values.get(setting.name).map(String::as_str)?))
        })
    }

    /// The values of settings of these names that have one: for the environment of a child process.
    pub fn of_names(&self, names: &[&'static str]) -> impl Iterator<Item = (&'static str, &str)> {
        names.iter().filter_map(|name| Some((*name, self.values.get(name).map(String::as_str)?)))
    }

    /// Whether a setting is as it is by default.
    #[must_use]
    pub fn is_default(&self, setting: &Setting) -> bool {
        self.values.get(setting.name).map(String::as_str) == setting.default
    }

    fn given<T>(&self, key: Key<T>) -> &str {
        self.values.get(key.setting.name).map_or(key.default, String::as_str)
    }

    fn maybe<T>(&self, key: Maybe<T>) -> Option<&str> {
        self.values.get(key.setting.name).map(String::as_str)
    }

    // Values are checked at load, and defaults by a test: what is read below is always there.

    /// A text.
    #[must_use]
    pub fn text(&self, key: Key<Text>) -> &str {
        self.given(key)
    }

    /// A text that may be absent.
    #[must_use]
    pub fn optional_text(&self, key: Maybe<Text>) -> Option<&str> {
        self.maybe(key)
    }

    /// A secret that may be absent.
    #[must_use]
    pub fn secret(&self, key: Maybe<Secret>) -> Option<SecretString> {
        self.maybe(key).map(SecretString::from)
    }

    /// A secret for a server that is handed it at once; who keeps one keeps it as [`Self::secret`].
    #[must_use]
    pub fn exposed(&self, key: Maybe<Secret>) -> Option<&str> {
        self.maybe(key)
    }

    /// A whole number.
    #[must_use]
    pub fn int(&self, key: Key<Whole>) -> i64 {
        self.given(key).parse().unwrap_or_default()
    }

    /// A number.
    #[must_use]
    pub fn float(&self, key: Key<Number>) -> f64 {
        self.given(key).parse().unwrap_or_default()
    }

    /// A number that may be absent.
    #[must_use]
    pub fn optional_float(&self, key: Maybe<Number>) -> Option<f64> {
        self.maybe(key).and_then(|text| text.parse().ok())
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(&self, key: Key<Flag>) -> bool {
        kind::parse_flag(self.given(key)).unwrap_or_default()
    }

    /// A duration given in milliseconds.
    #[must_use]
    pub fn millis(&self, key: Key<Whole>) -> Duration {
        Duration::from_millis(self.int(key).unsigned_abs())
    }

    /// A duration given in seconds, fractions allowed.
    #[must_use]
    pub fn seconds(&self, key: Key<Number>) -> Duration {
        Duration::try_from_secs_f64(self.float(key)).unwrap_or_default()
    }

    /// A TCP port.
    #[must_use]
    pub fn port(&self, key: Key<Port>) -> u16 {
        self.given(key).parse().unwrap_or_default()
    }

    /// A path that may be absent.
    #[must_use]
    pub fn optional_path(&self, key: Maybe<Text>) -> Option<PathBuf> {
        self.maybe(key).map(PathBuf::from)
    }

    /// The topics under a prefix.
    #[must_use]
    pub fn topics(&self, key: Key<TopicPrefix>) -> Topics {
        Topics::new(self.given(key)).unwrap_or_default()
    }

    /// A socket address that may be absent.
    #[must_use]
    pub fn optional_address(&self, key: Maybe<Address>) -> Option<SocketAddr> {
        self.maybe(key).and_then(|text| text.parse().ok())
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
