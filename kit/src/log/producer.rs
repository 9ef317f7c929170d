//! Appends records: idempotent, acknowledged by all replicas, in the order they were handed over.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use schemas::codec;
use schemas::log::Outgoing;
use schemas::topics::Topic;
use thiserror::Error;
use tokio::sync::oneshot;

use super::closing::Closing;
use super::polled::Polled;
use super::registry::NotRegistered;
use super::{Framing, LogConfig};

/// Records that wait for the log in the producer; at this number sending is refused.
const QUEUE_MESSAGES_MAX: &str = "100000";
/// Bytes that wait for the log in the producer.
const QUEUE_KBYTES_MAX: &str = "65536";
/// How long a record may wait for the log before its sender is told that it failed.
const MESSAGE_TIMEOUT_MS: &str = "300000";
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The log did not take a record, now or ever.
#[derive(Debug, Clone, Error)]
pub enum DeliveryError {
    /// The log or its client refused.
    #[error("the log did not take the record: {0}")]
    Refused(#[from] KafkaError),
    /// It cannot be framed.
    #[error("the record cannot be framed: {0}")]
    Unframed(#[from] NotRegistered),
}

impl DeliveryError {
    /// Whether the producer is broken for good: every later record will fail too, only a new producer helps.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Refused(error) => error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal),
            Self::Unframed(_) => false,
        }
    }
}

/// The producer has as many records as it may hold: wait for deliveries and try again.
#[derive(Error)]
#[error("the producer's queue is full")]
pub struct QueueFull(pub OnDelivery);

impl std::fmt::Debug for QueueFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QueueFull")
    }
}

/// Why an append is not known to have happened.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The queue is full.
    #[error("the producer's queue is full")]
    QueueFull,
    /// It failed.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// No answer in time. The record may still be appended.
    #[error("no answer from the log within {0:?}; the record may still be appended")]
    Timeout(Duration),
}

impl AppendError {
    /// Whether the producer is broken for good.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Delivery(error) if error.is_fatal())
    }
}

/// Called once per record with its offset, on a thread of the producer: it must not block.
pub type OnDelivery = Box<dyn FnOnce(Result<i64, DeliveryError>) + Send + Sync>;

struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<OnDelivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, on_delivery: Self::DeliveryOpaque) {
        on_delivery(match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone().into()),
        });
    }
}

/// The header that says which version a record's writer wrote.
pub(super) const VERSION_HEADER: &str = "v";

fn version_header(topic: Topic) -> OwnedHeaders {
    let version = codec::version(topic).to_string();
    OwnedHeaders::new_with_capacity(1).insert(Header { key: VERSION_HEADER, value: Some(&version) })
}

/// Appends records. Cheap to clone.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Closing<Polled<Deliveries>>>,
    prefix: Arc<str>,
    framing: Framing,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("in_flight", &self.in_flight()).finish()
    }
}

impl Producer {
    /// Makes a producer; it connects by itself.
    ///
    /// # Errors
    /// When the configuration is refused by the client library.
    pub fn new(config: &LogConfig) -> anyhow::Result<Self> {
        let mut client = config.client();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.codec", "lz4")
            .set("linger.ms", config.linger.as_millis().to_string())
            .set("message.timeout.ms", MESSAGE_TIMEOUT_MS)
            .set("message.max.bytes", "4194304")
            .set("queue.buffering.max.messages", QUEUE_MESSAGES_MAX)
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX)
            .set("retry.backoff.ms", "50");
        Ok(Self {
            inner: Arc::new(Closing::new(Polled::new(&client, Deliveries)?)),
            prefix: config.prefix.as_str().into(),
            framing: config.framing.clone(),
        })
    }

    /// Hands a record over; `on_delivery` is called when the log has taken or refused it.
    ///
    /// # Errors
    /// [`QueueFull`] gives the callback back: nothing was handed over.
    pub fn send(&self, outgoing: &Outgoing, on_delivery: OnDelivery) -> Result<(), QueueFull> {
        let name = outgoing.topic.name(&self.prefix);
        let value = match self.framing.outgoing(outgoing.topic, &outgoing.value) {
            Ok(value) => value,
            Err(error) => {
                on_delivery(Err(error.into()));
                return Ok(());
            }
        };
        let record = BaseRecord::with_opaque_to(&name, Box::new(on_delivery))
            .partition(outgoing.partition)
            .key(&outgoing.key)
            .headers(version_header(outgoing.topic))
            .payload(&*value);
        match self.inner.send(record) {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                Err(QueueFull(*record.delivery_opaque))
            }
            Err((error, record)) => {
                (record.delivery_opaque)(Err(error.into()));
                Ok(())
            }
        }
    }

    /// Appends a record and waits for its offset, at most `timeout`.
    ///
    /// # Errors
    /// [`AppendError`]; after a time-out the record may still be appended.
    pub async fn append(&self, outgoing: &Outgoing, timeout: Duration) -> Result<i64, AppendError> {
        let (sender, receiver) = oneshot::channel();
        let on_delivery: OnDelivery = Box::new(move |result| {
            // The receiver is gone after a time-out; then nobody waits for this any more.
            drop(sender.send(result));
        });
        self.send(outgoing, on_delivery).map_err(|_| AppendError::QueueFull)?;
        match tokio::time::timeout(timeout, receiver).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(_)) | Err(_) => Err(AppendError::Timeout(timeout)),
        }
    }

    /// Records handed over and not yet answered.
    #[must_use]
    pub fn in_flight(&self) -> i32 {
        self.inner.in_flight_count()
    }

    /// Waits, for some seconds at most, until everything handed over is answered.
    pub async fn flush(&self) {
        let inner = Arc::clone(&self.inner);
        let flushed = tokio::task::spawn_blocking(move || inner.flush(FLUSH_TIMEOUT)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!(in_flight = self.in_flight(), "records were not flushed in time");
        }
    }
}
