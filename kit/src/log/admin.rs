//! Makes the topics with the settings that they need.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use schemas::topics::{Retention, Topic};
use thiserror::Error;

use super::identity::mint;
use super::producer::Producer;
use super::{LogConfig, RegistryError};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the log is asked about topics that it does not show yet, and the pause in between: ten seconds in all.
const ASKS_MAX: u32 = 50;
const ASK_PAUSE: Duration = Duration::from_millis(200);
const DAY_MS: i64 = 86_400_000;
/// Fifty years. Kafka's own word for "for ever" is -1, but the embedded log takes that for an age and deletes all.
const FOREVER_MS: &str = "1576800000000";
/// A topic that is kept for ever is kept for at least ten years.
const FOREVER_LEAST_MS: i64 = 10 * 365 * DAY_MS;
/// Records of decisions and snapshots are cut into parts far below this.
const MAX_MESSAGE_BYTES: &str = "4194304";

/// Why the topics are not as they must be.
#[derive(Debug, Error)]
pub enum EnsureError {
    /// The log does not answer.
    #[error("the log at {brokers} (setting DERMS_KAFKA_BROKERS) does not answer: {source}")]
    Unreachable {
        /// Where.
        brokers: String,
        /// Why.
        source: KafkaError,
    },
    /// A topic could not be made.
    #[error("topic {name} could not be made: {code:?}")]
    NotMade {
        /// Which.
        name: String,
        /// The log's answer.
        code: RDKafkaErrorCode,
    },
    /// A topic would lose what must be kept.
    #[error("topic {name} has {setting} = {found}, but it must be {expected}")]
    Kept {
        /// Which.
        name: String,
        /// Which of its settings.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A topic that must be there is not.
    #[error("there is no topic {name}: does DERMS_TOPIC_PREFIX name the right ones?")]
    Missing {
        /// Which.
        name: String,
    },
    /// Topics that must have the same number of partitions have not.
    #[error(
        "topic {name} has {found} partitions, but {expected} are needed: as many as telemetry.v1 has"
    )]
    Partitions {
        /// Which.
        name: String,
        /// How many there are.
        found: i32,
        /// How many are needed.
        expected: i32,
    },
    /// The log was made and got no identity.
    #[error("the log's identity could not be written: {0}")]
    Unidentified(String),
    /// Their schemas are not registered.
    #[error(transparent)]
    Schemas(#[from] RegistryError),
}

/// Makes the topics that are missing, registers their schemas where a registry is configured, and says how many partitions the tree topics have.
///
/// # Errors
/// [`EnsureError`] when the log does not answer within some seconds, or a topic is not as it must be.
pub async fn ensure_topics(config: &LogConfig) -> Result<i32, EnsureError> {
    let unreachable = |source| EnsureError::Unreachable { brokers: config.brokers.clone(), source };
    let admin: AdminClient<DefaultClientContext> = config.client().create().map_err(unreachable)?;
    let names: Vec<(Topic, String)> =
        Topic::ALL.into_iter().map(|topic| (topic, config.topic_name(topic))).collect();
    let existing = partitions(config).await.map_err(unreachable)?;
    // Topics that came with a later version get as many partitions as the tree topics have that are there.
    let telemetry = config.topic_name(Topic::Telemetry);
    let tree_partitions = existing
        .iter()
        .find(|(name, count)| *name == telemetry && *count > 0)
        .map_or(config.tree_partitions, |(_, count)| *count);
    let mut there: Vec<String> = existing.into_iter().map(|(name, _)| name).collect();
    let operator = config.topic_name(Topic::Operator);
    let mut is_new = false;
    let missing: Vec<NewTopic<'_>> = names
        .iter()
        .filter(|(_, name)| !there.contains(name))
        .map(|(topic, name)| new_topic(*topic, name, tree_partitions, config.replication_factor))
        .collect();
    if !missing.is_empty() {
        let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        for outcome in admin.create_topics(&missing, &options).await.map_err(unreachable)? {
            match outcome {
                Ok(name) => is_new |= name == operator,
                // Another service was faster, or the topic was made a moment ago by somebody who knew no better.
                Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => there.push(name),
                Err((name, code)) => return Err(EnsureError::NotMade { name, code }),
            }
        }
    }
    config.framing.register(&config.prefix).await?;
    let tree_partitions = check(config, &names).await?;
    if is_new {
        let unidentified = |error: String| EnsureError::Unidentified(error);
        let producer = Producer::new(config).map_err(|error| unidentified(error.to_string()))?;
        mint(&producer).await.map_err(|error| unidentified(error.to_string()))?;
    }
    let existing: Vec<_> = names.iter().filter(|(_, name)| there.contains(name)).collect();
    check_kept(&admin, &existing).await?;
    Ok(tree_partitions)
}

