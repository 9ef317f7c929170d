//! A place where the whole system runs, for end-to-end tests: its addresses, and ways to end it and to begin again.
//!
//! There are two: the services as processes over Mosquitto, Apache Kafka and ClickHouse's engine, and `derms up`, which
//! is all of it in one process. Whoever uses a place sees no difference but the addresses.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::curl::curl;
use crate::kafka::Kafka;
use crate::mosquitto::Mosquitto;
use crate::port::free_port;
use crate::service::{Service, program};
use crate::wait;

/// The password of every user.
const PASSWORD: &str = "Correct-Horse-42";
/// ClickHouse's writer, and its password.
const CLICKHOUSE: [&str; 2] = ["derms", "Battery-Staple-42"];
/// What the embedded log asks of its clients.
const LOG_LOGIN: [(&str, &str); 4] = [
    ("DERMS_KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
    ("DERMS_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
    ("DERMS_KAFKA_SASL_USERNAME", "derms"),
    ("DERMS_KAFKA_SASL_PASSWORD", "Charger-Staple-42"),
];
/// What our services, and the tests that watch them, show the broker.
pub const SERVICE: (&str, &str) = ("derms-services", "the services' secret at this place");
/// A busy machine takes its time.
const SOON: Duration = Duration::from_secs(60);
/// A service that is asked to end ends within this.
const END_MAX: Duration = Duration::from_secs(10);
/// Lines of each log that a failure shows.
const LOG_LINES: usize = 15;

/// What runs, and how it is ended.
#[derive(Debug)]
enum Parts {
    Servers { services: Vec<Service>, clickhouse: Service, mosquitto: Mosquitto, kafka: Kafka },
    Embedded(Service),
}

/// The whole system.
#[derive(Debug)]
pub struct Place {
    parts: Parts,
    environment: Vec<(String, String)>,
    /// Its MQTT port on loopback.
    pub mqtt_port: u16,
    kafka_port: u16,
    clickhouse_url: String,
    api_url: String,
    /// Where the processor's metrics are.
    metrics_url: String,
    folder: TempDir,
}

impl Place {
    /// The services as processes over Mosquitto, Kafka and ClickHouse's engine.
    ///
    /// # Errors
    /// When a part is not installed or built, or does not come up.
    pub fn servers() -> anyhow::Result<Self> {
        let (mosquitto, kafka) = (Mosquitto::start()?, Kafka::start()?);
        let folder = tempfile::tempdir().context("a folder")?;
        let (clickhouse_port, api_port) = (free_port()?, free_port()?);
        let data = folder.path().join("clickhouse").display().to_string();
        let arguments = ["clickhouse", "--data", &data, "--port", &clickhouse_port.to_string()];
        let logins = ["DERMS_CLICKHOUSE_USER", "DERMS_CLICKHOUSE_PASSWORD"];
        let logins = [(logins[0], CLICKHOUSE[0]), (logins[1], CLICKHOUSE[1])];
        let clickhouse =
            Service::start_as("clickhouse", "derms", &arguments, &logins, folder.path())?;
        let addresses = Addresses {
            mqtt: mosquitto.port(),
            kafka: kafka.port(),
            clickhouse: clickhouse_port,
            api: api_port,
        };
        let environment = environment(addresses)?;
        let parts = Parts::Servers { services: Vec::new(), clickhouse, mosquitto, kafka };
        let mut place = Self::new(parts, environment, addresses, folder);
        place.engine_answers()?;
        let metrics = format!("127.0.0.1:{}", free_port()?);
        place.metrics_url = format!("http://{metrics}/metrics");
        let common = pairs(&place.environment);
        let with_metrics = [&common[..], &[("DERMS_METRICS_ADDR", &metrics)]].concat();
        let run = |name, pairs: &[_]| Service::start(name, &[], pairs, place.folder.path());
        let started = [
            run("derms-bridge", &common)?,
            run("derms-processor", &with_metrics)?,
            run("derms-api", &common)?,
        ];
        if let Parts::Servers { services, .. } = &mut place.parts {
            services.extend(started);
        }
        Ok(place)
    }

    /// Everything in one process.
    ///
    /// # Errors
    /// When it is not built, or cannot be started.
    pub fn embedded() -> anyhow::Result<Self> {
        Self::embedded_with(tempfile::tempdir().context("a folder")?, &[])
    }

    /// The same in a folder of its own, with some settings more.
    ///
    /// # Errors
    /// As for [`Place::embedded`].
    pub fn embedded_with(folder: TempDir, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let addresses = Addresses {
            mqtt: free_port()?,
            kafka: free_port()?,
            clickhouse: free_port()?,
            api: free_port()?,
        };
        let mut environment = environment(addresses)?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        environment.extend(LOG_LOGIN.iter().chain(more).map(owned));
        let data = folder.path().join("data").display().to_string();
        let ports = [
            format!("DERMS_KAFKA_PORT={}", addresses.kafka),
            format!("DERMS_CLICKHOUSE_PORT={}", addresses.clickhouse),
        ];
        let arguments =
            ["up", "--data", &data, "--log-stderr", "--set", &ports[0], "--set", &ports[1]];
        let derms = Service::start("derms", &arguments, &pairs(&environment), folder.path())?;
        Ok(Self::new(Parts::Embedded(derms), environment, addresses, folder))
    }

    fn new(
        parts: Parts,
        environment: Vec<(String, String)>,
        addresses: Addresses,
        folder: TempDir,
    ) -> Self {
        Self {
            parts,
            environment,
            mqtt_port: addresses.mqtt,
            kafka_port: addresses.kafka,
            clickhouse_url: format!("http://127.0.0.1:{}", addresses.clickhouse),
            api_url: format!("http://127.0.0.1:{}", addresses.api),
            metrics_url: format!("http://127.0.0.1:{}/metrics", addresses.api),
            folder,
        }
    }

    /// The settings of every program in and around it.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The data folder of `derms up`.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process of `derms up`, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match &self.parts {
            Parts::Embedded(derms) => derms.pid(),
            Parts::Servers { .. } => None,
        }
    }

    /// The process of one of its embedded servers, by its subcommand.
    #[must_use]
    pub fn child(&self, subcommand: &str) -> Option<u32> {
        let children = Command::new("pgrep")
            .args([
                "--parent",
                &self.pid()?.to_string(),
                "--full",
                &format!(" {subcommand} --child"),
            ])
            .output()
            .ok()?;
        String::from_utf8_lossy(&children.stdout).trim().parse().ok()
    }

    fn engine_answers(&self) -> anyhow::Result<()> {
        wait::until("the engine answers", SOON, || (self.sql("SELECT 1") == "1").then_some(()))
    }

    /// Kills all of it with -9 at the same moment.
    ///
    /// # Errors
    /// When something cannot be signalled.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        match &mut self.parts {
            Parts::Servers { services, clickhouse, mosquitto, kafka } => {
                mosquitto.kill()?;
                kafka.kill()?;
                services.iter_mut().try_for_each(Service::kill)?;
                clickhouse.kill()
            }
            Parts::Embedded(derms) => derms.kill(),
        }
    }

    /// Asks all of it to end, services first, and waits for that.
    ///
    /// # Errors
    /// When something does not end in time, or not with 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        match &mut self.parts {
            Parts::Servers { services, clickhouse, mosquitto, kafka } => {
                services.iter_mut().try_for_each(end)?;
                end(clickhouse)?;
                mosquitto.stop()?;
                // It has no better end: Kafka writes nothing on a TERM that it needs.
                kafka.kill()
            }
            Parts::Embedded(derms) => end(derms),
        }
    }

    /// Starts all of it again with what it had stored.
    ///
    /// # Errors
    /// When something does not come up.
    pub fn start(&mut self) -> anyhow::Result<()> {
        match &mut self.parts {
            Parts::Servers { services, clickhouse, mosquitto, kafka } => {
                clickhouse.restart()?;
                mosquitto.restart()?;
                kafka.restart()?;
                services.iter_mut().try_for_each(Service::restart)?;
            }
            Parts::Embedded(derms) => derms.restart()?,
        }
        self.engine_answers()
    }

    /// Stops all of it, gives what is done while nothing but the log runs, and starts it again.
    ///
    /// # Errors
    /// When something does not end in good order, or does not come up.
    pub fn with_log_alone<R>(&mut self, work: impl FnOnce(&Self) -> R) -> anyhow::Result<R> {
        self.stop()?;
        let log = match &mut self.parts {
            Parts::Servers { kafka, .. } => {
                kafka.restart()?;
                None
            }
            Parts::Embedded(_) => Some(self.embedded_log()?),
        };
        let done = work(self);
        match &mut self.parts {
            Parts::Servers { kafka, .. } => kafka.kill()?,
            Parts::Embedded(_) => log.into_iter().try_for_each(|mut log| end(&mut log))?,
        }
        self.start()?;
        Ok(done)
    }

    /// The log of `derms up` without the rest.
    fn embedded_log(&self) -> anyhow::Result<Service> {
        let data = self.data().join("log").display().to_string();
        let port = self.kafka_port.to_string();
        let arguments = ["log", "--data", &data, "--port", &port];
        Service::start_as("log", "derms", &arguments, &LOG_LOGIN, self.folder.path())
    }

    /// Stops what takes messages from the broker, where it stands: the bridge, or the process with everything.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn stand_still(&self) -> anyhow::Result<()> {
        match &self.parts {
            Parts::Servers { services, .. } => services[0].signal("STOP"),
            Parts::Embedded(derms) => derms.signal("STOP"),
        }
    }

    /// Starts a program that uses the place, as a user would, with some settings more.
    ///
    /// # Errors
    /// When it is not built.
    pub fn user(
        &self,
        name: &'static str,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> anyhow::Result<Service> {
        let environment = [&pairs(&self.environment), more].concat();
        Service::start(name, arguments, &environment, self.folder.path())
    }

    /// Runs a command to its end; gives whether it ended well, and what it said.
    ///
    /// # Errors
    /// When it is not built.
    pub fn command(&self, name: &str, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let output = Command::new(program(name)?)
            .args(arguments)
            .envs(pairs(&self.environment))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("running {name}"))?;
        let words = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&words).into_owned()))
    }

    /// Writes a file into the place's folder and gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).context("writing a file")?;
        Ok(path.display().to_string())
    }

    /// Where the API is.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// The answer of ClickHouse to a query; empty while it is away.
    #[must_use]
    pub fn sql(&self, query: &str) -> String {
        let url = format!("{}/", self.clickhouse_url);
        let login = CLICKHOUSE.join(":");
        curl(&["--user", &login, "--data-binary", query, &url]).1.trim().to_owned()
    }

    /// A user's token, once the API gives it.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn login(&self, user: &str) -> anyhow::Result<String> {
        let body = format!(r#"{{"username":"{user}","password":"{PASSWORD}"}}"#);
        let url = format!("{}/api/auth/login", self.api_url);
        wait::until("a token", SOON, || {
            let (_, answer) = curl(&["-H", "content-type: application/json", "-d", &body, &url]);
            let answer: Value = serde_json::from_str(&answer).ok()?;
            answer["token"].as_str().map(str::to_owned)
        })
    }

    /// The API's answer to a query; null while it is away.
    #[must_use]
    pub fn graphql(&self, token: &str, query: &str) -> Value {
        self.asker(token)(query)
    }

    /// Asks the API, from another thread too.
    pub fn asker(&self, token: &str) -> impl Fn(&str) -> Value + Send + 'static {
        let (url, token) = (format!("{}/graphql", self.api_url), token.to_owned());
        move |query| post(&url, &token, &serde_json::json!({ "query": query })).1
    }

    /// Posts JSON to a path of the API: the status, and the answer.
    #[must_use]
    pub fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        post(&format!("{}{path}", self.api_url), token, body)
    }

    /// The answer to a path of the API as a browser asks, which takes it compressed: the status, and the body.
    #[must_use]
    pub fn get(&self, token: &str, path: &str) -> (u16, String) {
        let (url, bearer) =
            (format!("{}{path}", self.api_url), format!("authorization: Bearer {token}"));
        curl(&["--compressed", "-H", &bearer, &url])
    }

    /// The sum of a metric of the processor over its labels; 0 where it has no value, none while it cannot be read.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (status, text) = curl(&[&self.metrics_url]);
        let of_it =
            |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = text
            .lines()
            .filter(of_it)
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        (status == 200).then(|| values.sum())
    }

    /// Everything that `derms up` has written so far; empty for servers.
    #[must_use]
    pub fn log(&self) -> String {
        match &self.parts {
            Parts::Embedded(derms) => derms.log(),
            Parts::Servers { .. } => String::new(),
        }
    }

    /// The last words of everything of ours that runs.
    #[must_use]
    pub fn logs(&self) -> String {
        let services: Vec<&Service> = match &self.parts {
            Parts::Servers { services, clickhouse, .. } => {
                services.iter().chain([clickhouse]).collect()
            }
            Parts::Embedded(derms) => vec![derms],
        };
        let last = |service: &&Service| {
            let log = service.log();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        };
        services.iter().map(last).collect::<Vec<_>>().join("\n\n")
    }
}

