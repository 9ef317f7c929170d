//! The agent's file: the predecessor's keys and a few more. Everything wrong with it is said at once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemas::mqtt::Topics;
use schemas::records::telemetry::DeviceType;
use schemas::{DeviceId, FeederId};
use serde_json::{Map, Value};
use service_kit::mqtt::tls::Tls;
use service_kit::mqtt::{Broker, Credentials};
use thiserror::Error;

/// The largest device, kW.
const P_MAX_KW: f64 = 100_000.0;
const DAY_S: f64 = 86_400.0;
/// How long a receipt is waited for, where the file does not say, s.
const RECEIPT_TIMEOUT_S: f64 = 10.0;

/// One device and its broker.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where the broker is, and who the device is there.
    pub broker: Broker,
    /// The topics.
    pub topics: Topics,
    /// The device.
    pub device_id: DeviceId,
    /// What it is: PV, battery or EV charger.
    pub device_type: DeviceType,
    /// Its site.
    pub site_id: String,
    /// Its feeder, where it is not the site.
    pub feeder_id: Option<FeederId>,
    /// Its greatest power, kW.
    pub p_max_kw: f64,
    /// Size of its storage, kWh.
    pub energy_kwh: f64,
    /// State of charge at the start, a fraction.
    pub initial_soc: f64,
    /// State of charge wanted, a fraction.
    pub target_soc: f64,
    /// How fast it changes, kW per second.
    pub ramp_kw_per_s: f64,
    /// What it does when a lease lapses, kW in its own sign.
    pub fallback_kw: f64,
    /// Its priority, 1 to 10.
    pub priority: Option<i32>,
    /// Time between two samples.
    pub interval: Duration,
    /// Seed of its noise.
    pub seed: u64,
    /// Keeps each message until its receipt has come; none = until the broker has acknowledged it.
    pub receipt_timeout: Option<Duration>,
}

/// All that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigProblems(Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| writeln!(f, "  {problem}"))
    }
}

/// What a value of a key must be, in words.
const ID: &str = schemas::ids::ID_RULE;

