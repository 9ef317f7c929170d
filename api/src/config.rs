//! The API's settings as types, checked: all that is wrong is said at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use service_kit::log::LogConfig;
use service_kit::mqtt::Broker;
use service_kit::settings::{Faults, Settings, key};

use crate::auth::{OidcConfig, TokenConfig, Users};
use crate::graphql::Accepted;
use crate::http::Names;
use crate::network::Proxies;
use crate::store::history::HistoryConfig;
use crate::store::ingest::IngestConfig;

/// Everything the API needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Host to listen on.
    pub host: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Who may log in.
    pub users: Users,
    /// By which provider they may, too.
    pub oidc: Option<OidcConfig>,
    /// How tokens are made.
    pub tokens: TokenConfig,
    /// Where the log is.
    pub log: LogConfig,
    /// Where ClickHouse is.
    pub history: HistoryConfig,
    /// Where telemetry goes that comes over the API.
    pub ingest: IngestConfig,
    /// Longest wait for a change to be confirmed.
    pub write_timeout: Duration,
    /// How far the simulator's day is ahead of the clock, in hours, for those who look at it.
    pub sim_hours_ahead: f64,
    /// How the HTTP side behaves.
    pub http: HttpConfig,
    /// Certificate and key, where https is spoken.
    pub tls: Option<TlsConfig>,
}

