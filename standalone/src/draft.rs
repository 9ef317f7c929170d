//! Owns what the settings alone say of a run of `derms up`: all that can be known of it, and refused, before a folder is
//! locked, a port claimed or a secret made. `--check-config` ends here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use service_kit::clock::{Clock as _, SystemClock, utc_offset_hours};
use service_kit::settings::{Faults, Maybe, Secret, Setting, Settings, key};

use crate::embedded::clickhouse::WRITER;
use crate::embedded::mqtt::{
    SECRET_FILE, SERVICE_USER, account_names, set_secret, tls_address, tls_listener, users_file,
};
use crate::embedded::{PortTaken, bind_address, claim_port, mqtt_bind_address};
use crate::plan::{PASSWORD_CHARS, SECRET_CHARS, random_text, reachable};
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
/// The analyst's password, where nobody has set it and there is no demo's.
pub(crate) const ANALYST_FILE: &str = "clickhouse-analyst.key";

/// Where everything listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) api: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) log: SocketAddr,
    pub(crate) clickhouse: SocketAddr,
}

impl Addresses {
    /// As they are set: port 0 is any that is free.
    fn set(settings: &Settings, faults: &mut Faults) -> Self {
        let mut or_here = |bind| faults.take(bind).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let bind = or_here(bind_address(settings));
        let mqtt = match settings.optional_text(key::DERMS_MQTT_BIND) {
            Some(_) => or_here(mqtt_bind_address(settings)),
            None => bind,
        };
        let api = settings.text(key::HOST).parse().unwrap_or(bind);
        Self {
            api: SocketAddr::new(api, settings.port(key::PORT)),
            mqtt: SocketAddr::new(mqtt, settings.port(key::MQTT_PORT)),
            log: SocketAddr::new(bind, settings.port(key::DERMS_KAFKA_PORT)),
            clickhouse: SocketAddr::new(bind, settings.port(key::DERMS_CLICKHOUSE_PORT)),
        }
    }

    /// The same with ports that can be had.
    pub(crate) fn claimed(self) -> Result<Self, PortTaken> {
        let claim =
            |address: SocketAddr, setting| claim_port(address.ip(), address.port(), setting);
        Ok(Self {
            api: claim(self.api, "PORT")?,
            mqtt: claim(self.mqtt, "MQTT_PORT")?,
            log: claim(self.log, "DERMS_KAFKA_PORT")?,
            clickhouse: claim(self.clickhouse, "DERMS_CLICKHOUSE_PORT")?,
        })
    }
}

/// What opens the parts to each other.
pub(crate) struct Secrets {
    tokens: String,
    log: String,
    clickhouse: String,
    analyst: String,
    mqtt: String,
}

/// A run, as far as its settings say it.
pub(crate) struct Draft {
    pub(crate) settings: Settings,
    pub(crate) data: PathBuf,
    pub(crate) addresses: Addresses,
    users: String,
    /// The demo's password, when there is one of our own.
    pub(crate) password: Option<String>,
    /// How far the simulated day runs ahead of the clock.
    sim_hours_ahead: f64,
}