impl AgentConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigProblems`] with every key that is missing, unknown or unusable.
    pub fn load(path: &Path) -> Result<Self, ConfigProblems> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) => Err(ConfigProblems(vec![format!("{}: {error}", path.display())])),
        }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`ConfigProblems`] as for [`AgentConfig::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigProblems> {
        let map = match serde_json::from_str(text) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return Err(ConfigProblems(vec!["the file is not a JSON object".to_owned()])),
            Err(error) => {
                return Err(ConfigProblems(vec![format!("the file is not JSON: {error}")]));
            }
        };
        let mut keys = Keys { map, known: Vec::new(), problems: Vec::new() };
        let config = Self::take(&mut keys);
        keys.refuse_unknown();
        match config {
            Some(config) if keys.problems.is_empty() => Ok(config),
            _ => Err(ConfigProblems(keys.problems)),
        }
    }

    /// Takes every key, noting problems; none when a required one is unusable.
    fn take(keys: &mut Keys) -> Option<Self> {
        let host = keys.required("broker_host", "a host name", text);
        let port = keys.required("broker_port", "a whole number from 1 to 65535", |value| {
            whole(value).and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0)
        });
        let device_id = keys.required("device_id", ID, |value| DeviceId::new(value.as_str()?).ok());
        let device_type = keys.required("device_type", "pv, battery or ev", device_type);
        let site_id = keys.required("site_id", "a text of 1 to 256 characters", text);
        let p_max_kw = keys.required("p_max_kw", "a number of kW above 0", |value| {
            number(value).filter(|kw| *kw > 0.0 && *kw <= P_MAX_KW)
        });
        let interval_s = keys.required(
            "publish_interval_seconds",
            "a number of seconds from 0.1 to 86400",
            |value| number(value).filter(|seconds| (0.1..=DAY_S).contains(seconds)),
        );
        let topics = keys
            .optional("topic_prefix", "a topic prefix without + # or empty levels", |value| {
                Topics::new(value.as_str()?).ok()
            })
            .unwrap_or_default();
        let feeder_id = keys.optional("feeder_id", ID, |value| FeederId::new(value.as_str()?).ok());
        let user = keys.optional("username", "a text of 1 to 256 characters", text);
        let password = keys.optional("password", "a text of 1 to 256 characters", text);
        if password.is_some() && user.is_none() {
            keys.problems.push("password: there is no username for it".to_owned());
        }
        let tls = keys.tls();
        let fraction = |value: &Value| number(value).filter(|part| (0.0..=1.0).contains(part));
        let initial_soc = keys.optional("initial_soc", "a number from 0 to 1", fraction);
        let target_soc = keys.optional("target_soc", "a number from 0 to 1", fraction);
        let positive =
            |value: &Value| number(value).filter(|amount| *amount > 0.0 && *amount <= P_MAX_KW);
        let energy_kwh = keys.optional("energy_kwh", "a number of kWh above 0", positive);
        let ramp_kw_per_s =
            keys.optional("ramp_kw_per_s", "a number of kW per second above 0", positive);
        let fallback_kw = keys.optional("fallback_kw", "a number of kW", number);
        let priority = keys.optional("priority", "a whole number from 1 to 10", |value| {
            whole(value)
                .filter(|level| (1..=10).contains(level))
                .and_then(|level| i32::try_from(level).ok())
        });
        let seed = keys.optional("seed", "a whole number, not negative", |value| {
            whole(value).and_then(|seed| u64::try_from(seed).ok())
        });
        let receipts = keys.optional("receipts", "true or false", Value::as_bool).unwrap_or(true);
        let receipt_timeout_s = keys.optional(
            "receipt_timeout_seconds",
            "a number of seconds from 1 to 3600",
            |value| number(value).filter(|seconds| (1.0..=3_600.0).contains(seconds)),
        );
        let (device_type, p_max_kw) = (device_type?, p_max_kw?);
        Some(Self {
            broker: Broker {
                host: host?,
                port: port?,
                credentials: user
                    .map(|user| Credentials { user, password: password.unwrap_or_default() }),
                tls,
            },
            topics,
            device_id: device_id?,
            device_type,
            site_id: site_id?,
            feeder_id,
            p_max_kw,
            energy_kwh: energy_kwh.unwrap_or(if device_type == DeviceType::Ev {
                60.0
            } else {
                p_max_kw * 2.5
            }),
            initial_soc: initial_soc.unwrap_or(0.5),
            target_soc: target_soc.unwrap_or(0.9),
            ramp_kw_per_s: ramp_kw_per_s.unwrap_or(p_max_kw / 5.0),
            fallback_kw: fallback_kw.unwrap_or(if device_type == DeviceType::Pv {
                p_max_kw
            } else {
                0.0
            }),
            priority,
            interval: Duration::from_secs_f64(interval_s?),
            seed: seed.unwrap_or(1),
            receipt_timeout: receipts
                .then(|| Duration::from_secs_f64(receipt_timeout_s.unwrap_or(RECEIPT_TIMEOUT_S))),
        })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=256).contains(&text.chars().count())).map(str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64()
}

fn device_type(value: &Value) -> Option<DeviceType> {
    let word = value.as_str()?;
    [DeviceType::Pv, DeviceType::Battery, DeviceType::Ev]
        .into_iter()
        .find(|known| known.as_str() == word)
}

/// The keys of the file, with what was wrong with them so far.
struct Keys {
    map: Map<String, Value>,
    known: Vec<&'static str>,
    problems: Vec<String>,
}

