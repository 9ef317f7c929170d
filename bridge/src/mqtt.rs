//! One connection to the MQTT broker, from its first packet to its first failure. The only file that knows rumqttc.
//!
//! A failed connection is dropped whole and a new one made, so nothing of an earlier one (queued acknowledgements,
//! buffered messages, packet ids) can reach the broker on a later one.

use std::pin::Pin;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, Filter, Packet, PubAckReason, Publish, PublishProperties, RetainForwardRule,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, Outgoing};
use service_kit::mqtt::backoff::{self, Ended, is_taken};
use service_kit::mqtt::{Broker, Credentials};
use thiserror::Error;

use crate::caps;

/// Requests beside acknowledgements or publishes: subscribe, disconnect.
const OTHER_REQUESTS: usize = 16;

/// The connection is over.
#[derive(Debug, Error)]
pub(crate) enum Lost {
    #[error(transparent)]
    Connection(Box<ConnectionError>),
    #[error("{}", backoff::TAKEN)]
    Taken,
    #[error("the broker refused a subscription: {0}")]
    Subscription(String),
    #[error("the broker answers nothing any more")]
    Silent,
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
    pub(crate) fn ended(&self) -> Ended {
        match self {
            Self::Taken => Ended::Taken,
            Self::Connection(_) => Ended::Lost,
            Self::Subscription(_) | Self::Silent | Self::Closed => Ended::Left,
        }
    }
}

/// Names a message for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketId(u16);

/// A message to publish at QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub(crate) retain: bool,
    /// The broker forgets it after this.
    pub(crate) expiry_s: Option<u32>,
}

/// What happens on a connection.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It stands.
    Connected { session_present: bool },
    /// The broker gives what was asked for.
    Subscribed,
    /// A message has come; QoS 0 wants no acknowledgement. A retained one is what the broker has kept, not news.
    Received { topic: Bytes, payload: Bytes, packet_id: Option<PacketId>, retained: bool },
    /// The oldest message handed over and not yet sent goes out under this id.
    Sent(u16),
    /// The broker has a message, or refuses it.
    Answered { id: u16, refused: Option<String> },
}

type Events = Pin<Box<dyn Stream<Item = Result<Event, ConnectionError>> + Send>>;

/// A connection.
pub(crate) struct Connection {
    client: AsyncClient,
    events: Events,
}

impl Connection {
    /// One that receives, in a session that the broker keeps.
    pub(crate) fn inbound(broker: &Broker, client_id: &str, receive_max: u16) -> Self {
        let mut options = options(broker, client_id);
        options.set_clean_start(false);
        options.set_manual_acks(true);
        // Nothing is published here; the client library keeps a slot for each.
        options.set_outgoing_inflight_upper_limit(1);
        let mut properties = connect_properties();
        properties.session_expiry_interval = u32::try_from(caps::SESSION_EXPIRY.as_secs()).ok();
        properties.receive_maximum = Some(receive_max);
        options.set_connect_properties(properties);
        Self::new(options, usize::from(receive_max) + OTHER_REQUESTS)
    }

    /// One that publishes. It has no session: what was not answered is published again by its owner, if it still matters.
    pub(crate) fn outbound(broker: &Broker, client_id: &str) -> Self {
        let mut options = options(broker, client_id);
        options.set_clean_start(true);
        options.set_outgoing_inflight_upper_limit(caps::PUBLISH_PACKET_IDS_MAX);
        options.set_connect_properties(connect_properties());
        Self::new(options, usize::from(caps::PUBLISH_PACKET_IDS_MAX))
    }

    fn new(options: MqttOptions, requests_max: usize) -> Self {
        let (client, event_loop) = AsyncClient::new(options, requests_max);
        Self { client, events: events(event_loop) }
    }

