//! One MQTT 5 connection that owns what it publishes until the broker has acknowledged it.
//!
//! Messages wait in a bounded outbox while the broker is away and are sent again, unchanged, after a reconnect; so do
//! those that nobody is subscribed to yet.
//! Sessions are clean: subscriptions are made anew each time and retained messages bring what was missed. The
//! only file of device-side programs that knows the client library; it knows no topic and no payload.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Filter, LastWill, Packet, PubAck, PubAckReason, Publish, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, Outgoing as Sent};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::backoff::{Backoff, Ended, is_taken};
use self::outbox::Outbox;
use crate::settings::{Settings, key};
use crate::task;

pub mod backoff;
pub mod kept;
mod outbox;
pub mod tls;

/// Messages that wait for their PUBACK at the same time, at most; the next one waits in the outbox.
const WINDOW: u16 = 500;
/// Requests between us and the client library; a full channel makes the pump wait.
const REQUESTS_MAX: usize = 64;
/// Received messages that wait for their reader; a full channel makes the connection wait.
const EVENTS_MAX: usize = 1024;
/// Filters in one SUBSCRIBE.
const FILTERS_PER_PACKET: usize = 100;
/// The largest packet taken from the broker, bytes.
const PACKET_MAX: u32 = 256 * 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const CONNECT_SECONDS_MAX: u64 = 5;

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
        let password = settings.exposed(key::MQTT_PASSWORD).unwrap_or_default();
        Ok(Self {
            host: settings.text(key::MQTT_HOST).to_owned(),
            port: settings.port(key::MQTT_PORT),
            credentials: settings
                .optional_text(key::MQTT_USERNAME)
                .map(|user| Credentials { user: user.to_owned(), password: password.to_owned() }),
            tls: tls::Tls::from_settings(settings)?,
        })
    }
}

/// How a connection is made.
#[derive(Debug, Clone)]
pub struct LinkOptions<T> {
    /// The broker's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our name there; a second connection of the same name ends the first.
    pub client_id: String,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// TLS; none = a plain connection.
    pub tls: Option<tls::Tls>,
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
        let connection =
            Connection { options, outbox: outbox.clone(), events, closing: closing.clone() };
        let task = task::spawn("mqtt link", connection.keep_up());
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
    Lost { why: Why, stood: Option<Duration> },
}

/// Why it broke.
struct Why {
    ended: Ended,
    cause: String,
}

impl From<String> for Why {
    fn from(cause: String) -> Self {
        Self { ended: Ended::Lost, cause }
    }
}

struct Connection<T> {
    options: LinkOptions<T>,
    outbox: Arc<Outbox<T>>,
    events: mpsc::Sender<LinkEvent>,
    closing: CancellationToken,
}

