//! One connection to the broker, from its first packet to its first failure.
//!
//! A failed connection is dropped whole and a new one made, so nothing of an earlier one (queued acknowledgements,
//! buffered messages, packet ids) can reach the broker on a later one. With [`super::tls`] the only file that knows the
//! client library; it knows no topic and no payload.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{NetworkOptions, Outgoing};
use thiserror::Error;

use super::backoff::{self, Ended};
use super::{Broker, Credentials};

/// Filters in one SUBSCRIBE.
const FILTERS_PER_PACKET: usize = 100;
/// Requests beside publishes, acknowledgements and subscriptions: the goodbye.
const OTHER_REQUESTS: usize = 16;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const CONNECT_SECONDS_MAX: u64 = 5;

/// What the broker keeps of us while we are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Nothing; messages are acknowledged as they come.
    Clean,
    /// What was not acknowledged by [`Sender::acknowledge`], for so long.
    Kept {
        /// How long.
        expiry: Duration,
        /// Messages that it sends at most before they are acknowledged.
        receive_max: u16,
    },
}

/// How a connection is made.
#[derive(Debug)]
pub struct Options<'a> {
    /// Where, and who we are there.
    pub broker: &'a Broker,
    /// Our name there; a second connection of the same name ends the first.
    pub client_id: &'a str,
    /// What the broker keeps.
    pub session: Session,
    /// What is subscribed to, QoS 1.
    pub subscriptions: &'a [String],
    /// What the broker publishes when we vanish.
    pub will: Option<Publication>,
    /// Messages of ours that wait for their answer, at most; the client library keeps a slot for each.
    pub publishes_max: u16,
    /// The largest packet taken from the broker, bytes.
    pub packet_max: u32,
}

/// The connection is over.
#[derive(Debug, Error)]
pub enum Lost {
    /// It broke, or could not be made.
    #[error(transparent)]
    Connection(Box<ConnectionError>),
    /// Another client of the same name has it now.
    #[error("{}", backoff::TAKEN)]
    Taken,
    /// It is of no use.
    #[error("the broker refused a subscription: {0}")]
    Subscription(String),
    /// It is of no use.
    #[error("the broker answers nothing any more")]
    Silent,
    /// Its end was heard of before.
    #[error("closed")]
    Closed,
}

impl From<ConnectionError> for Lost {
    fn from(error: ConnectionError) -> Self {
        if is_taken(&error) { Self::Taken } else { Self::Connection(Box::new(error)) }
    }
}

impl Lost {
    /// What the next pause depends on.
    #[must_use]
    pub fn ended(&self) -> Ended {
        match self {
            Self::Taken => Ended::Taken,
            Self::Connection(_) => Ended::Lost,
            Self::Subscription(_) | Self::Silent | Self::Closed => Ended::Left,
        }
    }
}

fn is_taken(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        })
    )
}

/// Names a message for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketId(u16);

/// A message to publish at QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// The broker forgets it after this.
    pub expiry_s: Option<u32>,
}

/// A message from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its topic, whatever its sender has written.
    pub topic: Bytes,
    /// Its bytes.
    pub payload: Bytes,
    /// For its acknowledgement; QoS 0 wants none.
    pub packet_id: Option<PacketId>,
    /// The broker has kept it: it is no news.
    pub retained: bool,
    /// What is left of its life, where its sender limited that.
    pub expiry_s: Option<u32>,
}

/// What the broker says to a message of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took responsibility for it.
    Taken,
    /// It took it, but nobody is subscribed to it: it is gone, unless it is kept.
    Unheard,
    /// It refuses it.
    Refused(String),
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It stands.
    Connected {
        /// Whether the broker has kept what there was.
        session_present: bool,
    },
    /// The broker gives what was asked for in one packet, but for what it refuses.
    Subscribed {
        /// Why, for each.
        refused: Vec<String>,
    },
    /// A message has come.
    Received(Received),
    /// The oldest message handed over and not yet sent goes out under this id.
    Sent(u16),
    /// The broker answers to the message of this id.
    Answered(u16, Answer),
    /// The goodbye is out.
    Left,
}

/// What is said on a connection. None of it waits: false means that there is no room now.
#[derive(Debug, Clone)]
pub struct Sender(AsyncClient);

impl Sender {
    /// Hands a message over.
    #[must_use]
    pub fn publish(&self, message: Publication) -> bool {
        let Publication { topic, payload, retain, expiry_s } = message;
        let properties =
            PublishProperties { message_expiry_interval: expiry_s, ..PublishProperties::default() };
        let qos = QoS::AtLeastOnce;
        self.0.try_publish_with_properties(topic, qos, retain, payload, properties).is_ok()
    }

    /// Acknowledges a message.
    #[must_use]
    pub fn acknowledge(&self, PacketId(pkid): PacketId) -> bool {
        let publish = Publish { pkid, qos: QoS::AtLeastOnce, ..Publish::default() };
        self.0.try_ack(&publish).is_ok()
    }

    /// Says goodbye; what was handed over before goes out first.
    #[must_use]
    pub fn leave(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }

    fn subscribe(&self, options: &Options<'_>) -> bool {
        let retain_forward_rule = match options.session {
            Session::Clean => RetainForwardRule::OnEverySubscribe,
            // A session that is there has had the retained messages already.
            Session::Kept { .. } => RetainForwardRule::OnNewSubscribe,
        };
        options.subscriptions.chunks(FILTERS_PER_PACKET).all(|paths| {
            let filters = paths.iter().map(|path| Filter {
                retain_forward_rule: retain_forward_rule.clone(),
                ..Filter::new(path, QoS::AtLeastOnce)
            });
            self.0.try_subscribe_many(filters).is_ok()
        })
    }
}

/// What happens on a connection, up to its first failure.
pub struct Events(Pin<Box<dyn Stream<Item = Result<Event, ConnectionError>> + Send>>);

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// The stream owns the poll in progress, so that dropping `next()` does not cancel it.
    fn of(event_loop: EventLoop) -> Self {
        Self(Box::pin(stream::unfold(Some(Box::new(event_loop)), |event_loop| async move {
            let mut event_loop = event_loop?;
            match event_loop.poll().await {
                Ok(event) => Some((Ok(event), Some(event_loop))),
                Err(error) => Some((Err(error), None)),
            }
        })))
    }

    /// What happens next. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Lost`], once and for all.
    pub async fn next(&mut self) -> Result<Happening, Lost> {
        loop {
            match self.0.next().await {
                Some(event) => {
                    if let Some(happening) = happening(event?) {
                        return Ok(happening);
                    }
                }
                None => return Err(Lost::Closed),
            }
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// What is said on it.
    pub sender: Sender,
    /// What happens on it.
    pub events: Events,
}

impl Connection {
    /// One that is made as soon as its events are awaited, and subscribes then.
    #[must_use]
    pub fn new(options: Options<'_>) -> Self {
        let receive_max = match options.session {
            Session::Clean => 0,
            Session::Kept { receive_max, .. } => receive_max,
        };
        let requests_max = usize::from(options.publishes_max)
            + usize::from(receive_max)
            + options.subscriptions.len().div_ceil(FILTERS_PER_PACKET)
            + OTHER_REQUESTS;
        let (client, event_loop) = AsyncClient::new(mqtt_options(&options), requests_max);
        let sender = Sender(client);
        let has_room = sender.subscribe(&options);
        debug_assert!(has_room, "the channel is as long as it takes");
        Self { sender, events: Events::of(event_loop) }
    }

    /// Says goodbye and waits until it is out.
    pub async fn close(mut self) {
        if self.sender.leave() {
            while self.events.next().await.is_ok_and(|happening| happening != Happening::Left) {}
        }
    }
}

fn mqtt_options(own: &Options<'_>) -> MqttOptions {
    let Broker { host, port, credentials, tls } = own.broker;
    let mut options = MqttOptions::new(own.client_id, host, *port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_connection_timeout(CONNECT_SECONDS_MAX);
    options.set_outgoing_inflight_upper_limit(own.publishes_max);
    options.set_max_packet_size(Some(own.packet_max));
    match own.session {
        Session::Clean => options.set_clean_start(true),
        Session::Kept { expiry, receive_max } => options
            .set_clean_start(false)
            .set_manual_acks(true)
            .set_session_expiry_interval(u32::try_from(expiry.as_secs()).ok())
            .set_receive_maximum(Some(receive_max)),
    };
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECONDS_MAX);
    options.set_network_options(network);
    if let Some(Credentials { user, password }) = credentials {
        options.set_credentials(user, password);
    }
    if let Some(tls) = tls {
        options.set_transport(tls.transport());
    }
    if let Some(Publication { topic, payload, retain, .. }) = &own.will {
        let (topic, payload, qos) = (topic.as_str(), payload.to_vec(), QoS::AtLeastOnce);
        options.set_last_will(LastWill::new(topic, payload, qos, *retain, None));
    }
    options
}

fn happening(event: Event) -> Option<Happening> {
    match event {
        Event::Incoming(Packet::ConnAck(answer)) => {
            Some(Happening::Connected { session_present: answer.session_present })
        }
        Event::Incoming(Packet::Publish(publish)) => Some(Happening::Received(Received {
            packet_id: (publish.qos != QoS::AtMostOnce).then_some(PacketId(publish.pkid)),
            expiry_s: publish.properties.and_then(|known| known.message_expiry_interval),
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
        })),
        Event::Incoming(Packet::PubAck(ack)) => {
            let answer = match ack.reason {
                PubAckReason::Success => Answer::Taken,
                PubAckReason::NoMatchingSubscribers => Answer::Unheard,
                refused => Answer::Refused(format!("{refused:?}")),
            };
            Some(Happening::Answered(ack.pkid, answer))
        }
        Event::Incoming(Packet::SubAck(answer)) => {
            let codes = answer.return_codes.iter();
            let refused = codes.filter(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            Some(Happening::Subscribed {
                refused: refused.map(|code| format!("{code:?}")).collect(),
            })
        }
        Event::Outgoing(Outgoing::Publish(id)) => Some(Happening::Sent(id)),
        Event::Outgoing(Outgoing::Disconnect) => Some(Happening::Left),
        Event::Incoming(_) | Event::Outgoing(_) => None,
    }
}