    /// What happens next. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Happening, Lost> {
        loop {
            let event = match self.events.next().await {
                Some(event) => event?,
                None => return Err(Lost::Closed),
            };
            if let Some(happening) = happening(event)? {
                return Ok(happening);
            }
        }
    }

    /// Asks for the messages of these filters at QoS 1; a refusal ends the connection.
    pub(crate) fn subscribe(&self, filters: &[String]) -> Result<(), Lost> {
        let filters = filters.iter().map(|path| Filter {
            // A session that is there has had the retained messages already.
            retain_forward_rule: RetainForwardRule::OnNewSubscribe,
            ..Filter::new(path, QoS::AtLeastOnce)
        });
        self.client
            .try_subscribe_many(filters)
            .map_err(|error| Lost::Subscription(error.to_string()))
    }

    /// Acknowledges a message; false when there is no room now.
    pub(crate) fn acknowledge(&self, PacketId(pkid): PacketId) -> bool {
        let publish = Publish { pkid, qos: QoS::AtLeastOnce, ..Publish::default() };
        self.client.try_ack(&publish).is_ok()
    }

    /// Hands a message over; false when there is no room now.
    pub(crate) fn publish(&self, message: &Publication) -> bool {
        let properties = PublishProperties {
            message_expiry_interval: message.expiry_s,
            ..PublishProperties::default()
        };
        self.client
            .try_publish_with_properties(
                message.topic.as_str(),
                QoS::AtLeastOnce,
                message.retain,
                message.payload.clone(),
                properties,
            )
            .is_ok()
    }

    /// Says goodbye; what was handed over before goes out first.
    pub(crate) async fn close(mut self) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        while let Some(Ok(event)) = self.events.next().await {
            if matches!(event, Event::Outgoing(Outgoing::Disconnect)) {
                return;
            }
        }
    }
}

fn options(broker: &Broker, client_id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, broker.host.as_str(), broker.port);
    options.set_keep_alive(caps::KEEP_ALIVE);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(caps::CONNECT_TIMEOUT.as_secs());
    options.set_network_options(network);
    options.set_connection_timeout(caps::CONNECT_TIMEOUT.as_secs());
    if let Some(tls) = &broker.tls {
        options.set_transport(tls.transport());
    }
    if let Some(Credentials { user, password }) = &broker.credentials {
        options.set_credentials(user, password);
    }
    options
}

fn connect_properties() -> ConnectProperties {
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(caps::PACKET_BYTES_MAX);
    properties
}

/// The events up to the first failure. The stream owns the poll in progress, so that dropping `next()` does not cancel it.
fn events(event_loop: EventLoop) -> Events {
    Box::pin(stream::unfold(Some(Box::new(event_loop)), |event_loop| async move {
        let mut event_loop = event_loop?;
        match event_loop.poll().await {
            Ok(event) => Some((Ok(event), Some(event_loop))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

fn happening(event: Event) -> Result<Option<Happening>, Lost> {
    Ok(match event {
        Event::Incoming(Packet::ConnAck(answer)) => {
            Some(Happening::Connected { session_present: answer.session_present })
        }
        Event::Incoming(Packet::Publish(publish)) => Some(Happening::Received {
            packet_id: (publish.qos != QoS::AtMostOnce).then_some(PacketId(publish.pkid)),
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
        }),
        Event::Incoming(Packet::PubAck(answer)) => {
            // A setpoint that nobody listens to is retained all the same, and a receipt is wanted by nobody then.
            let taken = matches!(
                answer.reason,
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers
            );
            Some(Happening::Answered {
                id: answer.pkid,
                refused: (!taken).then(|| format!("{:?}", answer.reason)),
            })
        }
        Event::Incoming(Packet::SubAck(answer)) => {
            let refused = answer
                .return_codes
                .iter()
                .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            if let Some(code) = refused {
                return Err(Lost::Subscription(format!("{code:?}")));
            }
            Some(Happening::Subscribed)
        }
        Event::Outgoing(Outgoing::Publish(id)) => Some(Happening::Sent(id)),
        Event::Incoming(_) | Event::Outgoing(_) => None,
    })
}
