//! One MQTT 5 connection that owns what it publishes until the broker has acknowledged it.
//!
//! Messages wait in a bounded outbox while the broker is away and are sent again, unchanged, after a reconnect; so do
//! those that nobody is subscribed to yet.
//! Sessions are clean: subscriptions are made anew each time and retained messages bring what was missed. Knows no topic
//! and no payload. A single connection, without an outbox and without another after it, is [`connection`]'s.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::backoff::{Backoff, Ended};
use self::connection::{
    Answer, Connection, Events, Happening, Lost, Options, Publication, Received, Sender, Session,
};
use self::outbox::Outbox;
use crate::settings::{Settings, key};
use crate::task;

pub mod backoff;
pub mod connection;
pub mod kept;
mod outbox;
pub mod tls;

/// Messages that wait for their PUBACK at the same time, at most; the next one waits in the outbox.
const WINDOW: u16 = 500;
/// Received messages that wait for their reader; a full channel makes the connection wait.
const EVENTS_MAX: usize = 1024;
/// The largest packet taken from the broker, bytes.
const PACKET_MAX: u32 = 256 * 1024;

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<T> {
    /// Where to.
    pub topic: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// What the sender wants to hear about when it is settled.
    pub tag: T,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The broker took responsibility for it.
    Acknowledged,
    /// The broker refused it.
    Refused,
    /// The outbox was full: the oldest message gave way.
    Discarded,
}

/// A message from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Bytes,
    /// What is left of its life, where its sender limited that.
    pub remaining: Option<Duration>,
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker let us in.
    Connected,
    /// The connection ended, or could not be made.
    Disconnected(String),
    /// A message came.
    Delivery(Delivery),
}

/// Who we are at the broker.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password; never printed.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where the broker is, and who we are there.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// TLS; none = a plain connection.
    pub tls: Option<tls::Tls>,
}

impl Broker {
    /// Reads the `MQTT_` settings.
    ///
    /// # Errors
    /// Certificate files that do not go together.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self { tls: tls::Tls::from_settings(settings)?, ..Self::plain(settings) })
    }

    /// The same without TLS, whatever its settings say.
    #[must_use]
    pub fn plain(settings: &Settings) -> Self {
        let password = settings.exposed(key::MQTT_PASSWORD).unwrap_or_default();
        Self {
            host: settings.text(key::MQTT_HOST).to_owned(),
            port: settings.port(key::MQTT_PORT),
            credentials: settings
                .optional_text(key::MQTT_USERNAME)
                .map(|user| Credentials { user: user.to_owned(), password: password.to_owned() }),
            tls: None,
        }
    }
}

/// How a connection is made.
#[derive(Debug, Clone)]
pub struct LinkOptions<T> {
    /// Where the broker is, and who we are there.
    pub broker: Broker,
    /// Our name there; a second connection of the same name ends the first.
    pub client_id: String,
    /// What the broker publishes for us when we vanish.
    pub will: Option<Outgoing<T>>,
    /// What is published first on each connection.
    pub greeting: Vec<Outgoing<T>>,
    /// What is subscribed to on each connection, QoS 1.
    pub subscriptions: Vec<String>,
    /// Messages that wait at most; beyond it the oldest is discarded.
    pub outbox_max: usize,
    /// The wait after the first failed connection; it doubles up to `backoff_max`.
    pub backoff_min: Duration,
    /// The longest wait between two tries.
    pub backoff_max: Duration,
}

/// Hears what became of each message.
pub type OnSettled<T> = Arc<dyn Fn(&T, Settled) + Send + Sync>;

/// A connection that is kept up by a task of its own.
#[derive(Debug)]
pub struct Link<T> {
    outbox: Arc<Outbox<T>>,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl<T: Clone + Send + Sync + 'static> Link<T> {
    /// Starts to connect, and keeps at it. Events must be received: a full channel holds the connection up.
    #[must_use]
    pub fn start(
        options: LinkOptions<T>,
        on_settled: OnSettled<T>,
    ) -> (Self, mpsc::Receiver<LinkEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let outbox = Arc::new(Outbox::new(options.outbox_max, on_settled));
        let closing = CancellationToken::new();
        let upkeep = Upkeep { options, outbox: outbox.clone(), events, closing: closing.clone() };
        let task = task::spawn("mqtt link", upkeep.keep_up());
        (Self { outbox, closing, task }, receiver)
    }

    /// Queues a message, QoS 1.
    pub fn publish(&self, message: Outgoing<T>) {
        self.outbox.push(message);
    }

