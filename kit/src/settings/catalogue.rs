//! Every setting there is: its name, default, kind with range, who reads it, and what it does.
//!
//! Names without `DERMS_` are the predecessor's, kept to the letter; new ones begin with `DERMS_`.

/// The policies, and before them the predecessor's name for the default one.
pub(super) const ALLOCATION_MODES: &[&str] = &[
    "heuristic",
    "water-fill",
    "optimizer",
    "pro-rata",
    "equal-share",
    "lifo",
    "deficit",
    "deficit-predecessor",
];

/// A service that reads settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// MQTT to log and back.
    Bridge,
    /// Control and the ClickHouse sink.
    Processor,
    /// GraphQL API and dashboard.
    Api,
    /// The simulated fleet.
    Sim,
    /// One device.
    Agent,
    /// Everything in one process.
    Standalone,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A text that is never shown, with a least length.
    Secret {
        /// Least number of characters.
        min_len: usize,
    },
    /// A whole number with its unit.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// Unit.
        unit: &'static str,
    },
    /// A number with its unit.
    Float {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// Unit.
        unit: &'static str,
    },
    /// true or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A TCP port.
    Port,
    /// HOST:PORT of this machine to listen on.
    Address,
    /// An http or https address.
    Url,
}

/// Reads yes or no.
pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

