//! Every setting there is: its name, default, kind with range, who reads it, and what it does.
//!
//! Names without `DERMS_` are the predecessor's, kept to the letter; new ones begin with `DERMS_`.

use super::kind::Kind;

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
    /// The field of the control settings in the log that it becomes; none where decisions do not depend on it.
    pub record: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

impl Setting {
    pub(super) const fn new(
        name: &'static str,
        doc: &'static str,
        default: Option<&'static str>,
        kind: Kind,
        services: &'static [Service],
    ) -> Self {
        Self { name, default, kind, services, required_by: &[], record: None, doc }
    }

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

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. })
    }

    /// The one whose name is most like a misspelt one.
    pub(super) fn nearest(name: &str) -> Option<&'static Self> {
        const FAR: usize = 4;
        CATALOGUE
            .iter()
            .map(|setting| (strsim::levenshtein(name, setting.name), setting))
            .min_by_key(|(distance, setting)| (*distance, setting.name))
            .filter(|(distance, _)| *distance < FAR)
            .map(|(_, near)| near)
    }
}

use Service::{Agent, Api, Bridge, Processor, Sim, Standalone};

const ALL: &[Service] = &[Bridge, Processor, Api, Sim, Agent, Standalone];
const LOG_USERS: &[Service] = &[Bridge, Processor, Api];
const MQTT_USERS: &[Service] = &[Bridge, Api, Sim];
const CLICKHOUSE_USERS: &[Service] = &[Processor, Api, Sim];

const DAY_MS: i64 = 86_400_000;

/// Makes the key of each setting, and of all of them the catalogue.
macro_rules! settings {
    ($(
        $name:ident: $key:ty = ($($what:expr),+) $(.$more:ident($($field:literal)?))*, $doc:literal;
    )+) => {
        /// The key of each setting.
        pub(super) mod keys {
            use super::super::key::{Key, Maybe};
            use super::super::kind::*;
            use super::*;

            $(
                #[doc = $doc]
                pub const $name: $key =
                    <$key>::new(stringify!($name), $doc, $($what),+)$(.$more($($field)?))*;
            )+
        }

        /// All settings, by theme.
        pub const CATALOGUE: &[Setting] = &[$(keys::$name.setting),+];
    };
}