/// Refuses topics that would lose what must be kept, or keep what must be compacted.
async fn check_kept(
    admin: &AdminClient<DefaultClientContext>,
    topics: &[&(Topic, String)],
) -> Result<(), EnsureError> {
    if topics.is_empty() {
        return Ok(());
    }
    let asked: Vec<_> = topics.iter().map(|(_, name)| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
    let mut asks = 1;
    let described = loop {
        match admin.describe_configs(&asked, &options).await {
            // A topic made a moment ago is described a moment later: until then with an error, or with nothing.
            Ok(described) if asks < ASKS_MAX && !described.iter().all(is_described) => {
                asks += 1;
                tokio::time::sleep(ASK_PAUSE).await;
            }
            answer => break answer,
        }
    };
    let described = match described {
        Ok(described) => described,
        Err(error) => {
            tracing::warn!(%error, "the log does not say how its topics are kept: not checked");
            return Ok(());
        }
    };
    for ((topic, name), described) in topics.iter().zip(described) {
        match described {
            Ok(resource) if !resource.entries.is_empty() => kept(*topic, name, &resource)?,
            silent => {
                let error = silent.err();
                tracing::warn!(
                    ?error,
                    name,
                    "the log does not say how a topic is kept: not checked"
                );
            }
        }
    }
    Ok(())
}

fn is_described(answer: &Result<ConfigResource, RDKafkaErrorCode>) -> bool {
    answer.as_ref().is_ok_and(|resource| !resource.entries.is_empty())
}

fn kept(topic: Topic, name: &str, resource: &ConfigResource) -> Result<(), EnsureError> {
    let value = |key: &str| resource.get(key).and_then(|entry| entry.value.clone());
    let refused = |setting: &'static str, found: String, expected: &'static str| {
        Err(EnsureError::Kept { name: name.to_owned(), setting, found, expected })
    };
    if let Some(policy) = value("cleanup.policy").filter(|policy| !policy.is_empty()) {
        let compacts = policy.split(',').any(|word| word.trim() == "compact");
        let deletes = policy.split(',').any(|word| word.trim() == "delete");
        match topic.retention() {
            Retention::Compacted if !compacts || deletes => {
                return refused("cleanup.policy", policy, "compact");
            }
            Retention::Days(_) | Retention::Forever if compacts => {
                return refused("cleanup.policy", policy, "delete: replay needs every record");
            }
            _ => {}
        }
    }
    let retention = value("retention.ms").and_then(|ms| ms.parse::<i64>().ok());
    if topic.retention() == Retention::Forever
        && let Some(ms) = retention.filter(|ms| (0..FOREVER_LEAST_MS).contains(ms))
    {
        let expected = "-1, or at least ten years: it is the registry and the audit trail";
        return refused("retention.ms", ms.to_string(), expected);
    }
    Ok(())
}

/// How many partitions the tree topics have, for who only reads.
///
/// # Errors
/// [`EnsureError`] when the log does not answer, or there is no such topic.
pub async fn existing_partitions(config: &LogConfig) -> Result<i32, EnsureError> {
    let unreachable = |source| EnsureError::Unreachable { brokers: config.brokers.clone(), source };
    let found = partitions(config).await.map_err(unreachable)?;
    let name = config.topic_name(Topic::Telemetry);
    let count = found.iter().find(|(found, _)| *found == name).map(|(_, count)| *count);
    count.filter(|count| *count > 0).ok_or(EnsureError::Missing { name })
}

async fn check(config: &LogConfig, names: &[(Topic, String)]) -> Result<i32, EnsureError> {
    let found = shown_partitions(config, names).await?;
    let count = |name: &str| {
        let there = found.iter().find(|(found, _)| found == name).map(|(_, count)| *count);
        there.ok_or_else(|| EnsureError::Missing { name: name.to_owned() })
    };
    let tree_partitions = count(&config.topic_name(Topic::Telemetry))?;
    for (topic, name) in names {
        let (found, expected) = (count(name)?, topic.partitions(tree_partitions));
        if found != expected {
            return Err(EnsureError::Partitions { name: name.clone(), found, expected });
        }
    }
    Ok(tree_partitions)
}

/// The partitions of all topics, as soon as the log shows all of `names`: one made a moment ago is in its metadata a moment later.
async fn shown_partitions(
    config: &LogConfig,
    names: &[(Topic, String)],
) -> Result<Vec<(String, i32)>, EnsureError> {
    let unreachable = |source| EnsureError::Unreachable { brokers: config.brokers.clone(), source };
    let mut asks = 1;
    loop {
        let found = partitions(config).await.map_err(unreachable)?;
        let shown = |name: &str| found.iter().any(|(found, count)| found == name && *count > 0);
        if asks == ASKS_MAX || names.iter().all(|(_, name)| shown(name)) {
            return Ok(found);
        }
        asks += 1;
        tokio::time::sleep(ASK_PAUSE).await;
    }
}

fn new_topic(
    topic: Topic,
    name: &str,
    tree_partitions: i32,
    replication_factor: i32,
) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(replication_factor);
    let new = NewTopic::new(name, topic.partitions(tree_partitions), replication)
        .set("max.message.bytes", MAX_MESSAGE_BYTES);
    match topic.retention() {
        Retention::Compacted => new.set("cleanup.policy", "compact"),
        Retention::Forever => new.set("cleanup.policy", "delete").set("retention.ms", FOREVER_MS),
        Retention::Days(days) => {
            // The admin client borrows its texts; these are few and live as long as the process.
            let retention: &'static str = (days * DAY_MS).to_string().leak();
            new.set("cleanup.policy", "delete").set("retention.ms", retention)
        }
    }
}

async fn partitions(config: &LogConfig) -> Result<Vec<(String, i32)>, KafkaError> {
    let client: rdkafka::consumer::BaseConsumer = config.client().create()?;
    tokio::task::spawn_blocking(move || {
        let metadata = rdkafka::consumer::Consumer::fetch_metadata(&client, None, REQUEST_TIMEOUT)?;
        let count = |partitions: usize| i32::try_from(partitions).unwrap_or(i32::MAX);
        Ok(metadata
            .topics()
            .iter()
            .map(|topic| (topic.name().to_owned(), count(topic.partitions().len())))
            .collect())
    })
    .await
    .expect("fetching metadata does not panic")
}