impl Kind {
    /// Whether a value is one of this kind.
    #[must_use]
    pub fn accepts_value(self, text: &str) -> bool {
        match self {
            Self::Text => !text.is_empty(),
            Self::Secret { min_len } => text.chars().count() >= min_len,
            Self::Int { min, max, .. } => {
                text.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Float { min, max, .. } => {
                text.parse::<f64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Flag => parse_flag(text).is_some(),
            Self::Choice(words) => words.contains(&text),
            Self::Port => text.parse::<u16>().is_ok(),
            Self::Address => text.parse::<std::net::SocketAddr>().is_ok(),
            Self::Url => text.starts_with("http://") || text.starts_with("https://"),
        }
    }

    /// What is accepted, in words.
    #[must_use]
    pub fn accepts(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Secret { min_len: 0 | 1 } => "a secret text".to_owned(),
            Self::Secret { min_len } => format!("a secret text of at least {min_len} characters"),
            Self::Int { min, max, unit } => {
                format!("a whole number from {min} to {max} {unit}").trim_end().to_owned()
            }
            Self::Float { min, max, unit } => {
                format!("a number from {min} to {max} {unit}").trim_end().to_owned()
            }
            Self::Flag => "true or false".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Port => "a TCP port from 0 (any free one) to 65535".to_owned(),
            Self::Address => "ADDRESS:PORT to listen on".to_owned(),
            Self::Url => "an http:// or https:// address".to_owned(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the environment, in files and after `--set`.
    pub name: &'static str,
    /// Its default; none = absent unless set.
    pub default: Option<&'static str>,
    /// What a value looks like.
    pub kind: Kind,
    /// Who reads it.
    pub services: &'static [Service],
    /// Who does not start without it.
    pub required_by: &'static [Service],
    /// What it does.
    pub doc: &'static str,
}

impl Setting {
    /// The setting of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|setting| setting.name == name)
    }

    /// Whether a service reads it.
    #[must_use]
    pub fn used_by(&self, service: Service) -> bool {
        service == Service::Standalone || self.services.contains(&service)
    }

    /// The name most like a misspelt one.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        const FAR: usize = 4;
        CATALOGUE
            .iter()
            .map(|setting| (distance(name, setting.name), setting.name))
            .min()
            .filter(|(distance, _)| *distance < FAR)
            .map(|(_, near)| near)
    }
}

/// Edit distance (Levenshtein) of two names.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

use Kind::{Address, Choice, Flag, Port, Secret, Text, Url};
use Service::{Agent, Api, Bridge, Processor, Sim, Standalone};

const ALL: &[Service] = &[Bridge, Processor, Api, Sim, Agent, Standalone];
const LOG_USERS: &[Service] = &[Bridge, Processor, Api];
const MQTT_USERS: &[Service] = &[Bridge, Api, Sim];
const CLICKHOUSE_USERS: &[Service] = &[Processor, Api, Sim];

const fn row(
    name: &'static str,
    default: Option<&'static str>,
    kind: Kind,
    services: &'static [Service],
    doc: &'static str,
) -> Setting {
    Setting { name, default, kind, services, required_by: &[], doc }
}

const fn required(
    name: &'static str,
    kind: Kind,
    services: &'static [Service],
    doc: &'static str,
) -> Setting {
    Setting { name, default: None, kind, services, required_by: services, doc }
}

const fn ms(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: "ms" }
}

const fn int(min: i64, max: i64, unit: &'static str) -> Kind {
    Kind::Int { min, max, unit }
}

const fn float(min: f64, max: f64, unit: &'static str) -> Kind {
    Kind::Float { min, max, unit }
}

const DAY_MS: i64 = 86_400_000;

/// All settings, by theme.
#[rustfmt::skip]
pub const CATALOGUE: &[Setting] = &[
    // The process.
    row("DERMS_CONFIG", None, Text, ALL, "a TOML file of settings"),
    row("LOG_LEVEL", Some("info"), Choice(&["error", "warn", "info", "debug", "trace"]), ALL, "how much our own parts log"),
    row("DECISION_LOG_LEVEL", Some("info"), Choice(&["off", "info", "debug"]), &[Processor], "what the log says of each decision: nothing, its feeders, its devices too"),
    row("LOG_PRETTY", Some("false"), Flag, ALL, "log lines for people instead of JSON"),
    row("RUST_LOG", None, Text, ALL, "a tracing filter; replaces LOG_LEVEL"),
    row("DERMS_METRICS_ADDR", None, Address, &[Bridge, Processor, Sim, Agent], "where /metrics and /healthz are served"),
    // The log.
    row("DERMS_KAFKA_BROKERS", Some("127.0.0.1:9092"), Text, LOG_USERS, "bootstrap servers of the log, comma separated"),
    row("DERMS_TOPIC_PREFIX", Some("derms."), Text, LOG_USERS, "prefix of the log's topics"),
    row("DERMS_TREE_PARTITIONS", Some("12"), int(1, 1024, "partitions"), LOG_USERS, "partitions of topics keyed by feeder tree, when they are created"),
    row("DERMS_REPLICATION_FACTOR", Some("1"), int(1, 9, "replicas"), LOG_USERS, "replicas of topics, when they are created"),
    row("DERMS_SCHEMA_REGISTRY_URL", None, Url, LOG_USERS, "a schema registry, over http: values are then framed as Confluent's tools expect"),
    row("DERMS_KAFKA_FETCH_WAIT_MS", Some("100"), ms(1, 5_000), LOG_USERS, "longest wait of an empty fetch"),
    row("DERMS_KAFKA_LINGER_MS", Some("5"), ms(0, 1_000), LOG_USERS, "how long the producer gathers a batch"),
    row("DERMS_KAFKA_SECURITY_PROTOCOL", Some("plaintext"), Choice(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]), LOG_USERS, "how to speak to the log"),
    row("DERMS_KAFKA_SASL_MECHANISM", Some("SCRAM-SHA-512"), Choice(&["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]), LOG_USERS, "how to log in where the protocol is sasl_*"),
    row("DERMS_KAFKA_SASL_USERNAME", None, Text, LOG_USERS, "user at the log"),
    row("DERMS_KAFKA_SASL_PASSWORD", None, Secret { min_len: 1 }, LOG_USERS, "password at the log"),
    row("DERMS_KAFKA_SSL_CA_PATH", None, Text, LOG_USERS, "PEM file of the authority that signed the log's certificates; default: the machine's own authorities"),
    row("DERMS_KAFKA_SSL_CERT_PATH", None, Text, LOG_USERS, "PEM file of our certificate, where the log asks for one"),
    row("DERMS_KAFKA_SSL_KEY_PATH", None, Text, LOG_USERS, "PEM file of its private key"),
    row("DERMS_KAFKA_SESSION_TIMEOUT_MS", Some("6000"), ms(1_000, 600_000), LOG_USERS, "after this silence a group member is taken for dead, and within two seconds more its work is another's; the log may refuse less than 6000"),
    row("DERMS_PASS_OVER_NEWER", Some("false"), Flag, LOG_USERS, "records that say they are of a newer version are passed over instead of ending the program: only where no newer program ever ran on this log"),
    row("DERMS_INSTANCE", None, Text, LOG_USERS, "this instance's own name: gives it static membership"),
    // MQTT.
    row("MQTT_HOST", Some("localhost"), Text, MQTT_USERS, "the MQTT broker's host"),
    row("MQTT_PORT", Some("1883"), Port, &[Bridge, Api, Sim, Standalone], "the MQTT broker's port"),
    row("MQTT_TOPIC_PREFIX", Some("der"), Text, MQTT_USERS, "prefix of all MQTT topics"),
    row("MQTT_USERNAME", None, Text, MQTT_USERS, "user at the MQTT broker"),
    row("MQTT_PASSWORD", None, Secret { min_len: 1 }, MQTT_USERS, "password at the MQTT broker"),
    row("MQTT_TLS_ENABLED", Some("false"), Flag, MQTT_USERS, "TLS to the MQTT broker"),
    row("MQTT_TLS_CA_PATH", None, Text, MQTT_USERS, "PEM file of the authority that signed the broker's certificate; default: the machine's own authorities"),
    row("MQTT_TLS_CERT_PATH", None, Text, MQTT_USERS, "PEM file of our certificate, where the broker asks for one"),
    row("MQTT_TLS_KEY_PATH", None, Text, MQTT_USERS, "PEM file of its private key"),
    row("MQTT_TLS_REJECT_UNAUTHORIZED", Some("true"), Choice(&["true"]), MQTT_USERS, "the broker's certificate is always checked; give MQTT_TLS_CA_PATH for one of your own"),
    row("MQTT_MAX_PAYLOAD_BYTES", Some("256000"), int(1_024, 8_388_608, "bytes"), &[Bridge, Api], "a larger message is refused to the dead letters"),
    row("MQTT_PUBLISH_TIMEOUT_MS", Some("2000"), ms(50, 600_000), &[Bridge], "longest wait for a setpoint's PUBACK, each try"),
    row("MQTT_MAX_RETRIES", Some("3"), int(0, 100, "retries"), &[Bridge], "further tries of a setpoint that the broker refuses; one that it is not there for is tried until its lease ends"),
    row("MQTT_RETRY_BACKOFF_MS", Some("200"), ms(1, 600_000), &[Bridge], "wait before the first retry; doubles"),
    row("DERMS_MQTT_RECEIVE_MAX", Some("1000"), int(1, 65_535, "messages"), &[Bridge], "unacknowledged messages in flight from the broker"),
    row("DERMS_MQTT_CLIENT_ID", Some("derms-bridge"), Text, &[Bridge], "client id of the bridge's persistent session; each bridge its own"),
    row("DERMS_MQTT_SHARE_GROUP", None, Text, &[Bridge], "shared-subscription group, for several bridges at one broker"),
    row("DERMS_MQTT_DEVICE_RATE_MAX", Some("50"), int(1, 100_000, "messages/s"), &[Bridge], "more from one device is refused to the dead letters"),
    row("DERMS_REGISTRATION", Some("open"), Choice(&["open", "quarantine", "closed"]), &[Bridge], "what becomes of a device that nobody registered: it is registered at its first sample, waits for an operator (its samples are stored, it neither steers nor holds anything), or is refused"),
    row("DERMS_UNKNOWN_FEEDER", Some("open"), Choice(&["open", "default", "quarantine"]), &[Bridge], "what becomes of a new device that claims a feeder which is not there: the feeder is opened with the default limit, the device goes to DEFAULT_FEEDER_ID, or it waits for an operator"),
    row("DERMS_DEVICES_MAX", Some("200000"), int(1, 1_000_000, "devices"), &[Bridge], "registered devices in all; further ones are refused to the dead letters"),
    row("DERMS_DEVICES_PER_FEEDER_MAX", Some("100000"), int(1, 1_000_000, "devices"), &[Bridge], "registered devices of one feeder; further ones are refused to the dead letters"),
    row("DERMS_WAITING_DEVICES_MAX", Some("1000"), int(1, 100_000, "devices"), &[Bridge], "devices that wait for an operator; further ones are refused to the dead letters"),
    row("DERMS_UNPROVEN_KW", Some("50"), float(0.0, 1.0e6, "kW"), &[Bridge], "a new device that says more than this (power, fallback or minimum, either way) waits until it has said so three times or an operator approves it"),
    row("DERMS_NEW_DEVICES_PER_MINUTE", Some("12000"), int(1, 1_000_000, "devices"), &[Bridge], "devices registered or set waiting in a minute, the first minute's at once; samples of further ones are refused until there is room"),
    // Control.
    row("CONTROL_INTERVAL_SECONDS", Some("5"), float(0.2, 3_600.0, "s"), &[Bridge, Processor, Api], "width of the control window"),
    row("DERMS_ALLOWED_LATENESS_MS", Some("2000"), ms(0, DAY_MS), &[Processor], "how long a window waits for late samples"),
    row("DERMS_IDLE_TIMEOUT_MS", Some("1000"), ms(0, DAY_MS), &[Processor], "how much longer the clock waits to close a silent feeder's window"),
    row("FEEDER_DEFAULT_LIMIT_KW", Some("250"), float(0.0, 1.0e9, "kW"), &[Processor], "import limit of a feeder that has none of its own"),
    row("CONTROL_GLOBAL_KW_LIMIT", None, float(0.0, 1.0e9, "kW"), &[Processor], "upper bound of the limits of all controlled root feeders together, split by their own limits"),
    row("DERMS_MARGIN_KW", Some("0.5"), float(0.0, 1.0e6, "kW"), &[Processor], "distance kept from every limit"),
    row("DERMS_MARGIN_PERCENT", Some("1"), float(0.0, 50.0, "%"), &[Processor], "distance kept from every limit, relative; the larger holds"),
    row("CONTROL_MIN_SOC_RESERVE", Some("0.2"), float(0.0, 1.0, ""), &[Processor], "storage is never discharged below this state of charge"),
    row("CONTROL_TARGET_SOC", Some("0.8"), float(0.0, 1.0, ""), &[Processor], "state of charge wanted where nothing else is said"),
    row("CONTROL_RESPECT_PRIORITY", Some("true"), Flag, &[Processor], "whether priorities have the predecessor's extra quarter of weight; they weigh in any case"),
    row("CONTROL_SOC_WEIGHT", Some("1.2"), float(0.0, 100.0, ""), &[Processor], "weight of the gap to the target"),
    row("CONTROL_ALLOCATION_MODE", Some("heuristic"), Choice(ALLOCATION_MODES), &[Processor], "policy of feeders that name none (docs/policies.md); heuristic = water-fill"),
    row("DERMS_DEADBAND_KW", Some("0.1"), float(0.0, 1.0e6, "kW"), &[Processor], "a smaller change of setpoint is not sent"),
    row("DERMS_DWELL_MS", Some("60000"), ms(0, DAY_MS), &[Processor], "least time between changes of direction"),
    row("DERMS_RAMP_PERCENT", Some("20"), float(0.1, 100.0, "%"), &[Processor], "rise per interval of a device that names no ramp, of its rating"),
    row("DERMS_SHED_MARGIN_KW", Some("0.5"), float(0.0, 1.0e6, "kW"), &[Processor], "a feeder this far over its limit is shed without waiting"),
    row("DERMS_UNHEARD_KW", Some("7.4"), float(0.0, 1.0e6, "kW"), &[Processor], "power reserved for a registered device that was never heard, unless its fallback is set"),
    row("DERMS_SETPOINT_TTL_MS", Some("30000"), ms(500, DAY_MS), &[Processor], "lifetime of a setpoint"),
    row("TRACKING_ERROR_WINDOW_MINUTES", Some("10"), float(0.1, 1_440.0, "min"), &[Processor], "rolling window of the tracking error"),
    row("DERMS_SNAPSHOT_DECISIONS", Some("12"), int(1, 100_000, "decisions"), &[Processor], "a tree's state is written to the log every so many decisions"),
    row("DERMS_PARTITIONS", Some("auto"), Text, &[Bridge, Processor], "auto = by consumer group; else all, or numbers such as 0,1,2"),
    row("DERMS_STANDBY", Some("false"), Flag, &[Processor], "follow the partitions that other instances hold, to take over without a replay; costs their memory and a read of each a second"),
    // Safety.
    row("TELEMETRY_STALE_MS", Some("30000"), ms(100, DAY_MS), &[Processor], "a sample older than this is stale"),
    row("TELEMETRY_MISSING_BEHAVIOR", Some("SAFE_ZERO"), Choice(&["SAFE_ZERO", "HOLD_LAST", "EXCLUDE_DEVICE"]), &[Processor], "what a stale or never heard device gets"),
    row("HOLD_LAST_MAX_MS", Some("120000"), ms(0, DAY_MS), &[Bridge, Processor], "longest hold of a last setpoint"),
    row("DB_QUERY_TIMEOUT_MS", Some("2000"), ms(50, 600_000), &[Processor, Api], "bounds an append to the log in the control path, and queries of the API"),
    row("DB_ERROR_BEHAVIOR", Some("SAFE_ZERO_ALL"), Choice(&["SAFE_ZERO_ALL", "HOLD_LAST", "STOP_LOOP"]), &[Bridge], "what devices get when decisions stop coming"),
    row("MAX_CONSECUTIVE_FAILURES", Some("5"), int(1, 10_000, "cycles"), &[Processor], "failed cycles until a feeder is no longer controlled"),
    row("RESTART_BEHAVIOR", Some("SAFE_ZERO"), Choice(&["SAFE_ZERO", "HOLD_LAST"]), &[Processor], "what devices get after an outage longer than the leases"),
    row("DEFAULT_FEEDER_ID", Some("default-feeder"), Text, &[Bridge], "feeder of a device that names neither feeder nor site"),
    // ClickHouse.
    row("DERMS_CLICKHOUSE_URL", Some("http://127.0.0.1:8123"), Url, CLICKHOUSE_USERS, "ClickHouse's HTTP interface"),
    row("DERMS_CLICKHOUSE_DATABASE", Some("derms"), Text, CLICKHOUSE_USERS, "its database"),
    row("DERMS_CLICKHOUSE_USER", None, Text, CLICKHOUSE_USERS, "its user"),
    row("DERMS_CLICKHOUSE_PASSWORD", None, Secret { min_len: 1 }, CLICKHOUSE_USERS, "its password"),
    row("DERMS_CLICKHOUSE_CA_PATH", None, Text, CLICKHOUSE_USERS, "PEM file of the authority that signed its certificate, for https://; default: the machine's own authorities"),
    row("DERMS_CLICKHOUSE_CLUSTER", None, Text, &[Processor, Sim], "cluster over which its tables are spread, replicated; default: they stand on one server"),
    row("DERMS_SINK_MAX_AGE_MS", Some("2000"), ms(100, 600_000), &[Processor], "rows wait at most this long for their block"),
    row("DERMS_SINK_MAX_ROWS", Some("50000"), int(1, 1_000_000, "rows"), &[Processor], "a block is written at this many rows"),
    // API.
    row("HOST", Some("127.0.0.1"), Text, &[Api], "address that the API and the dashboard listen on"),
    row("PORT", Some("3001"), Port, &[Api], "port of the API and the dashboard"),
    required("AUTH_USERS", Secret { min_len: 2 }, &[Api], "JSON array of {username, passwordHash, role}; derms-api hash-password makes a hash"),
    required("JWT_SECRET", Secret { min_len: 32 }, &[Api], "key that tokens are signed with"),
    row("JWT_SECRET_PREVIOUS", None, Secret { min_len: 32 }, &[Api], "the key before it: its tokens are accepted while they live"),
    row("JWT_ISSUER", Some("mini-derms-feeder-controller"), Text, &[Api], "issuer of tokens"),
    row("JWT_AUDIENCE", Some("mini-derms-feeder-api"), Text, &[Api], "audience of tokens"),
    row("JWT_TOKEN_TTL_HOURS", Some("12"), float(0.01, 720.0, "h"), &[Api], "lifetime of a token"),
    row("JWT_CLOCK_TOLERANCE_SECONDS", Some("60"), int(0, 600, "s"), &[Api], "tolerance for clocks that differ"),
    row("DERMS_OIDC_ISSUER", None, Url, &[Api], "issuer of an OpenID Connect provider, as it calls itself: turns log-in by it on; https://, or http:// on this machine"),
    row("DERMS_OIDC_CLIENT_ID", None, Text, &[Api], "id of the client that the provider knows this system as"),
    row("DERMS_OIDC_CLIENT_SECRET", None, Secret { min_len: 1 }, &[Api], "its secret; default: a public client, guarded by PKCE alone"),
    row("DERMS_OIDC_PUBLIC_URL", None, Url, &[Api], "address at which browsers reach the dashboard, for example https://derms.example.org; the provider sends them back to /api/auth/oidc/callback there"),
    row("DERMS_OIDC_NAME", Some("single sign-on"), Text, &[Api], "the provider's name on the login page"),
    row("DERMS_OIDC_SCOPE", Some("openid profile"), Text, &[Api], "scopes that are asked for; openid is one of them"),
    row("DERMS_OIDC_USERNAME_CLAIM", Some("preferred_username"), Text, &[Api], "claim that holds the user's name; sub where it is missing"),
    row("DERMS_OIDC_ROLES_CLAIM", Some("roles"), Text, &[Api], "claim that holds the user's roles, with dots to what is inside: realm_access.roles"),
    row("DERMS_OIDC_ROLES", Some("viewer=viewer,operator=operator,admin=admin"), Text, &[Api], "which of its values is which role, comma separated or as JSON; the highest counts: derms-admins=admin,staff=viewer"),
    row("DERMS_OIDC_AUDIENCE", None, Text, &[Api], "audiences of the provider's access tokens that are accepted as bearer tokens, comma separated; default: the client id"),
    row("DERMS_OIDC_CA_PATH", None, Text, &[Api], "PEM file of the authority that signed the provider's certificate; default: the machine's own authorities"),
    row("CORS_ALLOWED_ORIGINS", Some("http://localhost:3000,http://localhost:5173,http://localhost:4173"), Text, &[Api], "origins that browsers may call from, comma separated"),
    row("DERMS_PUBLIC_NAMES", None, Text, &[Api], "host names that browsers know the API by, beside localhost and HOST, comma separated: derms.example.org"),
    row("DERMS_TRUSTED_PROXIES", None, Text, &[Api], "addresses and networks of reverse proxies whose X-Forwarded-For is believed, comma separated: 10.0.0.7,10.1.0.0/16"),
    row("JSON_BODY_LIMIT", Some("1mb"), Text, &[Api], "largest request body, for example 512kb or 1mb"),
    row("PROMETHEUS_ENABLED", Some("true"), Flag, &[Api], "whether metrics are served"),
    row("PROMETHEUS_PATH", Some("/metrics"), Text, &[Api], "where"),
    row("TLS_ENABLED", Some("false"), Flag, &[Api], "https instead of http"),
    row("TLS_KEY_PATH", None, Text, &[Api], "PEM file of the private key"),
    row("TLS_CERT_PATH", None, Text, &[Api], "PEM file of the certificate chain"),
    row("DERMS_DASHBOARD_DIR", None, Text, &[Api], "folder of the built dashboard; default: frontend/dist beside the program or the working folder"),
    row("DERMS_GRAPHQL_INTROSPECTION", Some("true"), Flag, &[Api], "whether the schema may be asked for"),
    // Simulator.
    row("DERMS_SIM_DEVICES", Some("200"), int(1, 1_000_000, "devices"), &[Sim], "devices of the simulated fleet"),
    row("DERMS_SIM_FEEDERS", Some("2"), int(1, 10_000, "feeders"), &[Sim], "feeders they are spread over"),
    row("DERMS_SIM_INTERVAL_MS", Some("2000"), ms(50, DAY_MS), &[Sim], "time between two samples of a device"),
    row("DERMS_SIM_SEED", Some("1"), int(0, i64::MAX, ""), &[Sim], "seed of the fleet: the same seed gives the same fleet"),
    row("DERMS_SIM_RATE", None, float(0.001, 1_000_000.0, "messages/s"), &[Sim], "samples of the whole fleet per second; replaces DERMS_SIM_INTERVAL_MS"),
    row("DERMS_SIM_FOR_SECONDS", None, float(0.1, 31_536_000.0, "s"), &[Sim], "the simulator ends by itself after this"),
    // Standalone.
    row("DERMS_DATA_DIR", Some("data"), Text, &[Standalone], "folder of everything that is kept"),
    row("DERMS_BIND", Some("127.0.0.1"), Text, &[Standalone], "address that the embedded servers listen on"),
    row("DERMS_MQTT_BIND", None, Text, &[Standalone], "address that the embedded broker listens on; default: DERMS_BIND"),
    row("DERMS_MQTT_GUESTS", Some("true"), Flag, &[Standalone], "whether devices on this machine need no login at the embedded broker; others always need one"),
    row("DERMS_MQTT_TLS_BIND", None, Text, &[Standalone], "address that the embedded broker listens on with TLS; default: DERMS_MQTT_BIND"),
    row("DERMS_MQTT_TLS_PORT", Some("8883"), Port, &[Standalone], "port of the embedded broker with TLS, where DERMS_MQTT_TLS_CERT_PATH is set"),
    row("DERMS_MQTT_TLS_CERT_PATH", None, Text, &[Standalone], "PEM file of the embedded broker's certificate chain: it then listens with TLS too"),
    row("DERMS_MQTT_TLS_KEY_PATH", None, Text, &[Standalone], "PEM file of its private key"),
    row("DERMS_MQTT_TLS_CLIENT_CA_PATH", None, Text, &[Standalone], "PEM file of the authority of the devices' certificates: a device that shows one needs no password"),
    row("DERMS_MQTT_CONNECTIONS_MAX", Some("10000"), int(10, 1_000_000, "connections"), &[Standalone], "connections at the embedded broker; fewer where the process may not have so many open files"),
    row("DERMS_MQTT_ADDRESS_CONNECTIONS_MAX", Some("1000"), int(1, 1_000_000, "connections"), &[Standalone], "connections at the embedded broker from one address other than this machine"),
    row("DERMS_MQTT_SESSIONS_MAX", Some("20000"), int(10, 1_000_000, "sessions"), &[Standalone], "sessions at the embedded broker, those included whose client is away"),
    row("DERMS_MQTT_MESSAGE_BYTES_MAX", Some("268435456"), int(1_048_576, 1_099_511_627_776, "bytes"), &[Standalone], "memory for messages that wait or are retained at the embedded broker; beyond it senders are turned away"),
    row("DERMS_KAFKA_PORT", Some("9092"), Port, &[Standalone], "port of the embedded log"),
    row("DERMS_LOG_MAX_MB", Some("16384"), int(64, 1_048_576, "MB"), &[Standalone], "size above which the embedded log deletes the oldest records of what is not kept for ever"),
    row("DERMS_LOG_REPAIR", Some("false"), Flag, &[Standalone], "go on without damaged parts of the embedded log; they are kept beside as *.damaged"),
    row("DERMS_CLICKHOUSE_PORT", Some("8123"), Port, &[Standalone], "port of the embedded ClickHouse engine"),
    row("DERMS_CLICKHOUSE_ANALYST_PASSWORD", None, Secret { min_len: 8 }, &[Standalone], "password of the embedded engine's user analyst, who only reads; default: one made at the first start"),
    row("DERMS_CLICKHOUSE_HOSTS", None, Text, &[Standalone], "names under which the embedded engine is reached, beside its addresses and localhost; separated by commas"),
    row("DERMS_CHDB_LIB", None, Text, &[Standalone], "path of libchdb.so; default: where scripts/bootstrap puts it"),
    row("DERMS_ENGINE_DIR", None, Text, &[Standalone], "folder that scripts/bootstrap puts libchdb.so into"),
    row("DEMO_PASSWORD", None, Secret { min_len: 8 }, &[Standalone], "password of the demo's admin; default: a random one"),
];
