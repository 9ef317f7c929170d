//! Telemetry that comes over the API goes the devices' way: it is published at the MQTT broker in the device's name, the
//! bridge judges it as any other, and it is answered when the bridge's receipt says what became of it.
//!
//! The connection is made when the first message comes. A receipt that does not come is asked for once more, with the
//! same bytes: however often they arrive, there is one row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use schemas::mqtt::{Asking, Rejection, TelemetryTopic, Topics, decode_receipt, decode_telemetry};
use schemas::records::telemetry::TopicLayout;
use service_kit::mqtt::{Broker, Delivery, Link, LinkEvent, LinkOptions, Outgoing};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::caps::{INGEST_AGAIN, INGEST_PATIENCE, INGEST_TICK, INGEST_WAITING_MAX};

/// A connection that is closed in good order is waited for so long.
const CLOSING: Duration = Duration::from_millis(500);

/// Where telemetry goes.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// The broker.
    pub broker: Broker,
    /// The topics.
    pub topics: Topics,
    /// Longest message, bytes.
    pub payload_max: usize,
}

/// Why a message is not known to be in the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IngestError {
    /// It is not accepted, and would not be if it came again.
    #[error("{0}")]
    Refused(String),
    /// Too many wait already.
    #[error("too many messages wait to be stored; send them again in a moment")]
    Busy,
    /// The broker is out of reach.
    #[error(
        "the MQTT broker is out of reach (settings MQTT_HOST and MQTT_PORT); the message may still arrive"
    )]
    Unavailable,
    /// The bridge has not said what became of it.
    #[error(
        "not confirmed in time: the bridge is away, or the device sends too much; the same messageId may be sent again"
    )]
    Unconfirmed,
}

impl From<Rejection> for IngestError {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection.to_string())
    }
}

type Verdict = Result<(), IngestError>;

struct Submission {
    message_id: Uuid,
    message: Outgoing<()>,
    answer: oneshot::Sender<Verdict>,
}

/// Takes messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    topics: Topics,
    payload_max: usize,
    places: Arc<Semaphore>,
    submissions: mpsc::Sender<Submission>,
}

/// A message that was taken and is not answered yet.
#[derive(Debug)]
pub struct Taken {
    message_id: Uuid,
    /// What is wrong with it, as far as that can be told without knowing the device: a receipt has the kind of fault only.
    fault: Option<Rejection>,
    verdict: oneshot::Receiver<Verdict>,
    _place: OwnedSemaphorePermit,
}

impl Ingest {
    /// A taker and its task, which has to run for it to work.
    #[must_use]
    pub fn new(config: IngestConfig) -> (Self, Courier) {
        let (submissions, receiver) = mpsc::channel(INGEST_WAITING_MAX);
        let ingest = Self {
            topics: config.topics.clone(),
            payload_max: config.payload_max,
            places: Arc::new(Semaphore::new(INGEST_WAITING_MAX)),
            submissions,
        };
        (ingest, Courier { config, submissions: receiver, waiting: Waiting::default() })
    }

    /// Longest message, bytes.
    #[must_use]
    pub fn payload_max(&self) -> usize {
        self.payload_max
    }

    /// Hands a message over to be published. Those of one caller are published in the order of the calls.
    ///
    /// # Errors
    /// [`IngestError::Busy`].
    pub fn take(&self, asking: Asking) -> Result<Taken, IngestError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| IngestError::Busy)?;
        let Asking { device_id, message_id, payload } = asking;
        let message = Outgoing {
            topic: self.topics.telemetry(&device_id),
            payload: payload.into(),
            retain: false,
            tag: (),
        };
        let topic = TelemetryTopic { device_id, layout: TopicLayout::Flat, device_type: None };
        let fault = decode_telemetry(&topic, &message.payload, self.payload_max).err();
        let (answer, verdict) = oneshot::channel();
        self.submissions
            .try_send(Submission { message_id, message, answer })
            .map_err(|_| IngestError::Busy)?;
        Ok(Taken { message_id, fault, verdict, _place: place })
    }
}

impl Taken {
    /// Waits for the receipt; gives the message's id once the log has it.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn stored(self) -> Result<Uuid, IngestError> {
        let verdict = self.verdict.await.unwrap_or(Err(IngestError::Unavailable));
        verdict.map(|()| self.message_id).map_err(|error| match (error, self.fault) {
            (IngestError::Refused(_), Some(fault)) => fault.into(),
            (error, _) => error,
        })
    }
}

/// A message that waits for its receipt.
struct Entry {
    message: Outgoing<()>,
    answers: Vec<oneshot::Sender<Verdict>>,
    /// When it is sent once more, if it was not yet.
    again: Option<Instant>,
    until: Instant,
}

/// Messages that wait for their receipts. A function of its calls and the times in them.
#[derive(Default)]
struct Waiting(HashMap<Uuid, Entry>);

impl Waiting {
    /// Notes a message; gives it back to be published.
    fn add(&mut self, submission: Submission, now: Instant) -> Outgoing<()> {
        let Submission { message_id, message, answer } = submission;
        let entry = self.0.entry(message_id).or_insert_with(|| Entry {
            message: message.clone(),
            answers: Vec::new(),
            again: Some(now + INGEST_AGAIN),
            until: now + INGEST_PATIENCE,
        });
        entry.answers.push(answer);
        message
    }

    fn settle(&mut self, message_id: Uuid, verdict: &Verdict) {
        for answer in self.0.remove(&message_id).into_iter().flat_map(|entry| entry.answers) {
            // Nobody may wait any more.
            answer.send(verdict.clone()).ok();
        }
    }