impl Draft {
    /// Makes of the settings all that `derms up` would make of them.
    ///
    /// # Errors
    /// [`Faults`] with everything that would be refused later, in any of its parts.
    pub(crate) fn new(settings: &Settings, demo: bool) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let addresses = Addresses::set(settings, &mut faults);
        let (users, password) = match settings.exposed(key::AUTH_USERS) {
            Some(users) => (users.to_owned(), None),
            None => {
                if !demo {
                    let what = "AUTH_USERS is not set: name the users (derms-api hash-password makes a hash), or use --demo";
                    faults.0.push(what.to_owned());
                }
                let (users, password) = faults.take(demo_users(settings)).unwrap_or_default();
                (users, Some(password))
            }
        };
        let data = PathBuf::from(settings.text(key::DERMS_DATA_DIR));
        let sim_hours_ahead = hours_ahead(settings, demo);
        let draft =
            Self { settings: settings.clone(), data, addresses, users, password, sim_hours_ahead };
        draft.check(demo, &mut faults);
        if faults.0.is_empty() { Ok(draft) } else { Err(faults) }
    }

    /// Every part's own look at what it would get; secrets that are not made yet are as good as any.
    fn check(&self, demo: bool, faults: &mut Faults) {
        let stand_ins = faults.take(self.secrets(|_| Ok("x".repeat(SECRET_CHARS))));
        let services =
            stand_ins.and_then(|secrets| faults.take(self.services(&self.addresses, &secrets)));
        let Some(services) = services else { return };
        faults.join(derms_bridge::Config::from_settings(&services));
        faults.join(derms_processor::Config::from_settings(&services));
        faults.join(derms_api::Config::from_settings(&services));
        if demo {
            faults.join(derms_sim::Config::from_settings(&services));
        }
        faults.take(tls_listener(&self.settings));
        self.check_reach(&services, faults);
    }

    /// Refuses to let strangers in.
    fn check_reach(&self, services: &Settings, faults: &mut Faults) {
        let Addresses { api, mqtt, log, clickhouse } = self.addresses;
        let file = users_file(&self.data.join(Server::Mqtt.folder()));
        let devices = faults.take(account_names(&file)).is_some_and(|names| !names.is_empty());
        let logins = Logins { set: &self.settings, services, devices };
        let secured = faults.take(tls_address(&self.settings, mqtt)).flatten();
        let listeners = [
            Some((Listener::Api, api)),
            Some((Listener::Mqtt, mqtt)),
            secured.map(|address| (Listener::MqttTls, address)),
            Some((Listener::Log, log)),
            Some((Listener::ClickHouse, clickhouse)),
        ];
        for (listener, address) in listeners.into_iter().flatten() {
            faults.take(listener.check(address, &logins));
        }
    }

    /// What is set, and of what is not what is kept in the data folder's file of that name.
    pub(crate) fn secrets(
        &self,
        kept: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<Secrets> {
        let set_or = |key: Maybe<Secret>, file| match self.settings.exposed(key) {
            Some(secret) => Ok(secret.to_owned()),
            None => kept(file),
        };
        let mqtt = format!("{}/{SECRET_FILE}", Server::Mqtt.folder());
        Ok(Secrets {
            tokens: set_or(key::JWT_SECRET, "jwt.key")?,
            log: set_or(key::DERMS_KAFKA_SASL_PASSWORD, "log.key")?,
            clickhouse: set_or(key::DERMS_CLICKHOUSE_PASSWORD, "clickhouse-writer.key")?,
            analyst: match (
                self.settings.exposed(key::DERMS_CLICKHOUSE_ANALYST_PASSWORD),
                &self.password,
            ) {
                (Some(password), _) => password.to_owned(),
                (None, Some(demo)) => demo.clone(),
                (None, None) => kept(ANALYST_FILE)?,
            },
            mqtt: set_secret(&self.settings)
                .map_or_else(|| kept(&mqtt), |set| Ok(set.to_owned()))?,
        })
    }

    /// The settings for the services: the operator's, with the embedded servers' addresses on top.
    pub(crate) fn services(
        &self,
        addresses: &Addresses,
        secrets: &Secrets,
    ) -> anyhow::Result<Settings> {
        let Addresses { api, mqtt, log, clickhouse } = addresses;
        let settings = &self.settings;
        let log_user = settings.optional_text(key::DERMS_KAFKA_SASL_USERNAME).unwrap_or(LOG_USER);
        let clickhouse_user = settings.optional_text(key::DERMS_CLICKHOUSE_USER).unwrap_or(WRITER);
        let tuned: Vec<_> = FOR_ONE_PROCESS
            .iter()
            .filter(|(name, _)| is_default(settings, name))
            .copied()
            .collect();
        let services = settings.with(&tuned)?.with(&[
            ("DERMS_SIM_HOURS_AHEAD", &self.sim_hours_ahead.to_string()),
            ("HOST", &api.ip().to_string()),
            ("PORT", &api.port().to_string()),
            ("MQTT_HOST", &reachable(*mqtt).ip().to_string()),
            ("MQTT_PORT", &mqtt.port().to_string()),
            ("MQTT_USERNAME", SERVICE_USER),
            ("MQTT_PASSWORD", &secrets.mqtt),
            ("DERMS_KAFKA_BROKERS", &reachable(*log).to_string()),
            ("DERMS_KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
            ("DERMS_KAFKA_SASL_MECHANISM", LOG_MECHANISM),
            ("DERMS_KAFKA_SASL_USERNAME", log_user),
            ("DERMS_KAFKA_SASL_PASSWORD", &secrets.log),
            ("DERMS_CLICKHOUSE_URL", &format!("http://{}", reachable(*clickhouse))),
            ("DERMS_CLICKHOUSE_USER", clickhouse_user),
            ("DERMS_CLICKHOUSE_PASSWORD", &secrets.clickhouse),
            ("DERMS_CLICKHOUSE_ANALYST_PASSWORD", &secrets.analyst),
            ("AUTH_USERS", &self.users),
            ("JWT_SECRET", &secrets.tokens),
        ])?;
        Ok(services)
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

/// One user of each role with one password: set, else made.
fn demo_users(settings: &Settings) -> anyhow::Result<(String, String)> {
    let password = match settings.exposed(key::DEMO_PASSWORD) {
        Some(password) => password.to_owned(),
        None => random_text(PASSWORD_CHARS),
    };
    let hash = derms_api::auth::hash_password(&password).context("hashing the demo's password")?;
    let users: Vec<_> = ["admin", "operator", "viewer"]
        .map(|role| serde_json::json!({"username": role, "passwordHash": hash, "role": role}))
        .into();
    Ok((serde_json::Value::from(users).to_string(), password))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use service_kit::settings::Service;

    use super::*;

    /// What is wrong with these settings on top of the defaults.
    fn faults(demo: bool, set: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data").display().to_string();
        let mut pairs = vec![("DERMS_DATA_DIR", data.as_str())];
        pairs.extend(set);
        let settings = Settings::from_pairs(Service::Standalone, &pairs).expect("each of its kind");
        let faults = Draft::new(&settings, demo).err().unwrap_or_default().0;
        assert!(!folder.path().join("data").exists(), "a draft touches nothing");
        faults
    }

    #[test]
    fn the_demos_day_begins_in_sunshine_at_any_hour() {
        for (hour, ahead) in [(8.0, 0.0), (12.3, 0.0), (17.0, 17.0), (23.9, 11.0), (2.5, 8.0)] {
            assert_eq!(until_sunny(hour), ahead, "at {hour}");
        }
    }

    #[test]
    fn the_defaults_are_fine_with_the_demo_and_want_users_without_it() {
        assert_eq!(faults(true, &[]), Vec::<String>::new());
        let without = faults(false, &[]);
        assert!(without.len() == 1 && without[0].contains("AUTH_USERS"), "{without:?}");
    }

    #[test]
    fn what_any_part_would_refuse_is_said_at_once() {
        let wrong = [
            ("DERMS_BIND", "everywhere"),
            ("DERMS_PARTITIONS", "some"),
            ("JSON_BODY_LIMIT", "much"),
            ("AUTH_USERS", "nobody"),
            ("DERMS_MQTT_TLS_CERT_PATH", "/nowhere/cert.pem"),
            ("DERMS_CLICKHOUSE_CLUSTER", "a cluster"),
            ("HOST", "0.0.0.0"),
        ];
        let said = faults(false, &wrong);
        for (name, _) in &wrong[..wrong.len() - 1] {
            assert!(said.iter().any(|fault| fault.contains(name)), "{name}: {said:?}");
        }
        let once: BTreeSet<&String> = said.iter().collect();
        assert_eq!(once.len(), said.len(), "each is said once: {said:?}");
        let open = faults(true, &[("HOST", "0.0.0.0"), ("DERMS_MQTT_BIND", "::")]);
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(open.iter().all(|fault| fault.contains("beyond this machine")), "{open:?}");
    }
}