/// How the HTTP side behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Names and origins that are ours.
    pub names: Arc<Names>,
    /// Proxies whose word on the client's address is taken.
    pub proxies: Arc<Proxies>,
    /// Largest body, bytes.
    pub body_limit: usize,
    /// Where metrics are served, if at all.
    pub metrics_path: Option<String>,
    /// Folder of the built dashboard, as set.
    pub dashboard: Option<PathBuf>,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// Who may send documents of their own.
    pub documents: Accepted,
    /// Whether https is spoken.
    pub is_https: bool,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The private key.
    pub key: PathBuf,
    /// The certificate chain.
    pub certificate: PathBuf,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Faults`] with all that is wrong.
    pub fn from_settings(settings: &Settings) -> Result<Self, Faults> {
        let mut problems = Vec::new();
        let mut check = |problem: String| problems.push(problem);
        let oidc = match OidcConfig::from_settings(settings) {
            Ok(oidc) => oidc,
            Err(all) => {
                all.into_iter().for_each(&mut check);
                None
            }
        };
        let users = users(settings, oidc.is_some()).map_err(&mut check).ok();
        let body_limit = body_limit(settings.text(key::JSON_BODY_LIMIT)).map_err(&mut check).ok();
        let names = names(settings, oidc.as_ref()).map_err(&mut check).ok();
        let proxies = proxies(settings).map_err(&mut check).ok();
        let metrics_path = metrics_path(settings).map_err(&mut check).ok();
        let tls = tls(settings).map_err(&mut check).ok();
        let ingest = ingest(settings).map_err(&mut check).ok();
        let tokens = tokens(settings).map_err(&mut check).ok();
        let (Some(users), Some(body_limit), Some(metrics_path)) = (users, body_limit, metrics_path)
        else {
            return Err(Faults(problems));
        };
        let (Some(names), Some(proxies), Some(tls), Some(ingest)) = (names, proxies, tls, ingest)
        else {
            return Err(Faults(problems));
        };
        let Some(tokens) = tokens else { return Err(Faults(problems)) };
        if !problems.is_empty() {
            return Err(Faults(problems));
        }
        let timeout = settings.millis(key::DB_QUERY_TIMEOUT_MS);
        Ok(Self {
            host: settings.text(key::HOST).to_owned(),
            port: settings.port(key::PORT),
            users,
            oidc,
            tokens,
            log: LogConfig::from_settings(settings),
            history: HistoryConfig {
                url: settings.text(key::DERMS_CLICKHOUSE_URL).to_owned(),
                database: settings.text(key::DERMS_CLICKHOUSE_DATABASE).to_owned(),
                user: settings.optional_text(key::DERMS_CLICKHOUSE_USER).map(str::to_owned),
                password: settings.secret(key::DERMS_CLICKHOUSE_PASSWORD),
                authority: settings.optional_path(key::DERMS_CLICKHOUSE_CA_PATH),
                timeout,
            },
            ingest,
            write_timeout: timeout,
            sim_hours_ahead: settings.float(key::DERMS_SIM_HOURS_AHEAD),
            http: HttpConfig {
                names: Arc::new(names),
                proxies: Arc::new(proxies),
                body_limit,
                metrics_path,
                dashboard: settings.optional_path(key::DERMS_DASHBOARD_DIR),
                introspection: settings.flag(key::DERMS_GRAPHQL_INTROSPECTION),
                documents: Accepted::from_word(settings.text(key::DERMS_GRAPHQL_DOCUMENTS)),
                is_https: tls.is_some(),
            },
            tls,
        })
    }
}

fn ingest(settings: &Settings) -> Result<IngestConfig, String> {
    let payload_max = settings.int(key::MQTT_MAX_PAYLOAD_BYTES);
    Ok(IngestConfig {
        broker: Broker::from_settings(settings).map_err(|error| format!("{error:#}"))?,
        topics: settings.topics(key::MQTT_TOPIC_PREFIX),
        payload_max: usize::try_from(payload_max).unwrap_or_default(),
    })
}

fn tokens(settings: &Settings) -> Result<TokenConfig, String> {
    let secret = settings.secret(key::JWT_SECRET);
    Ok(TokenConfig {
        secret: secret.ok_or_else(|| "JWT_SECRET is not set".to_owned())?,
        previous: settings.secret(key::JWT_SECRET_PREVIOUS),
        issuer: settings.text(key::JWT_ISSUER).to_owned(),
        audience: settings.text(key::JWT_AUDIENCE).to_owned(),
        ttl: Duration::from_secs_f64(settings.float(key::JWT_TOKEN_TTL_HOURS) * 3_600.0),
        tolerance: Duration::from_secs(
            settings.int(key::JWT_CLOCK_TOLERANCE_SECONDS).unsigned_abs(),
        ),
    })
}

/// `512kb`, `1mb`, `1000000`, `64 KB`.
fn body_limit(text: &str) -> Result<usize, String> {
    const SMALLEST: usize = 1_024;
    const LARGEST: usize = 64 * 1024 * 1024;
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = match lower.trim_start_matches(|c: char| c.is_ascii_digit()).trim() {
        "" | "b" => Some(1),
        "kb" | "k" => Some(1_024),
        "mb" | "m" => Some(1_024 * 1_024),
        _ => None,
    };
    digits
        .parse::<usize>()
        .ok()
        .zip(unit)
        .and_then(|(count, unit)| count.checked_mul(unit))
        .filter(|bytes| (SMALLEST..=LARGEST).contains(bytes))
        .ok_or_else(|| {
            format!("JSON_BODY_LIMIT = {text:?}: expected a size from 1kb to 64mb, for example 512kb or 1mb")
        })
}

/// Who may log in by name and password: nobody only where they can by the provider.
fn users(settings: &Settings, has_provider: bool) -> Result<Users, String> {
    match settings.exposed(key::AUTH_USERS).unwrap_or_default().trim() {
        "[]" if has_provider => Ok(Users::nobody()),
        text => Users::parse(text).map_err(|error| format!("AUTH_USERS: {error}")),
    }
}

fn names(settings: &Settings, oidc: Option<&OidcConfig>) -> Result<Names, String> {
    let origins = origins(settings.text(key::CORS_ALLOWED_ORIGINS))?;
    let mut public = settings.optional_text(key::DERMS_PUBLIC_NAMES).unwrap_or_default().to_owned();
    // This machine has its names already; as public ones they would let in pages of its other programs.
    if let Some(oidc) = oidc.filter(|oidc| !oidc.is_public_here()) {
        public = format!("{public},{}", oidc.public_host());
    }
    Names::new(settings.text(key::HOST), &public, origins).map_err(|entry| {
        format!("DERMS_PUBLIC_NAMES: {entry:?} is no host name; expected for example derms.example.org, without https:// and port")
    })
}

fn proxies(settings: &Settings) -> Result<Proxies, String> {
    let text = settings.optional_text(key::DERMS_TRUSTED_PROXIES).unwrap_or_default();
    Proxies::parse(text).map_err(|entry| {
        format!("DERMS_TRUSTED_PROXIES: {entry:?} is no address; expected for example 10.0.0.7 or 10.0.0.0/8")
    })
}

fn origins(text: &str) -> Result<Vec<HeaderValue>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| {
            let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/')
            });
            HeaderValue::from_str(origin)
                .ok()
                .filter(|_| is_origin)
                .ok_or_else(|| {
                    format!("CORS_ALLOWED_ORIGINS: {origin:?} is no origin; expected for example http://localhost:5173")
                })
        })
        .collect()
}

fn metrics_path(settings: &Settings) -> Result<Option<String>, String> {
    if !settings.flag(key::PROMETHEUS_ENABLED) {
        return Ok(None);
    }
    let path = settings.text(key::PROMETHEUS_PATH);
    let is_path = path.starts_with('/')
        && path.len() > 1
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    let is_taken = path.starts_with("/api/") || path.starts_with("/graphql");
    if is_path && !is_taken {
        Ok(Some(path.to_owned()))
    } else {
        Err(format!("PROMETHEUS_PATH = {path:?}: expected a path of its own such as /metrics"))
    }
}

fn tls(settings: &Settings) -> Result<Option<TlsConfig>, String> {
    if !settings.flag(key::TLS_ENABLED) {
        return Ok(None);
    }
    match (settings.optional_path(key::TLS_KEY_PATH), settings.optional_path(key::TLS_CERT_PATH)) {
        (Some(key), Some(certificate)) => Ok(Some(TlsConfig { key, certificate })),
        _ => {
            Err("TLS_ENABLED = true needs TLS_KEY_PATH and TLS_CERT_PATH: two PEM files".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use service_kit::settings::Service;

    use super::*;

    const SECRET: (&str, &str) = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");

    fn users() -> String {
        format!(
            r#"[{{"username":"ada","passwordHash":"scrypt:MDEyMzQ1Njc4OWFiY2RlZg==:{}==","role":"admin"}}]"#,
            "A".repeat(86)
        )
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Config, Faults> {
        let users = users();
        let mut all = vec![SECRET, ("AUTH_USERS", users.as_str())];
        all.extend_from_slice(pairs);
        let settings = Settings::from_pairs(Service::Api, &all).expect("in the catalogue");
        Config::from_settings(&settings)
    }

    #[test]
    fn the_defaults_are_usable() {
        let config = load(&[]).expect("usable");
        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 3001));
        assert_eq!(config.http.body_limit, 1024 * 1024);
        assert_eq!(config.http.metrics_path.as_deref(), Some("/metrics"));
        assert_eq!(*config.http.proxies, Proxies::default());
        assert_eq!(config.tokens.ttl, Duration::from_secs(12 * 3600));
        assert_eq!(config.tls, None);
    }

    #[test]
    fn where_the_provider_sends_browsers_back_to_is_a_name_of_ours_unless_it_is_this_machine() {
        let names = |url: &str| {
            let pairs = [
                ("DERMS_OIDC_ISSUER", "https://login.example.org"),
                ("DERMS_OIDC_CLIENT_ID", "derms"),
                ("DERMS_OIDC_PUBLIC_URL", url),
            ];
            load(&pairs).expect("usable").http.names
        };
        let known =
            load(&[("DERMS_PUBLIC_NAMES", "derms.example.org")]).expect("usable").http.names;
        assert_eq!(names("https://derms.example.org:8443"), known);
        let plain = load(&[]).expect("usable").http.names;
        for here in ["http://localhost:3001", "http://127.0.0.1:3001", "http://[::1]:3001"] {
            assert_eq!(names(here), plain, "{here}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let Faults(problems) = load(&[
            ("AUTH_USERS", "{}"),
            ("JSON_BODY_LIMIT", "much"),
            ("CORS_ALLOWED_ORIGINS", "localhost"),
            ("DERMS_TRUSTED_PROXIES", "proxy"),
            ("PROMETHEUS_PATH", "metrics"),
            ("TLS_ENABLED", "true"),
        ])
        .expect_err("nothing is right");
        assert_eq!(problems.len(), 6, "{problems:#?}");
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1mb", Some(1_048_576)),
            ("512kb", Some(524_288)),
            ("2000", Some(2_000)),
            ("64 KB", Some(65_536)),
            ("1", None),
            ("1gb", None),
            ("", None),
            ("999999mb", None),
        ] {
            assert_eq!(body_limit(text).ok(), bytes, "{text:?}");
        }
    }
}
