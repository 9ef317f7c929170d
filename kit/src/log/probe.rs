//! Asks the log for work done: a record is appended to a topic of its own and read back. A log that only accepts
//! connections, or only tells about its topics, does not pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use thiserror::Error;
use tokio::sync::oneshot;

use super::LogConfig;
use super::closing::Closing;
use super::polled::Polled;

/// The topic's name, after the prefix of the product's own.
const TOPIC: &str = "watch";
/// How long its records are kept: nobody reads them twice.
const RETENTION_MS: &str = "600000";
const POLL: Duration = Duration::from_millis(50);

/// Why the log has not done its work.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// It does not take a record.
    #[error("does not take a record: {0}")]
    NotTaken(KafkaError),
    /// It does not give back what it took.
    #[error("does not give back a record that it took: {0}")]
    NotGiven(String),
}

struct Taken;

impl ClientContext for Taken {}

impl ProducerContext for Taken {
    type DeliveryOpaque = Box<oneshot::Sender<Result<i64, KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waits: Self::DeliveryOpaque) {
        let offset = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        // Who asked may have given up.
        waits.send(offset).ok();
    }
}

/// Asks one log, over and over.
#[derive(Clone)]
pub struct LogProbe {
    topic: String,
    admin: Arc<Closing<AdminClient<DefaultClientContext>>>,
    producer: Arc<Closing<Polled<Taken>>>,
    consumer: Arc<Closing<BaseConsumer>>,
    made: Arc<AtomicBool>,
}

impl std::fmt::Debug for LogProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogProbe").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl LogProbe {
    /// Makes the clients; they connect by themselves.
    ///
    /// # Errors
    /// When the configuration is refused by the client library.
    pub fn new(config: &LogConfig) -> anyhow::Result<Self> {
        let mut client = config.client();
        client.set("acks", "all").set("linger.ms", "0");
        let consumer = config.consumer().set("group.id", "derms-unjoined").create()?;
        Ok(Self {
            topic: format!("{}{TOPIC}", config.prefix),
            admin: Arc::new(Closing::new(config.client().create()?)),
            producer: Arc::new(Closing::new(Polled::new(&client, Taken)?)),
            consumer: Arc::new(Closing::new(consumer)),
            made: Arc::default(),
        })
    }

    /// Appends a record and reads it back; each half takes at most `bound`.
    ///
    /// # Errors
    /// [`ProbeError`] with what the log did not do.
    pub async fn ask(&self, bound: Duration) -> Result<(), ProbeError> {
        if !self.made.load(Ordering::Relaxed) {
            self.make_topic(bound).await.map_err(ProbeError::NotTaken)?;
            self.made.store(true, Ordering::Relaxed);
        }
        let offset = self.append(bound).await.map_err(ProbeError::NotTaken)?;
        let probe = self.clone();
        tokio::task::spawn_blocking(move || probe.read(offset, bound))
            .await
            .map_err(|error| ProbeError::NotGiven(error.to_string()))?
    }

    async fn append(&self, bound: Duration) -> Result<i64, KafkaError> {
        let (answer, taken) = oneshot::channel();
        let record = BaseRecord::<(), _, _>::with_opaque_to(&self.topic, Box::new(answer))
            .partition(0)
            .payload("?");
        self.producer.send(record).map_err(|(error, _)| error)?;
        match tokio::time::timeout(bound, taken).await {
            Ok(Ok(outcome)) => outcome.inspect_err(|_| {
                // A log made anew does not have the topic.
                self.made.store(false, Ordering::Relaxed);
            }),
            Ok(Err(_)) | Err(_) => {
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut))
            }
        }
    }

    async fn make_topic(&self, bound: Duration) -> Result<(), KafkaError> {
        let topic = NewTopic::new(&self.topic, 1, TopicReplication::Fixed(1))
            .set("cleanup.policy", "delete")
            .set("retention.ms", RETENTION_MS);
        let options = AdminOptions::new().request_timeout(Some(bound));
        for made in self.admin.create_topics([&topic], &options).await? {
            match made {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(())
    }

    fn read(&self, offset: i64, bound: Duration) -> Result<(), ProbeError> {
        let not_given = |error: KafkaError| ProbeError::NotGiven(error.to_string());
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(&self.topic, 0, Offset::Offset(offset))
            .and_then(|()| self.consumer.assign(&place))
            .map_err(not_given)?;
        let deadline = Instant::now() + bound;
        let mut last = "no answer in time".to_owned();
        let outcome = loop {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) if message.offset() == offset => break Ok(()),
                Some(Ok(_)) | None => {}
                Some(Err(error)) => last = error.to_string(),
            }
            if Instant::now() > deadline {
                break Err(ProbeError::NotGiven(last));
            }
        };
        // Between two questions nothing is fetched.
        self.consumer.unassign().map_err(not_given)?;
        outcome
    }
}