// Name, what it is read as and whether it always has a value; default, what is accepted, who reads it; the field of the
// control settings in the log that it becomes; what it does.
settings! {
    // The process.
    DERMS_CONFIG: Maybe<Text> = (TEXT, ALL), "a TOML file of settings";
    LOG_LEVEL: Key<Text> = ("info", words(&["error", "warn", "info", "debug", "trace"]), ALL), "how much our own parts log";
    DECISION_LOG_LEVEL: Key<Text> = ("info", words(&["off", "info", "debug"]), &[Processor]), "what the log says of each decision: nothing, its feeders, its devices too";
    LOG_PRETTY: Key<Flag> = ("false", FLAG, ALL), "log lines for people instead of JSON";
    RUST_LOG: Maybe<Text> = (TEXT, ALL), "a tracing filter; replaces LOG_LEVEL";
    DERMS_METRICS_ADDR: Maybe<Address> = (ADDRESS, &[Bridge, Processor, Sim, Agent]), "where /metrics and /healthz are served";
    // The log.
    DERMS_KAFKA_BROKERS: Key<Text> = ("127.0.0.1:9092", TEXT, LOG_USERS), "bootstrap servers of the log, comma separated";
    DERMS_TOPIC_PREFIX: Key<Text> = ("derms.", TEXT, LOG_USERS), "prefix of the log's topics";
    DERMS_TREE_PARTITIONS: Key<Whole> = ("12", int(1, 1024, "partitions"), LOG_USERS), "partitions of topics keyed by feeder tree, when they are created";
    DERMS_REPLICATION_FACTOR: Key<Whole> = ("1", int(1, 9, "replicas"), LOG_USERS), "replicas of topics, when they are created";
    DERMS_SCHEMA_REGISTRY_URL: Maybe<Text> = (URL, LOG_USERS), "a schema registry, over http: values are then framed as Confluent's tools expect";
    DERMS_KAFKA_FETCH_WAIT_MS: Key<Whole> = ("100", ms(1, 5_000), LOG_USERS), "longest wait of an empty fetch";
    DERMS_KAFKA_LINGER_MS: Key<Whole> = ("5", ms(0, 1_000), LOG_USERS), "how long the producer gathers a batch";
    DERMS_KAFKA_SECURITY_PROTOCOL: Key<Text> = ("plaintext", words(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]), LOG_USERS), "how to speak to the log";
    DERMS_KAFKA_SASL_MECHANISM: Key<Text> = ("SCRAM-SHA-512", words(&["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]), LOG_USERS), "how to log in where the protocol is sasl_*";
    DERMS_KAFKA_SASL_USERNAME: Maybe<Text> = (TEXT, LOG_USERS), "user at the log";
    DERMS_KAFKA_SASL_PASSWORD: Maybe<Secret> = (secret(1), LOG_USERS), "password at the log";
    DERMS_KAFKA_SSL_CA_PATH: Maybe<Text> = (TEXT, LOG_USERS), "PEM file of the authority that signed the log's certificates; default: the machine's own authorities";
    DERMS_KAFKA_SSL_CERT_PATH: Maybe<Text> = (TEXT, LOG_USERS), "PEM file of our certificate, where the log asks for one";
    DERMS_KAFKA_SSL_KEY_PATH: Maybe<Text> = (TEXT, LOG_USERS), "PEM file of its private key";
    DERMS_KAFKA_SESSION_TIMEOUT_MS: Key<Whole> = ("6000", ms(1_000, 600_000), LOG_USERS), "after this silence a group member is taken for dead, and within two seconds more its work is another's; the log may refuse less than 6000";
    DERMS_PASS_OVER_NEWER: Key<Flag> = ("false", FLAG, LOG_USERS), "records that say they are of a newer version are passed over instead of ending the program: only where no newer program ever ran on this log";
    DERMS_INSTANCE: Maybe<Text> = (TEXT, LOG_USERS), "this instance's own name: gives it static membership";
    // MQTT.
    MQTT_HOST: Key<Text> = ("localhost", TEXT, MQTT_USERS), "the MQTT broker's host";
    MQTT_PORT: Key<Port> = ("1883", PORT_NUMBER, &[Bridge, Api, Sim, Standalone]), "the MQTT broker's port";
    MQTT_TOPIC_PREFIX: Key<TopicPrefix> = ("der", TOPIC_PREFIX, MQTT_USERS), "prefix of all MQTT topics";
    MQTT_USERNAME: Maybe<Text> = (TEXT, MQTT_USERS), "user at the MQTT broker";
    MQTT_PASSWORD: Maybe<Secret> = (secret(1), MQTT_USERS), "password at the MQTT broker";
    MQTT_TLS_ENABLED: Key<Flag> = ("false", FLAG, MQTT_USERS), "TLS to the MQTT broker";
    MQTT_TLS_CA_PATH: Maybe<Text> = (TEXT, MQTT_USERS), "PEM file of the authority that signed the broker's certificate; default: the machine's own authorities";
    MQTT_TLS_CERT_PATH: Maybe<Text> = (TEXT, MQTT_USERS), "PEM file of our certificate, where the broker asks for one";
    MQTT_TLS_KEY_PATH: Maybe<Text> = (TEXT, MQTT_USERS), "PEM file of its private key";
    MQTT_TLS_REJECT_UNAUTHORIZED: Key<Text> = ("true", words(&["true"]), MQTT_USERS), "the broker's certificate is always checked; give MQTT_TLS_CA_PATH for one of your own";
    MQTT_MAX_PAYLOAD_BYTES: Key<Whole> = ("256000", int(1_024, 8_388_608, "bytes"), &[Bridge, Api]), "a larger message is refused to the dead letters";
    MQTT_PUBLISH_TIMEOUT_MS: Key<Whole> = ("2000", ms(50, 600_000), &[Bridge]), "longest wait for a setpoint's PUBACK, each try";
    MQTT_MAX_RETRIES: Key<Whole> = ("3", int(0, 100, "retries"), &[Bridge]), "further tries of a setpoint that the broker refuses; one that it is not there for is tried until its lease ends";
    MQTT_RETRY_BACKOFF_MS: Key<Whole> = ("200", ms(1, 600_000), &[Bridge]), "wait before the first retry; doubles";
    DERMS_MQTT_RECEIVE_MAX: Key<Whole> = ("1000", int(1, 65_535, "messages"), &[Bridge]), "unacknowledged messages in flight from the broker";
    DERMS_MQTT_CLIENT_ID: Key<Text> = ("derms-bridge", TEXT, &[Bridge]), "client id of the bridge's persistent session; each bridge its own";
    DERMS_MQTT_SHARE_GROUP: Maybe<Text> = (TEXT, &[Bridge]), "shared-subscription group, for several bridges at one broker";
    DERMS_MQTT_DEVICE_RATE_MAX: Key<Whole> = ("50", int(1, 100_000, "messages/s"), &[Bridge]), "more from one device is refused to the dead letters";
    DERMS_REGISTRATION: Key<Text> = ("open", words(&["open", "quarantine", "closed"]), &[Bridge]), "what becomes of a device that nobody registered: it is registered at its first sample, waits for an operator (its samples are stored, it neither steers nor holds anything), or is refused";
    DERMS_UNKNOWN_FEEDER: Key<Text> = ("open", words(&["open", "default", "quarantine"]), &[Bridge]), "what becomes of a new device that claims a feeder which is not there: the feeder is opened with the default limit, the device goes to DEFAULT_FEEDER_ID, or it waits for an operator";
    DERMS_DEVICES_MAX: Key<Whole> = ("200000", int(1, 1_000_000, "devices"), &[Bridge]), "registered devices in all; further ones are refused to the dead letters";
    DERMS_DEVICES_PER_FEEDER_MAX: Key<Whole> = ("100000", int(1, 1_000_000, "devices"), &[Bridge]), "registered devices of one feeder; further ones are refused to the dead letters";
    DERMS_WAITING_DEVICES_MAX: Key<Whole> = ("1000", int(1, 100_000, "devices"), &[Bridge]), "devices that wait for an operator; further ones are refused to the dead letters";
    DERMS_UNPROVEN_KW: Key<Number> = ("50", float(0.0, 1.0e6, "kW"), &[Bridge]), "a new device that says more than this (power, fallback or minimum, either way) waits until it has said so three times or an operator approves it";
    DERMS_NEW_DEVICES_PER_MINUTE: Key<Whole> = ("12000", int(1, 1_000_000, "devices"), &[Bridge]), "devices registered or set waiting in a minute, the first minute's at once; samples of further ones are refused until there is room";
    // Control.
    CONTROL_INTERVAL_SECONDS: Key<Number> = ("5", float(0.2, 3_600.0, "s"), &[Bridge, Processor, Api]).recorded("interval_ms"), "width of the control window";
    DERMS_ALLOWED_LATENESS_MS: Key<Whole> = ("2000", ms(0, DAY_MS), &[Processor]).recorded("lateness_ms"), "how long a window waits for late samples";
    DERMS_IDLE_TIMEOUT_MS: Key<Whole> = ("1000", ms(0, DAY_MS), &[Processor]).recorded("idle_ms"), "how much longer the clock waits to close a silent feeder's window";
    FEEDER_DEFAULT_LIMIT_KW: Key<Number> = ("250", float(0.0, 1.0e9, "kW"), &[Processor]).recorded("default_limit_w"), "import limit of a feeder that has none of its own";
    CONTROL_GLOBAL_KW_LIMIT: Maybe<Number> = (float(0.0, 1.0e9, "kW"), &[Processor]).recorded("global_limit_w"), "upper bound of the limits of all controlled root feeders together, split by their own limits";
    DERMS_MARGIN_KW: Key<Number> = ("0.5", float(0.0, 1.0e6, "kW"), &[Processor]).recorded("margin_w"), "distance kept from every limit";
    DERMS_MARGIN_PERCENT: Key<Number> = ("1", float(0.0, 50.0, "%"), &[Processor]).recorded("margin_permille"), "distance kept from every limit, relative; the larger holds";
    CONTROL_MIN_SOC_RESERVE: Key<Number> = ("0.2", float(0.0, 1.0, ""), &[Processor]).recorded("min_soc_reserve"), "storage is never discharged below this state of charge";
    CONTROL_TARGET_SOC: Key<Number> = ("0.8", float(0.0, 1.0, ""), &[Processor]).recorded("target_soc"), "state of charge wanted where nothing else is said";
    CONTROL_RESPECT_PRIORITY: Key<Flag> = ("true", FLAG, &[Processor]).recorded("respect_priority"), "whether priorities have the predecessor's extra quarter of weight; they weigh in any case";
    CONTROL_SOC_WEIGHT: Key<Number> = ("1.2", float(0.0, 100.0, ""), &[Processor]).recorded("soc_weight_permille"), "weight of the gap to the target";
    CONTROL_ALLOCATION_MODE: Key<Text> = ("heuristic", words(ALLOCATION_MODES), &[Processor]).recorded("policy"), "policy of feeders that name none (docs/policies.md); heuristic = water-fill";
    DERMS_DEADBAND_KW: Key<Number> = ("0.1", float(0.0, 1.0e6, "kW"), &[Processor]).recorded("deadband_w"), "a smaller change of setpoint is not sent";
    DERMS_DWELL_MS: Key<Whole> = ("60000", ms(0, DAY_MS), &[Processor]).recorded("dwell_ms"), "least time between changes of direction";
    DERMS_RAMP_PERCENT: Key<Number> = ("20", float(0.1, 100.0, "%"), &[Processor]).recorded("ramp_permille"), "rise per interval of a device that names no ramp, of its rating";
    DERMS_SHED_MARGIN_KW: Key<Number> = ("0.5", float(0.0, 1.0e6, "kW"), &[Processor]).recorded("shed_margin_w"), "a feeder this far over its limit is shed without waiting";
    DERMS_UNHEARD_KW: Key<Number> = ("7.4", float(0.0, 1.0e6, "kW"), &[Processor]).recorded("unheard_w"), "power reserved for a registered device that was never heard, unless its fallback is set";
    DERMS_SETPOINT_TTL_MS: Key<Whole> = ("30000", ms(500, DAY_MS), &[Processor]).recorded("lease_ms"), "lifetime of a setpoint";
    TRACKING_ERROR_WINDOW_MINUTES: Key<Number> = ("10", float(0.1, 1_440.0, "min"), &[Processor]).recorded("tracking_window_ms"), "rolling window of the tracking error";
    DERMS_SNAPSHOT_DECISIONS: Key<Whole> = ("12", int(1, 100_000, "decisions"), &[Processor]), "a tree's state is written to the log every so many decisions";
    DERMS_PARTITIONS: Key<Text> = ("auto", TEXT, &[Bridge, Processor]), "auto = by consumer group; else all, or numbers such as 0,1,2";
    DERMS_STANDBY: Key<Flag> = ("false", FLAG, &[Processor]), "follow the partitions that other instances hold, to take over without a replay; costs their memory and a read of each a second";
    // Safety.
    TELEMETRY_STALE_MS: Key<Whole> = ("30000", ms(100, DAY_MS), &[Processor]).recorded("stale_ms"), "a sample older than this is stale";
    TELEMETRY_MISSING_BEHAVIOR: Key<Text> = ("SAFE_ZERO", words(&["SAFE_ZERO", "HOLD_LAST", "EXCLUDE_DEVICE"]), &[Processor]).recorded("missing_behavior"), "what a stale or never heard device gets";
    HOLD_LAST_MAX_MS: Key<Whole> = ("120000", ms(0, DAY_MS), &[Bridge, Processor]).recorded("hold_last_max_ms"), "longest hold of a last setpoint";
    DB_QUERY_TIMEOUT_MS: Key<Whole> = ("2000", ms(50, 600_000), &[Processor, Api]), "bounds an append to the log in the control path, and queries of the API";
    DB_ERROR_BEHAVIOR: Key<Text> = ("SAFE_ZERO_ALL", words(&["SAFE_ZERO_ALL", "HOLD_LAST", "STOP_LOOP"]), &[Bridge]), "what devices get when decisions stop coming";
    MAX_CONSECUTIVE_FAILURES: Key<Whole> = ("5", int(1, 10_000, "cycles"), &[Processor]).recorded("max_consecutive_failures"), "failed cycles until a feeder is no longer controlled";
    RESTART_BEHAVIOR: Key<Text> = ("SAFE_ZERO", words(&["SAFE_ZERO", "HOLD_LAST"]), &[Processor]).recorded("restart_behavior"), "what devices get after an outage longer than the leases";
    DEFAULT_FEEDER_ID: Key<Text> = ("default-feeder", TEXT, &[Bridge]), "feeder of a device that names neither feeder nor site";
    // ClickHouse.
    DERMS_CLICKHOUSE_URL: Key<Text> = ("http://127.0.0.1:8123", URL, CLICKHOUSE_USERS), "ClickHouse's HTTP interface";
    DERMS_CLICKHOUSE_DATABASE: Key<Text> = ("derms", TEXT, CLICKHOUSE_USERS), "its database";
    DERMS_CLICKHOUSE_USER: Maybe<Text> = (TEXT, CLICKHOUSE_USERS), "its user";
    DERMS_CLICKHOUSE_PASSWORD: Maybe<Secret> = (secret(1), CLICKHOUSE_USERS), "its password";
    DERMS_CLICKHOUSE_CA_PATH: Maybe<Text> = (TEXT, CLICKHOUSE_USERS), "PEM file of the authority that signed its certificate, for https://; default: the machine's own authorities";
    DERMS_CLICKHOUSE_CLUSTER: Maybe<Text> = (TEXT, &[Processor, Sim]), "cluster over which its tables are spread, replicated; default: they stand on one server";
    DERMS_SINK_MAX_AGE_MS: Key<Whole> = ("2000", ms(100, 600_000), &[Processor]), "rows wait at most this long for their block";
    DERMS_SINK_MAX_ROWS: Key<Whole> = ("50000", int(1, 1_000_000, "rows"), &[Processor]), "a block is written at this many rows";
    // API.
    HOST: Key<Text> = ("127.0.0.1", TEXT, &[Api]), "address that the API and the dashboard listen on";
    PORT: Key<Port> = ("3001", PORT_NUMBER, &[Api]), "port of the API and the dashboard";
    AUTH_USERS: Maybe<Secret> = (secret(2), &[Api]).required(), "JSON array of {username, passwordHash, role}; derms-api hash-password makes a hash";
    JWT_SECRET: Maybe<Secret> = (secret(32), &[Api]).required(), "key that tokens are signed with";
    JWT_SECRET_PREVIOUS: Maybe<Secret> = (secret(32), &[Api]), "the key before it: its tokens are accepted while they live";
    JWT_ISSUER: Key<Text> = ("mini-derms-feeder-controller", TEXT, &[Api]), "issuer of tokens";
    JWT_AUDIENCE: Key<Text> = ("mini-derms-feeder-api", TEXT, &[Api]), "audience of tokens";
    JWT_TOKEN_TTL_HOURS: Key<Number> = ("12", float(0.01, 720.0, "h"), &[Api]), "lifetime of a token";
    JWT_CLOCK_TOLERANCE_SECONDS: Key<Whole> = ("60", int(0, 600, "s"), &[Api]), "tolerance for clocks that differ";
    DERMS_OIDC_ISSUER: Maybe<Text> = (URL, &[Api]), "issuer of an OpenID Connect provider, as it calls itself: turns log-in by it on; https://, or http:// on this machine";
    DERMS_OIDC_CLIENT_ID: Maybe<Text> = (TEXT, &[Api]), "id of the client that the provider knows this system as";
    DERMS_OIDC_CLIENT_SECRET: Maybe<Secret> = (secret(1), &[Api]), "its secret; default: a public client, guarded by PKCE alone";
    DERMS_OIDC_PUBLIC_URL: Maybe<Text> = (URL, &[Api]), "address at which browsers reach the dashboard, for example https://derms.example.org; the provider sends them back to /api/auth/oidc/callback there";
    DERMS_OIDC_NAME: Key<Text> = ("single sign-on", TEXT, &[Api]), "the provider's name on the login page";
    DERMS_OIDC_SCOPE: Key<Text> = ("openid profile", TEXT, &[Api]), "scopes that are asked for; openid is one of them";
    DERMS_OIDC_USERNAME_CLAIM: Key<Text> = ("preferred_username", TEXT, &[Api]), "claim that holds the user's name; sub where it is missing";
    DERMS_OIDC_ROLES_CLAIM: Key<Text> = ("roles", TEXT, &[Api]), "claim that holds the user's roles, with dots to what is inside: realm_access.roles";
    DERMS_OIDC_ROLES: Key<Text> = ("viewer=viewer,operator=operator,admin=admin", TEXT, &[Api]), "which of its values is which role, comma separated or as JSON; the highest counts: derms-admins=admin,staff=viewer";
    DERMS_OIDC_AUDIENCE: Maybe<Text> = (TEXT, &[Api]), "audiences of the provider's access tokens that are accepted as bearer tokens, comma separated; default: the client id";
    DERMS_OIDC_CA_PATH: Maybe<Text> = (TEXT, &[Api]), "PEM file of the authority that signed the provider's certificate; default: the machine's own authorities";
    CORS_ALLOWED_ORIGINS: Key<Text> = ("http://localhost:3000,http://localhost:5173,http://localhost:4173", TEXT, &[Api]), "origins that browsers may call from, comma separated";
    DERMS_PUBLIC_NAMES: Maybe<Text> = (TEXT, &[Api]), "host names that browsers know the API by, beside localhost and HOST, comma separated: derms.example.org";
    DERMS_TRUSTED_PROXIES: Maybe<Text> = (TEXT, &[Api]), "addresses and networks of reverse proxies whose X-Forwarded-For is believed, comma separated: 10.0.0.7,10.1.0.0/16";
    JSON_BODY_LIMIT: Key<Text> = ("1mb", TEXT, &[Api]), "largest request body, for example 512kb or 1mb";
    PROMETHEUS_ENABLED: Key<Flag> = ("true", FLAG, &[Api]), "whether metrics are served";
    PROMETHEUS_PATH: Key<Text> = ("/metrics", TEXT, &[Api]), "where";
    TLS_ENABLED: Key<Flag> = ("false", FLAG, &[Api]), "https instead of http";
    TLS_KEY_PATH: Maybe<Text> = (TEXT, &[Api]), "PEM file of the private key";
    TLS_CERT_PATH: Maybe<Text> = (TEXT, &[Api]), "PEM file of the certificate chain";
    DERMS_DASHBOARD_DIR: Maybe<Text> = (TEXT, &[Api]), "folder of the built dashboard; default: frontend/dist beside the program or the working folder";
    DERMS_GRAPHQL_INTROSPECTION: Key<Flag> = ("true", FLAG, &[Api]), "whether the schema may be asked for";
    DERMS_GRAPHQL_DOCUMENTS: Key<Text> = ("tokens", words(&["any", "tokens", "known"]), &[Api]), "whose GraphQL documents are run beside the dashboard's: any = everybody's, tokens = only of those who bring a token, known = nobody's";
    // Simulator.
    DERMS_SIM_DEVICES: Key<Whole> = ("200", int(1, 1_000_000, "devices"), &[Sim]), "devices of the simulated fleet";
    DERMS_SIM_FEEDERS: Key<Whole> = ("2", int(1, 10_000, "feeders"), &[Sim]), "feeders they are spread over";
    DERMS_SIM_INTERVAL_MS: Key<Whole> = ("2000", ms(50, DAY_MS), &[Sim]), "time between two samples of a device";
    DERMS_SIM_SEED: Key<Whole> = ("1", int(0, i64::MAX, ""), &[Sim]), "seed of the fleet: the same seed gives the same fleet";
    DERMS_SIM_RATE: Maybe<Number> = (float(0.001, 1_000_000.0, "messages/s"), &[Sim]), "samples of the whole fleet per second; replaces DERMS_SIM_INTERVAL_MS";
    DERMS_SIM_FOR_SECONDS: Maybe<Number> = (float(0.1, 31_536_000.0, "s"), &[Sim]), "the simulator ends by itself after this";
    DERMS_SIM_HOURS_AHEAD: Key<Number> = ("0", float(-24.0, 24.0, "h"), &[Sim, Api, Standalone]), "how far the simulated day is ahead of the clock; the demo chooses it so that the sun shines";
    // Standalone.
    DERMS_DATA_DIR: Key<Text> = ("data", TEXT, &[Standalone]), "folder of everything that is kept";
    DERMS_BIND: Key<Text> = ("127.0.0.1", TEXT, &[Standalone]), "address that the embedded servers listen on";
    DERMS_MQTT_BIND: Maybe<Text> = (TEXT, &[Standalone]), "address that the embedded broker listens on; default: DERMS_BIND";
    DERMS_MQTT_GUESTS: Key<Flag> = ("true", FLAG, &[Standalone]), "whether devices on this machine need no login at the embedded broker; others always need one";
    DERMS_MQTT_TLS_BIND: Maybe<Text> = (TEXT, &[Standalone]), "address that the embedded broker listens on with TLS; default: DERMS_MQTT_BIND";
    DERMS_MQTT_TLS_PORT: Key<Port> = ("8883", PORT_NUMBER, &[Standalone]), "port of the embedded broker with TLS, where DERMS_MQTT_TLS_CERT_PATH is set";
    DERMS_MQTT_TLS_CERT_PATH: Maybe<Text> = (TEXT, &[Standalone]), "PEM file of the embedded broker's certificate chain: it then listens with TLS too";
    DERMS_MQTT_TLS_KEY_PATH: Maybe<Text> = (TEXT, &[Standalone]), "PEM file of its private key";
    DERMS_MQTT_TLS_CLIENT_CA_PATH: Maybe<Text> = (TEXT, &[Standalone]), "PEM file of the authority of the devices' certificates: a device that shows one needs no password";
    DERMS_MQTT_CONNECTIONS_MAX: Key<Whole> = ("10000", int(10, 1_000_000, "connections"), &[Standalone]), "connections at the embedded broker; fewer where the process may not have so many open files";
    DERMS_MQTT_ADDRESS_CONNECTIONS_MAX: Key<Whole> = ("1000", int(1, 1_000_000, "connections"), &[Standalone]), "connections at the embedded broker from one address other than this machine";
    DERMS_MQTT_SESSIONS_MAX: Key<Whole> = ("20000", int(10, 1_000_000, "sessions"), &[Standalone]), "sessions at the embedded broker, those included whose client is away";
    DERMS_MQTT_MESSAGE_BYTES_MAX: Key<Whole> = ("268435456", int(1_048_576, 1_099_511_627_776, "bytes"), &[Standalone]), "memory for messages that wait or are retained at the embedded broker; beyond it senders are turned away";
    DERMS_KAFKA_PORT: Key<Port> = ("9092", PORT_NUMBER, &[Standalone]), "port of the embedded log";
    DERMS_LOG_MAX_MB: Key<Whole> = ("16384", int(64, 1_048_576, "MB"), &[Standalone]), "size above which the embedded log deletes the oldest records of what is not kept for ever";
    DERMS_LOG_REPAIR: Key<Flag> = ("false", FLAG, &[Standalone]), "go on without damaged parts of the embedded log; they are kept beside as *.damaged";
    DERMS_CLICKHOUSE_PORT: Key<Port> = ("8123", PORT_NUMBER, &[Standalone]), "port of the embedded ClickHouse engine";
    DERMS_CLICKHOUSE_ANALYST_PASSWORD: Maybe<Secret> = (secret(8), &[Standalone]), "password of the embedded engine's user analyst, who only reads; default: one made at the first start";
    DERMS_CLICKHOUSE_HOSTS: Maybe<Text> = (TEXT, &[Standalone]), "names under which the embedded engine is reached, beside its addresses and localhost; separated by commas";
    DERMS_CHDB_LIB: Maybe<Text> = (TEXT, &[Standalone]), "path of libchdb.so; default: where scripts/bootstrap puts it";
    DERMS_ENGINE_DIR: Maybe<Text> = (TEXT, &[Standalone]), "folder that scripts/bootstrap puts libchdb.so into";
    DEMO_PASSWORD: Maybe<Secret> = (secret(8), &[Standalone]), "password of the demo's admin; default: a random one";
}
