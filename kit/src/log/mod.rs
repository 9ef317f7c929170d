//! The log client: topics, producer, reader, assignment of partitions. The only place that touches rdkafka.

mod admin;
mod assignment;
mod closing;
pub mod identity;
pub mod notices;
mod partitions;
mod polled;
mod positions;
mod probe;
mod producer;
mod reader;
mod registry;
mod security;

use std::time::Duration;

use rdkafka::ClientConfig;
use schemas::topics::Topic;

pub use admin::{EnsureError, ensure_topics, existing_partitions};
pub use assignment::{Assigned, Assignment};
pub use partitions::Partitions;
pub use positions::{Position, Positions};
pub use probe::{LogProbe, ProbeError};
pub use producer::{AppendError, DeliveryError, OnDelivery, Producer, QueueFull};
pub use reader::{ReadError, Reader, follow, read_to_end};
pub use registry::{Framing, RegistryError};
pub use schemas::log::{InPartition, InTree, LogRecord, Only, Outgoing, Start};
pub use security::Security;

use crate::settings::{Settings, key};

const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
/// The client library looks every half second whether a heartbeat is due: a longer time than this would make it every
/// second.
const HEARTBEAT_MAX: Duration = Duration::from_millis(400);

/// How to reach the log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Bootstrap servers, comma separated.
    pub brokers: String,
    /// Prefix of the topics' names.
    pub prefix: String,
    /// Partitions of the topics keyed by feeder tree, when they are created.
    pub tree_partitions: i32,
    /// Replicas of a topic, when it is created.
    pub replication_factor: i32,
    /// Longest wait of an empty fetch.
    pub fetch_wait: Duration,
    /// How long the producer gathers a batch.
    pub linger: Duration,
    /// After this silence a group member is taken for dead.
    pub session_timeout: Duration,
    /// Static membership: this instance's own name.
    pub instance: Option<String>,
    /// How values are framed.
    pub framing: Framing,
    /// TLS and login.
    pub security: Security,
    /// Records of a newer version are passed over as ones that cannot be read.
    pub pass_over_newer: bool,
}

impl LogConfig {
    /// Takes it from the settings.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let small = |key| i32::try_from(settings.int(key)).expect("the catalogue bounds it");
        Self {
            brokers: settings.text(key::DERMS_KAFKA_BROKERS).to_owned(),
            prefix: settings.text(key::DERMS_TOPIC_PREFIX).to_owned(),
            tree_partitions: small(key::DERMS_TREE_PARTITIONS),
            replication_factor: small(key::DERMS_REPLICATION_FACTOR),
            fetch_wait: settings.millis(key::DERMS_KAFKA_FETCH_WAIT_MS),
            linger: settings.millis(key::DERMS_KAFKA_LINGER_MS),
            session_timeout: settings.millis(key::DERMS_KAFKA_SESSION_TIMEOUT_MS),
            instance: settings.optional_text(key::DERMS_INSTANCE).map(str::to_owned),
            framing: Framing::new(settings.optional_text(key::DERMS_SCHEMA_REGISTRY_URL)),
            security: Security::from_settings(settings),
            pass_over_newer: settings.flag(key::DERMS_PASS_OVER_NEWER),
        }
    }

    /// Members hear at their next heartbeat that another one is gone, and the log waits for the last of them: often, so
    /// that they take over soon.
    fn heartbeat(&self) -> Duration {
        (self.session_timeout / 10).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX)
    }

    fn topic_name(&self, topic: Topic) -> String {
        topic.name(&self.prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "derms")
            .set("broker.address.family", "v4")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "60000")
            .set("log.connection.close", "false");
        self.security.apply(&mut client);
        client
    }

    fn consumer(&self) -> ClientConfig {
        let mut client = self.client();
        client
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_uncommitted")
            .set("fetch.wait.max.ms", self.fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "50")
            .set("queued.max.messages.kbytes", "16384")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", self.heartbeat().as_millis().to_string());
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Service;

    #[test]
    fn members_hear_within_the_client_librarys_half_second_that_another_is_gone() {
        for session_ms in ["1000", "6000", "600000"] {
            let pairs = [("DERMS_KAFKA_SESSION_TIMEOUT_MS", session_ms)];
            let settings = Settings::from_pairs(Service::Processor, &pairs).expect("settings");
            let config = LogConfig::from_settings(&settings);
            assert!(config.heartbeat() < Duration::from_millis(500), "{session_ms}");
            assert!(config.heartbeat() * 5 <= config.session_timeout, "{session_ms}");
        }
    }
}
