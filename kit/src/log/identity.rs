//! Gives a log its identity: whoever makes the topics, a processor that finds a log without one, or a person who has put
//! a copy back. What it means is told in `schemas::identity`.

use std::time::Duration;

use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::log::{Only, Outgoing, Start};
use schemas::records::operator::{Change, LogEnd, LogMade, OperatorRecord};
use schemas::registry::Registry;
use schemas::topics::Topic;
use uuid::Uuid;

use super::LogConfig;
use super::producer::{AppendError, Producer};
use super::reader::{ReadError, Reader, read_to_end};
use crate::clock::{Clock, SystemClock};

const APPEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Notes that the log was made a moment ago.
pub(super) async fn mint(producer: &Producer) -> Result<Uuid, AppendError> {
    note(producer, LogMade { adopted: false, ..made() }).await
}

/// Gives an identity to a log that is older than identities. Of several that do so at once the first counts.
///
/// # Errors
/// [`AppendError`] when the log does not take it.
pub async fn adopt(producer: &Producer) -> Result<Uuid, AppendError> {
    note(producer, LogMade { adopted: true, ..made() }).await
}

/// Notes that a copy of the log was put back: from here on it is another log than the one that went on without this copy.
/// To be done before anything is written to it.
///
/// # Errors
/// When the log does not answer.
pub async fn restore(config: &LogConfig, tree_partitions: i32) -> Result<Uuid, RestoreError> {
    let producer =
        Producer::new(config).map_err(|error| RestoreError::Client(error.to_string()))?;
    let before = match read(config).await? {
        Some(lineage) => lineage,
        None => {
            adopt(&producer).await?;
            read(config).await?.ok_or(RestoreError::Unidentified)?
        }
    };
    let mut ends = Vec::new();
    let reader = Reader::new(config, &[])?;
    for topic in Topic::ALL {
        for partition in 0..topic.partitions(tree_partitions) {
            let (_, next) = reader.bounds(topic, partition).await?;
            ends.push(LogEnd { topic: topic.suffix().to_owned(), partition, next });
        }
    }
    let restored_from = Some(before.current());
    Ok(note(&producer, LogMade { restored_from, ends, ..made() }).await?)
}

/// Which log this is, as `operator.v1` says.
///
/// # Errors
/// When the log does not answer.
pub async fn read(config: &LogConfig) -> Result<Option<Lineage>, ReadError> {
    let mut registry = Registry::default();
    read_to_end(config, &[(Topic::Operator, 0, Start::Beginning)], |record| {
        if let Ok(record) = OperatorRecord::decode(&record.value)
            && let Err(refused) = registry.apply(&record)
        {
            tracing::debug!(%refused, "an operator record changes nothing");
        }
        Ok::<(), ReadError>(())
    })
    .await?;
    Ok(registry.log)
}

/// Why a log that was put back has no identity of its own.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The client library refuses.
    #[error("making the producer: {0}")]
    Client(String),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The identity was not appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What was appended is not there.
    #[error("the log does not hold the identity that was written to it")]
    Unidentified,
}

fn made() -> LogMade {
    LogMade { log_id: Uuid::now_v7(), adopted: false, restored_from: None, ends: Vec::new() }
}

async fn note(producer: &Producer, made: LogMade) -> Result<Uuid, AppendError> {
    let log_id = made.log_id;
    let record = OperatorRecord {
        id: Uuid::now_v7(),
        at: SystemClock.now(),
        source: None,
        actor: "derms".to_owned(),
        change: Change::LogMade(made),
    };
    producer.append(&Outgoing::of(&record, Only), APPEND_TIMEOUT).await?;
    tracing::info!(log = %log_id, "the log has an identity from here on");
    Ok(log_id)
}