    /// Messages that are not settled yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outbox.outstanding()
    }

    /// Waits until every message is settled, but not longer than `patience`; says whether they are.
    pub async fn drained(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.outbox.drained()).await.is_ok()
    }

    /// Says goodbye to the broker, so that it does not publish the will.
    pub async fn close(self, patience: Duration) {
        self.closing.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(patience, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// Why a connection is no more.
enum End {
    Closed,
    Lost { why: Lost, stood: Option<Duration> },
}

struct Upkeep<T> {
    options: LinkOptions<T>,
    outbox: Arc<Outbox<T>>,
    events: mpsc::Sender<LinkEvent>,
    closing: CancellationToken,
}

impl<T: Clone + Send + Sync + 'static> Upkeep<T> {
    async fn keep_up(self) {
        let (min, max) = (self.options.backoff_min, self.options.backoff_max);
        let mut backoff = Backoff::new(min, max);
        loop {
            let end = self.one_connection().await;
            self.outbox.take_back();
            let End::Lost { why, stood } = end else { return };
            let ended = why.ended();
            let pause = backoff.after(ended, stood);
            let (client, pause_ms) = (&self.options.client_id, pause.as_millis());
            match ended {
                Ended::Lost | Ended::Left if backoff.is_suspicious() => {
                    tracing::error!(%client, cause = %why, pause_ms, "{}", backoff::PERHAPS_TAKEN);
                }
                Ended::Lost | Ended::Left => {
                    tracing::warn!(cause = %why, pause_ms, "broker out of reach");
                }
                Ended::Taken => tracing::error!(%client, pause_ms, "{}", backoff::TAKEN),
            }
            if self.events.send(LinkEvent::Disconnected(why.to_string())).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => return,
            }
        }
    }

    async fn one_connection(&self) -> End {
        let own = &self.options;
        let Connection { sender, mut events } = Connection::new(Options {
            broker: &own.broker,
            client_id: &own.client_id,
            session: Session::Clean,
            subscriptions: &own.subscriptions,
            will: own.will.clone().map(publication),
            publishes_max: WINDOW,
            packet_max: PACKET_MAX,
        });
        self.outbox.greet(&own.greeting);
        let mut up_since = None;
        // Side by side: a reader that is slow does not hold up what is sent.
        let why = tokio::select! {
            why = self.poll(&mut events, &mut up_since) => why,
            why = self.pump(&sender) => Some(why),
        };
        match why {
            None => End::Closed,
            Some(why) => End::Lost { why, stood: up_since.map(|since: Instant| since.elapsed()) },
        }
    }

    /// Serves the connection; gives the reason of its end, or none after a goodbye.
    async fn poll(&self, events: &mut Events, up_since: &mut Option<Instant>) -> Option<Lost> {
        loop {
            let told = match events.next().await {
                Ok(Happening::Connected { .. }) => {
                    *up_since = Some(Instant::now());
                    Some(LinkEvent::Connected)
                }
                Ok(Happening::Received(received)) => delivery(received).map(LinkEvent::Delivery),
                Ok(Happening::Subscribed { refused }) => {
                    if !refused.is_empty() {
                        tracing::error!(
                            count = refused.len(),
                            "the broker refused subscriptions: setpoints or receipts will not come"
                        );
                    }
                    None
                }
                Ok(Happening::Sent(packet_id)) => {
                    self.outbox.sent(packet_id);
                    None
                }
                Ok(Happening::Answered(packet_id, answer)) => {
                    self.heed(packet_id, &answer);
                    None
                }
                Ok(Happening::Left) => return None,
                Err(_) if self.closing.is_cancelled() => return None,
                Err(why) => return Some(why),
            };
            if let Some(event) = told
                && self.events.send(event).await.is_err()
            {
                return None;
            }
        }
    }

    fn heed(&self, packet_id: u16, answer: &Answer) {
        match answer {
            Answer::Taken => self.outbox.settle(packet_id, Settled::Acknowledged),
            Answer::Unheard => self.outbox.unheard(packet_id),
            Answer::Refused(_) => self.outbox.settle(packet_id, Settled::Refused),
        }
    }

    /// Feeds the connection from the outbox; at the end the goodbye. Ends only with the connection.
    async fn pump(&self, sender: &Sender) -> Lost {
        loop {
            let message = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                message = self.outbox.next(usize::from(WINDOW)) => message,
            };
            // There is room for as many as may be on their way.
            if !sender.publish(publication(message)) {
                return Lost::Closed;
            }
        }
        if sender.leave() {
            // The poll beside ends the connection once the goodbye is out.
            std::future::pending().await
        }
        Lost::Closed
    }
}

fn publication<T>(message: Outgoing<T>) -> Publication {
    let Outgoing { topic, payload, retain, tag: _ } = message;
    Publication { topic, payload, retain, expiry_s: None }
}

fn delivery(received: Received) -> Option<Delivery> {
    Some(Delivery {
        topic: std::str::from_utf8(&received.topic).ok()?.to_owned(),
        payload: received.payload,
        remaining: received.expiry_s.map(|seconds| Duration::from_secs(u64::from(seconds))),
    })
}