impl Keys {
    fn required<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        if !self.map.contains_key(key) {
            self.problems.push(format!("{key}: missing, accepted: {accepted}"));
        }
        self.optional(key, accepted, read)
    }

    fn optional<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.map.get(key)?;
        let read = read(value);
        if read.is_none() {
            // A secret is not repeated.
            let shown = if key == "password" { "a value".to_owned() } else { value.to_string() };
            self.problems.push(format!("{key}: found {shown}, accepted: {accepted}"));
        }
        read
    }

    /// TLS, where one of its keys is given.
    fn tls(&mut self) -> Option<Tls> {
        const NAMES: [&str; 3] = ["tls_ca_path", "tls_cert_path", "tls_key_path"];
        let paths = NAMES.map(|name| self.optional(name, "a path", text).map(PathBuf::from));
        if paths.iter().all(Option::is_none) {
            return None;
        }
        match Tls::from_files(NAMES, paths) {
            Ok(tls) => Some(tls),
            Err(problem) => {
                self.problems.push(format!("{problem:#}"));
                None
            }
        }
    }

    fn refuse_unknown(&mut self) {
        let mut known = self.known.clone();
        known.sort_unstable();
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problems.push(format!("{key}: unknown, accepted: {}", known.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREDECESSORS: &str = r#"{
        "broker_host": "192.168.1.100", "broker_port": 1883, "device_id": "pi-der-001",
        "device_type": "battery", "site_id": "home-site", "p_max_kw": 5.0, "publish_interval_seconds": 5
    }"#;

    #[test]
    fn a_file_of_the_predecessor_is_enough() {
        let config = AgentConfig::parse(PREDECESSORS).expect("usable");
        assert_eq!(config.device_id.as_str(), "pi-der-001");
        assert_eq!(config.device_type, DeviceType::Battery);
        assert_eq!(config.topics.prefix(), "der");
        assert_eq!(config.interval, Duration::from_secs(5));
        assert_eq!((config.p_max_kw, config.energy_kwh, config.initial_soc), (5.0, 12.5, 0.5));
        assert!(config.broker.credentials.is_none() && config.feeder_id.is_none());
        assert_eq!(config.receipt_timeout, Some(Duration::from_secs(10)));
    }

    #[test]
    fn receipts_can_be_done_without() {
        let without = PREDECESSORS.replace('{', "{\"receipts\": false,");
        let config = AgentConfig::parse(&without).expect("usable");
        assert_eq!(config.receipt_timeout, None);
    }

    #[test]
    fn the_example_is_usable() {
        let config = AgentConfig::parse(include_str!("../config.example.json")).expect("usable");
        assert_eq!(config.feeder_id.expect("it has one").as_str(), "feeder-1");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = AgentConfig::parse(
            r#"{"broker_host": "", "broker_port": 70000, "device_id": "a b", "device_type": "meter",
                "p_max_kw": 0, "publish_interval_seconds": "5", "topic_prefix": "a/#", "priority": 11,
                "password": "secret", "brokerhost": "x"}"#,
        )
        .expect_err("unusable");
        let expected = [
            "broker_host: found \"\", accepted: a host name",
            "broker_port: found 70000, accepted: a whole number from 1 to 65535",
            "device_id: found \"a b\", accepted: 1 to 64 characters of A-Z a-z 0-9 . _ -, but not . or ..",
            "device_type: found \"meter\", accepted: pv, battery or ev",
            "site_id: missing, accepted: a text of 1 to 256 characters",
            "p_max_kw: found 0, accepted: a number of kW above 0",
            "publish_interval_seconds: found \"5\", accepted: a number of seconds from 0.1 to 86400",
            "topic_prefix: found \"a/#\", accepted: a topic prefix without + # or empty levels",
            "password: there is no username for it",
            "priority: found 11, accepted: a whole number from 1 to 10",
        ];
        assert_eq!(problems.0[..expected.len()], expected);
        let unknown = &problems.0[expected.len()..];
        assert_eq!(unknown.len(), 1);
        assert!(
            unknown[0]
                .starts_with("brokerhost: unknown, accepted: broker_host, broker_port, device_id")
        );
        assert!(!problems.to_string().contains("secret"));
    }

    #[test]
    fn what_is_no_json_object_is_said_so() {
        assert!(AgentConfig::parse("{").expect_err("broken").to_string().contains("not JSON"));
        assert!(
            AgentConfig::parse("[]")
                .expect_err("an array")
                .to_string()
                .contains("not a JSON object")
        );
        let missing = AgentConfig::load(Path::new("/no/such/file")).expect_err("no file");
        assert!(missing.to_string().contains("/no/such/file"));
    }
}
