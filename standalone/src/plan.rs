//! Owns the decisions made before anything starts: addresses, folders, secrets, and the settings that the services
//! inside get. It starts nothing.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use service_kit::clock::{Clock as _, SystemClock, utc_offset_hours};
use service_kit::settings::{Setting, Settings, key};

use crate::child::Launch;
use crate::embedded::clickhouse::WRITER;
use crate::embedded::mqtt::{SERVICE_USER, account_names, service_secret, tls_address, users_file};
use crate::embedded::{bind_address, claim_port, mqtt_bind_address};
use crate::folder;
use crate::reach::{Listener, Logins};
use crate::solo::Server;

/// What suits one process on the embedded log better than the defaults, which are for a cluster; an operator's own
/// choice stands. The log wakes a waiting reader, so that a long wait costs no time and few requests. Partitions cost the
/// log nothing, but the sink cuts its blocks by them: few make its inserts few and large. Nobody shares the partitions,
/// so nobody has to be asked for them.
const FOR_ONE_PROCESS: &[(&str, &str)] = &[
    ("DERMS_KAFKA_FETCH_WAIT_MS", "500"),
    ("DERMS_TREE_PARTITIONS", "2"),
    ("DERMS_PARTITIONS", "all"),
];
/// The user of the services at the embedded log.
const LOG_USER: &str = "derms";
const LOG_MECHANISM: &str = "SCRAM-SHA-512";
/// By the local clock the sun is well up from the first of these hours to the second.
const SUNNY_H: std::ops::Range<f64> = 8.0..17.0;
/// When the demo's day begins where it is not.
const MORNING_H: f64 = 10.0;
const SECRET_CHARS: usize = 48;
const PASSWORD_CHARS: usize = 16;

/// What `derms up` will run.
pub(crate) struct Plan {
    pub(crate) data: PathBuf,
    pub(crate) api: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) log: SocketAddr,
    pub(crate) clickhouse: SocketAddr,
    /// The settings for the services: the operator's, with the embedded servers' addresses on top.
    pub(crate) services: Settings,
    /// The demo's password, when there is one of our own.
    pub(crate) password: Option<String>,
    /// Where a person finds the password of ClickHouse's analyst.
    pub(crate) analyst: String,
    /// Keeps others off the data folder.
    _lock: File,
}

impl Plan {
    /// Plans a run.
    ///
    /// # Errors
    /// A taken port, a folder in use, a missing login: each with what to do about it.
    pub(crate) async fn new(settings: &Settings, demo: bool) -> anyhow::Result<Self> {
        let data = PathBuf::from(settings.text(key::DERMS_DATA_DIR));
        let lock = folder::lock(&data)?;
        // Parts of a run that was killed have their ports, too, until they have ended.
        for server in Server::ALL {
            folder::wait_until_free(&data.join(server.folder())).await?;
        }
        let bind = bind_address(settings)?;
        let api_host: IpAddr = settings.text(key::HOST).parse().unwrap_or(bind);
        let api = claim_port(api_host, settings.port(key::PORT), "PORT")?;
        let mqtt =
            claim_port(mqtt_bind_address(settings)?, settings.port(key::MQTT_PORT), "MQTT_PORT")?;
        let log = claim_port(bind, settings.port(key::DERMS_KAFKA_PORT), "DERMS_KAFKA_PORT")?;
        let clickhouse =
            claim_port(bind, settings.port(key::DERMS_CLICKHOUSE_PORT), "DERMS_CLICKHOUSE_PORT")?;
        let (users, password) = users(settings, demo)?;
        let secret = match settings.exposed(key::JWT_SECRET) {
            Some(secret) => secret.to_owned(),
            None => kept_secret(&data.join("jwt.key"))?,
        };
        let log_user = settings.optional_text(key::DERMS_KAFKA_SASL_USERNAME).unwrap_or(LOG_USER);
        let log_password = match settings.exposed(key::DERMS_KAFKA_SASL_PASSWORD) {
            Some(password) => password.to_owned(),
            None => kept_secret(&data.join("log.key"))?,
        };
        let clickhouse_user = settings.optional_text(key::DERMS_CLICKHOUSE_USER).unwrap_or(WRITER);
        let clickhouse_password = match settings.exposed(key::DERMS_CLICKHOUSE_PASSWORD) {
            Some(password) => password.to_owned(),
            None => kept_secret(&data.join("clickhouse-writer.key"))?,
        };
        let (analyst_password, analyst) = analyst(settings, password.as_deref(), &data)?;
        let mqtt_data = data.join("mqtt");
        fs::create_dir_all(&mqtt_data)
            .with_context(|| format!("making the folder {}", mqtt_data.display()))?;
        let mqtt_secret = service_secret(settings, &mqtt_data)?;
        let tuned: Vec<_> = FOR_ONE_PROCESS
            .iter()
            .filter(|(name, _)| is_default(settings, name))
            .copied()
            .collect();
        let ahead = hours_ahead(settings, demo).to_string();
        let services = settings.with(&tuned)?.with(&[
            ("DERMS_SIM_HOURS_AHEAD", &ahead),
            ("HOST", &api.ip().to_string()),
            ("PORT", &api.port().to_string()),
            ("MQTT_HOST", &reachable(mqtt).ip().to_string()),
            ("MQTT_PORT", &mqtt.port().to_string()),
            ("MQTT_USERNAME", SERVICE_USER),
            ("MQTT_PASSWORD", &mqtt_secret),
            ("DERMS_KAFKA_BROKERS", &reachable(log).to_string()),
            ("DERMS_KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
            ("DERMS_KAFKA_SASL_MECHANISM", LOG_MECHANISM),
            ("DERMS_KAFKA_SASL_USERNAME", log_user),
            ("DERMS_KAFKA_SASL_PASSWORD", &log_password),
            ("DERMS_CLICKHOUSE_URL", &format!("http://{}", reachable(clickhouse))),
            ("DERMS_CLICKHOUSE_USER", clickhouse_user),
            ("DERMS_CLICKHOUSE_PASSWORD", &clickhouse_password),
            ("DERMS_CLICKHOUSE_ANALYST_PASSWORD", &analyst_password),
            ("AUTH_USERS", &users),
            ("JWT_SECRET", &secret),
        ])?;
        let listeners = [
            Some((Listener::Api, api)),
            Some((Listener::Mqtt, mqtt)),
            tls_address(settings, mqtt)?.map(|address| (Listener::MqttTls, address)),
            Some((Listener::Log, log)),
            Some((Listener::ClickHouse, clickhouse)),
        ];
        let devices = !account_names(&users_file(&mqtt_data))?.is_empty();
        let logins = Logins { set: settings, services: &services, devices };
        for (listener, address) in listeners.into_iter().flatten() {
            listener.check(address, &logins)?;
        }
        Ok(Self { data, api, mqtt, log, clickhouse, services, password, analyst, _lock: lock })
    }

    /// How an embedded server is started.
    pub(crate) fn launch(&self, server: Server) -> Launch {
        let address = match server {
            Server::ClickHouse => self.clickhouse,
            Server::Mqtt => self.mqtt,
            Server::Log => self.log,
        };
        let data = self.data.join(server.folder());
        Launch { server, address, data, settings: self.services.clone() }
    }
}

/// How far the simulated day runs ahead of the clock: as set, else in the demo so far that the sun shines at its start.
fn hours_ahead(settings: &Settings, demo: bool) -> f64 {
    if !demo || !is_default(settings, "DERMS_SIM_HOURS_AHEAD") {
        return settings.float(key::DERMS_SIM_HOURS_AHEAD);
    }
    let now = SystemClock.now();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium are exact")]
    let utc_h = now.0 as f64 / 3_600_000.0;
    until_sunny((utc_h + utc_offset_hours(now)).rem_euclid(24.0))
}

/// Whole hours from an hour of the day to the morning; none where the sun is up.
fn until_sunny(hour: f64) -> f64 {
    if SUNNY_H.contains(&hour) { 0.0 } else { (MORNING_H - hour.floor()).rem_euclid(24.0) }
}

fn is_default(settings: &Settings, name: &str) -> bool {
    Setting::find(name).is_some_and(|setting| settings.is_default(setting))
}

/// Where a server that listens everywhere is reached from this machine.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    }
}