fn post(url: &str, token: &str, body: &Value) -> (u16, Value) {
    let bearer = format!("authorization: Bearer {token}");
    let json = "content-type: application/json";
    let (status, answer) = curl(&["-H", json, "-H", &bearer, "-d", &body.to_string(), url]);
    (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

fn end(service: &mut Service) -> anyhow::Result<()> {
    let ended = service.terminate(END_MAX)?;
    if !ended.success() {
        bail!("ended with {ended} after a TERM:\n{}", service.log());
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    mqtt: u16,
    kafka: u16,
    clickhouse: u16,
    api: u16,
}

/// The settings of every program in and around the place.
fn environment(addresses: Addresses) -> anyhow::Result<Vec<(String, String)>> {
    let all = [
        ("MQTT_HOST", "127.0.0.1".to_owned()),
        ("MQTT_PORT", addresses.mqtt.to_string()),
        ("MQTT_USERNAME", SERVICE.0.to_owned()),
        ("MQTT_PASSWORD", SERVICE.1.to_owned()),
        ("DERMS_KAFKA_BROKERS", format!("127.0.0.1:{}", addresses.kafka)),
        ("DERMS_CLICKHOUSE_URL", format!("http://127.0.0.1:{}", addresses.clickhouse)),
        ("DERMS_CLICKHOUSE_USER", CLICKHOUSE[0].to_owned()),
        ("DERMS_CLICKHOUSE_PASSWORD", CLICKHOUSE[1].to_owned()),
        ("PORT", addresses.api.to_string()),
        ("DERMS_TREE_PARTITIONS", "3".to_owned()),
        ("CONTROL_INTERVAL_SECONDS", "2".to_owned()),
        ("DERMS_ALLOWED_LATENESS_MS", "500".to_owned()),
        ("DERMS_IDLE_TIMEOUT_MS", "500".to_owned()),
        ("FEEDER_DEFAULT_LIMIT_KW", "40".to_owned()),
        // A feeder that is stopped stays so until somebody resumes it.
        ("MAX_CONSECUTIVE_FAILURES", "10000".to_owned()),
        ("DERMS_SIM_INTERVAL_MS", "1000".to_owned()),
        ("DERMS_SIM_DEVICES", "20".to_owned()),
        ("AUTH_USERS", users()?),
        ("JWT_SECRET", "a-secret-of-at-least-thirty-two-characters".to_owned()),
    ];
    Ok(all.map(|(name, value)| (name.to_owned(), value)).into())
}

fn pairs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Who may log in, as the setting `AUTH_USERS` says it.
///
/// # Errors
/// When `derms-api` is not built.
pub fn users() -> anyhow::Result<String> {
    let hash = password_hash()?;
    let user = |name: &str, role: &str| serde_json::json!({"username": name, "passwordHash": hash, "role": role});
    Ok(Value::from(vec![user("ada", "operator"), user("vic", "viewer"), user("eva", "admin")])
        .to_string())
}

/// Of the password of every user, as a person makes it.
fn password_hash() -> anyhow::Result<String> {
    let mut child = Command::new(program("derms-api")?)
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running derms-api")?;
    let mut input = child.stdin.take().context("its input")?;
    input.write_all(PASSWORD.as_bytes()).context("writing a password")?;
    drop(input);
    let output = child.wait_with_output().context("waiting for derms-api")?;
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    anyhow::ensure!(hash.starts_with("$argon2id$"), "derms-api hash-password said {hash:?}");
    Ok(hash)
}