    /// Gives up those whose time is over, and gives those that are sent once more.
    fn due(&mut self, now: Instant, connected: bool) -> Vec<Outgoing<()>> {
        let over: Vec<Uuid> =
            self.0.iter().filter(|(_, entry)| entry.until <= now).map(|(id, _)| *id).collect();
        let error = if connected { IngestError::Unconfirmed } else { IngestError::Unavailable };
        over.into_iter().for_each(|id| self.settle(id, &Err(error.clone())));
        let again = self.0.values_mut().filter(|entry| entry.again.is_some_and(|at| at <= now));
        again
            .map(|entry| {
                entry.again = None;
                entry.message.clone()
            })
            .collect()
    }
}

/// The task behind [`Ingest`].
pub struct Courier {
    config: IngestConfig,
    submissions: mpsc::Receiver<Submission>,
    waiting: Waiting,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("waiting", &self.waiting.0.len()).finish_non_exhaustive()
    }
}

impl Courier {
    /// Carries messages until `shutdown`.
    ///
    /// # Errors
    /// When the connection's task fails; a broker out of reach is no failure.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let first = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            first = self.submissions.recv() => first,
        };
        let Some(first) = first else {
            shutdown.cancelled().await;
            return Ok(());
        };
        let (link, mut events) = Link::start(self.options(), Arc::new(|(), _| {}));
        link.publish(self.waiting.add(first, Instant::now()));
        let mut connected = false;
        let mut ticker = tokio::time::interval(INGEST_TICK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(submission) = self.submissions.recv() => {
                    link.publish(self.waiting.add(submission, Instant::now()));
                }
                _ = ticker.tick() => {
                    let again = self.waiting.due(Instant::now(), connected);
                    again.into_iter().for_each(|message| link.publish(message));
                }
                event = events.recv() => match event {
                    Some(LinkEvent::Connected) => connected = true,
                    Some(LinkEvent::Disconnected(why)) => {
                        connected = false;
                        tracing::warn!(why, "no connection to the MQTT broker for telemetry by API");
                    }
                    Some(LinkEvent::Delivery(delivery)) => self.receipts(&delivery),
                    None => anyhow::bail!("the connection's task has ended"),
                },
            }
        }
        link.close(CLOSING).await;
        Ok(())
    }

    fn options(&self) -> LinkOptions<()> {
        LinkOptions {
            broker: self.config.broker.clone(),
            // Several APIs at one broker do not throw each other out.
            client_id: format!("derms-api-{}", Uuid::new_v4().simple()),
            will: None,
            greeting: Vec::new(),
            subscriptions: vec![self.config.topics.receipts_filter()],
            outbox_max: INGEST_WAITING_MAX,
            backoff_min: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
        }
    }

    /// Receipts of all devices come; those of messages that came another way settle nothing here.
    fn receipts(&mut self, delivery: &Delivery) {
        let read = self.config.topics.parse_receipts(&delivery.topic).and_then(|device_id| {
            decode_receipt(&device_id, &delivery.payload, self.config.payload_max)
        });
        let receipts = match read {
            Ok(receipts) => receipts,
            Err(error) => return tracing::debug!(%error, "a receipt that cannot be read"),
        };
        receipts.stored.iter().for_each(|id| self.waiting.settle(*id, &Ok(())));
        for (id, reason) in receipts.refused {
            let words = format!("{reason}: the bridge refuses it; docs/contract.md says when");
            self.waiting.settle(id, &Err(IngestError::Refused(words)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(id: u128) -> (Submission, oneshot::Receiver<Verdict>) {
        let (answer, verdict) = oneshot::channel();
        let message = Outgoing {
            topic: format!("der/telemetry/ev-{id}"),
            payload: Vec::new().into(),
            retain: false,
            tag: (),
        };
        (Submission { message_id: Uuid::from_u128(id), message, answer }, verdict)
    }

    #[tokio::test]
    async fn each_who_waits_for_a_message_hears_what_became_of_it() {
        let mut waiting = Waiting::default();
        let now = Instant::now();
        let [(one, first), (again, second), (other, third)] =
            [submission(1), submission(1), submission(2)];
        for submission in [one, again, other] {
            waiting.add(submission, now);
        }
        waiting.settle(Uuid::from_u128(9), &Ok(()));
        waiting.settle(Uuid::from_u128(1), &Ok(()));
        let refused = Err(IngestError::Refused("device_conflict".to_owned()));
        waiting.settle(Uuid::from_u128(2), &refused);
        assert_eq!((first.await, second.await), (Ok(Ok(())), Ok(Ok(()))));
        assert_eq!(third.await, Ok(refused));
        assert!(waiting.0.is_empty());
    }

    #[tokio::test]
    async fn without_a_receipt_it_is_sent_once_more_and_then_given_up() {
        for (connected, error) in
            [(true, IngestError::Unconfirmed), (false, IngestError::Unavailable)]
        {
            let mut waiting = Waiting::default();
            let now = Instant::now();
            let (one, verdict) = submission(1);
            let message = waiting.add(one, now);
            assert!(waiting.due(now, connected).is_empty());
            assert_eq!(waiting.due(now + INGEST_AGAIN, connected), [message]);
            assert!(waiting.due(now + INGEST_AGAIN * 2, connected).is_empty(), "only once");
            assert!(waiting.due(now + INGEST_PATIENCE, connected).is_empty());
            assert_eq!(verdict.await, Ok(Err(error)));
        }
    }
}
