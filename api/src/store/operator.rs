//! Writes what people decide to operator.v1, and answers once it can be read back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemas::Timestamp;
use schemas::records::operator::{Change, OperatorRecord};
use schemas::registry::Refused;
use service_kit::clock::Clock;
use service_kit::log::{AppendError, Only, Outgoing, Producer};
use thiserror::Error;
use tokio::time::Instant;
use uuid::Uuid;

use super::live::Live;

/// Appends one record to operator.v1 and gives its offset.
pub trait Append: Send + Sync {
    /// Appends a record, waiting at most `timeout`.
    fn append(
        &self,
        record: OperatorRecord,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<i64, AppendError>>;
}

impl Append for Producer {
    fn append(
        &self,
        record: OperatorRecord,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<i64, AppendError>> {
        async move { Producer::append(self, &Outgoing::of(&record, Only), timeout).await }.boxed()
    }
}

/// Who changes something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user's name.
    pub name: String,
    /// The address that the request came from.
    pub source: Option<IpAddr>,
}

/// Why a change is not known to hold.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A rule forbids it; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The log does not take it; nothing has changed.
    #[error("the log does not take the change")]
    Unavailable,
    /// It was not confirmed in time; it may still take effect.
    #[error("the change was not confirmed within {0:?}; it may still take effect")]
    Unconfirmed(Duration),
}

/// The writer.
pub struct OperatorLog {
    log: Arc<dyn Append>,
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl std::fmt::Debug for OperatorLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorLog").finish_non_exhaustive()
    }
}

impl OperatorLog {
    /// A writer that waits at most `timeout` for each change.
    #[must_use]
    pub fn new(
        log: Arc<dyn Append>,
        live: Arc<Live>,
        clock: Arc<dyn Clock>,
        timeout: Duration,
    ) -> Self {
        Self { log, live, clock, timeout }
    }

    /// Now, by the clock that changes are dated with.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Appends a change and waits until the live view has read it. What would be refused is not written.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn write(&self, actor: &Actor, change: Change) -> Result<(), WriteError> {
        let deadline = Instant::now() + self.timeout;
        let record = OperatorRecord {
            id: Uuid::now_v7(),
            at: self.clock.now(),
            actor: actor.name.clone(),
            change,
            source: actor.source.map(|address| address.to_canonical().to_string()),
        };
        self.live.view().registry().check(&record)?;
        tracing::info!(
            id = %record.id,
            actor = actor.name,
            source = record.source.as_deref().unwrap_or("unknown"),
            entity = record.change.entity(),
            change = schemas::clickhouse::operator_body(&record.change).0,
            "an operator changes something"
        );
        let offset = match self.log.append(record, self.timeout).await {
            Ok(offset) => offset,
            Err(AppendError::Timeout(_)) => return Err(WriteError::Unconfirmed(self.timeout)),
            Err(error @ (AppendError::QueueFull | AppendError::Delivery(_))) => {
                tracing::warn!(%error, "a change could not be appended");
                return Err(WriteError::Unavailable);
            }
        };
        tokio::time::timeout_at(deadline, self.live.read_up_to(offset))
            .await
            .map_err(|_| WriteError::Unconfirmed(self.timeout))?
            .map_err(WriteError::Refused)
    }
}