impl<T: Clone + Send + Sync + 'static> Connection<T> {
    async fn keep_up(self) {
        let (min, max) = (self.options.backoff_min, self.options.backoff_max);
        let mut backoff = Backoff::new(min, max);
        loop {
            let end = self.one_connection().await;
            self.outbox.take_back();
            let End::Lost { why, stood } = end else { return };
            let pause = backoff.after(why.ended, stood);
            let (client, pause_ms) = (&self.options.client_id, pause.as_millis());
            match why.ended {
                Ended::Lost | Ended::Left if backoff.is_suspicious() => {
                    tracing::error!(%client, cause = %why.cause, pause_ms, "{}", backoff::PERHAPS_TAKEN);
                }
                Ended::Lost | Ended::Left => {
                    tracing::warn!(cause = %why.cause, pause_ms, "broker out of reach");
                }
                Ended::Taken => tracing::error!(%client, pause_ms, "{}", backoff::TAKEN),
            }
            if self.events.send(LinkEvent::Disconnected(why.cause)).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => return,
            }
        }
    }

    async fn one_connection(&self) -> End {
        let (client, mut eventloop) = AsyncClient::new(self.mqtt_options(), REQUESTS_MAX);
        let mut up_since = None;
        // Neither future is ever dropped half-way while the connection lives: the client library's is not meant for that.
        let why = tokio::select! {
            why = self.poll(&mut eventloop, &mut up_since) => why,
            why = self.pump(&client) => why.map(Why::from),
        };
        match why {
            None => End::Closed,
            Some(why) => End::Lost { why, stood: up_since.map(|since: Instant| since.elapsed()) },
        }
    }

    fn mqtt_options(&self) -> MqttOptions {
        let own = &self.options;
        let mut options = MqttOptions::new(own.client_id.clone(), own.host.clone(), own.port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_connection_timeout(CONNECT_SECONDS_MAX);
        options.set_clean_start(true);
        options.set_outgoing_inflight_upper_limit(WINDOW);
        options.set_max_packet_size(Some(PACKET_MAX));
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        if let Some(own) = &own.credentials {
            options.set_credentials(own.user.clone(), own.password.clone());
        }
        if let Some(tls) = &own.tls {
            options.set_transport(tls.transport());
        }
        if let Some(will) = &own.will {
            let payload = will.payload.to_vec();
            options.set_last_will(LastWill::new(
                will.topic.clone(),
                payload,
                QoS::AtLeastOnce,
                will.retain,
                None,
            ));
        }
        options
    }

    /// Serves the connection; gives the reason of its end, or none after a goodbye.
    async fn poll(&self, eventloop: &mut EventLoop, up_since: &mut Option<Instant>) -> Option<Why> {
        loop {
            let event = match eventloop.poll().await {
                Ok(event) => event,
                Err(_) if self.closing.is_cancelled() => return None,
                Err(error) => {
                    let ended = if is_taken(&error) { Ended::Taken } else { Ended::Lost };
                    return Some(Why { ended, cause: error.to_string() });
                }
            };
            let told = match event {
                Event::Incoming(Packet::ConnAck(_)) => {
                    *up_since = Some(Instant::now());
                    Some(LinkEvent::Connected)
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    delivery(&publish).map(LinkEvent::Delivery)
                }
                Event::Incoming(Packet::PubAck(ack)) => {
                    self.heed(&ack);
                    None
                }
                Event::Incoming(Packet::SubAck(ack)) => {
                    let refused = |code: &SubscribeReasonCode| {
                        !matches!(code, SubscribeReasonCode::Success(_))
                    };
                    let count = ack.return_codes.iter().filter(|code| refused(code)).count();
                    if count > 0 {
                        tracing::error!(
                            count,
                            "the broker refused subscriptions: setpoints or receipts will not come"
                        );
                    }
                    None
                }
                Event::Outgoing(Sent::Publish(packet_id)) => {
                    self.outbox.sent(packet_id);
                    None
                }
                Event::Outgoing(Sent::Disconnect) => return None,
                _ => None,
            };
            if let Some(event) = told
                && self.events.send(event).await.is_err()
            {
                return None;
            }
        }
    }

    fn heed(&self, ack: &PubAck) {
        match ack.reason {
            PubAckReason::Success => self.outbox.settle(ack.pkid, Settled::Acknowledged),
            PubAckReason::NoMatchingSubscribers => self.outbox.unheard(ack.pkid),
            _ => self.outbox.settle(ack.pkid, Settled::Refused),
        }
    }

    /// Feeds the connection: subscriptions, greeting, then the outbox; at the end the goodbye.
    async fn pump(&self, client: &AsyncClient) -> Option<String> {
        for filters in self.options.subscriptions.chunks(FILTERS_PER_PACKET) {
            let filters = filters.iter().map(|path| Filter::new(path.clone(), QoS::AtLeastOnce));
            if let Err(error) = client.subscribe_many(filters).await {
                return Some(error.to_string());
            }
        }
        self.outbox.greet(&self.options.greeting);
        loop {
            let message = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                message = self.outbox.next(usize::from(WINDOW)) => message,
            };
            let sent = client
                .publish(message.topic, QoS::AtLeastOnce, message.retain, message.payload)
                .await;
            if let Err(error) = sent {
                return Some(error.to_string());
            }
        }
        if let Err(error) = client.disconnect().await {
            return Some(error.to_string());
        }
        // The poll above ends the connection once the goodbye is out.
        std::future::pending().await
    }
}

fn delivery(publish: &Publish) -> Option<Delivery> {
    let expiry = publish.properties.as_ref().and_then(|known| known.message_expiry_interval);
    Some(Delivery {
        topic: std::str::from_utf8(&publish.topic).ok()?.to_owned(),
        payload: publish.payload.clone(),
        remaining: expiry.map(|seconds| Duration::from_secs(u64::from(seconds))),
    })
}