/// Who may log in: whom the settings name, else (in the demo) one user of each role with one password.
fn users(settings: &Settings, demo: bool) -> anyhow::Result<(String, Option<String>)> {
    if let Some(users) = settings.exposed(key::AUTH_USERS) {
        return Ok((users.to_owned(), None));
    }
    anyhow::ensure!(
        demo,
        "AUTH_USERS is not set: name the users (derms-api hash-password makes a hash), or use --demo"
    );
    let password = match settings.exposed(key::DEMO_PASSWORD) {
        Some(password) => password.to_owned(),
        None => random_text(PASSWORD_CHARS),
    };
    let hash = derms_api::auth::hash_password(&password).context("hashing the demo's password")?;
    let users: Vec<_> = ["admin", "operator", "viewer"]
        .map(|role| serde_json::json!({"username": role, "passwordHash": hash, "role": role}))
        .into();
    Ok((serde_json::Value::from(users).to_string(), Some(password)))
}

/// The password of ClickHouse's analyst, and where a person finds it: set, else the demo's, else made once and kept.
fn analyst(
    settings: &Settings,
    demo: Option<&str>,
    data: &Path,
) -> anyhow::Result<(String, String)> {
    if let Some(password) = settings.exposed(key::DERMS_CLICKHOUSE_ANALYST_PASSWORD) {
        return Ok((password.to_owned(), "as DERMS_CLICKHOUSE_ANALYST_PASSWORD says".to_owned()));
    }
    if let Some(password) = demo {
        return Ok((password.to_owned(), "the password above".to_owned()));
    }
    let path = data.join("clickhouse-analyst.key");
    Ok((kept_secret(&path)?, format!("the password in {}", path.display())))
}

/// A secret that is made once and kept, so that what it opens stays open over a restart.
pub(crate) fn kept_secret(path: &Path) -> anyhow::Result<String> {
    let doing = || format!("the file of a secret, {}", path.display());
    match fs::read_to_string(path) {
        Ok(secret) if secret.trim().len() >= SECRET_CHARS => return Ok(secret.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(doing),
    }
    let secret = random_text(SECRET_CHARS);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(doing)?;
    file.write_all(secret.as_bytes()).with_context(doing)?;
    Ok(secret)
}

pub(crate) fn random_text(chars: usize) -> String {
    // The thread's generator is a cryptographic one, seeded by the operating system.
    rand::rng().sample_iter(Alphanumeric).take(chars).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::until_sunny;

    #[test]
    fn the_demos_day_begins_in_sunshine_at_any_hour() {
        for (hour, ahead) in [(8.0, 0.0), (12.3, 0.0), (17.0, 17.0), (23.9, 11.0), (2.5, 8.0)] {
            assert_eq!(until_sunny(hour), ahead, "at {hour}");
        }
    }
}
