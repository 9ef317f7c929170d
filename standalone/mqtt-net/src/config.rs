//! A listener's configuration, by the names that rmqtt reads. It must not know where connections come from.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use rmqtt_codec::types::QoS;

use crate::Inbound;

/// What one listener allows its clients. rmqtt knows it under this name.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Where it listens, for names and logs.
    pub laddr: SocketAddr,
    /// Whether a client without a user name is let in unasked.
    pub allow_anonymous: bool,
    /// Connections at one time.
    pub max_connections: usize,
    /// Logins at one time.
    pub max_handshaking_limit: usize,
    /// Time from the connection to the end of the login.
    pub handshake_timeout: Duration,
    /// Largest CONNECT, bytes.
    pub max_connect_size: u32,
    /// Largest other packet of the trusted user, bytes.
    pub max_packet_size: u32,
    /// Largest other packet of anybody else, bytes.
    pub max_untrusted_packet_size: u32,
    /// The user name whose clients may send the larger packets. Nothing but the CONNECT is read before the login is over,
    /// so a name that is not proven gains nothing.
    pub trusted_user: Option<String>,
    /// Room for packets that have come in part, of all connections together.
    pub inbound: Arc<Inbound>,
    /// Time for one packet to go out.
    pub send_timeout: Duration,
    /// Shortest keep-alive, s.
    pub min_keepalive: u16,
    /// Longest keep-alive, s.
    pub max_keepalive: u16,
    /// Whether a client may do without keep-alive.
    pub allow_zero_keepalive: bool,
    /// Half of the keep-alive intervals that may pass in silence.
    pub keepalive_backoff: f32,
    /// Unacknowledged messages to a client.
    pub max_inflight: NonZeroU16,
    /// Messages that wait for a client.
    pub max_mqueue_len: usize,
    /// How fast they may go out.
    pub mqueue_rate_limit: (NonZeroU32, Duration),
    /// Longest client id, bytes.
    pub max_clientid_len: usize,
    /// Highest quality of service.
    pub max_qos_allowed: QoS,
    /// Most levels of a filter.
    pub max_topic_levels: usize,
    /// How long a persistent session of MQTT 3 is kept.
    pub session_expiry_interval: Duration,
    /// The longest that a client may ask for; zero = any.
    pub max_session_expiry_interval: Duration,
    /// Time until an unacknowledged message is sent again on the same connection.
    pub message_retry_interval: Duration,
    /// Life of a message whose publisher names none; zero = for ever.
    pub message_expiry_interval: Duration,
    /// Subscriptions of one client.
    pub max_subscriptions: usize,
    /// Topic aliases of one connection.
    pub max_topic_aliases: u16,
    /// Whether filters may limit their number of subscribers.
    pub limit_subscription: bool,
}

impl Default for Builder {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            laddr: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            allow_anonymous: false,
            max_connections: 1000,
            max_handshaking_limit: 100,
            handshake_timeout: Duration::from_secs(10),
            max_connect_size: 64 << 10,
            max_packet_size: 1 << 20,
            max_untrusted_packet_size: 1 << 20,
            trusted_user: None,
            inbound: Arc::new(Inbound::new(64 << 20)),
            send_timeout: Duration::from_secs(10),
            min_keepalive: 0,
            max_keepalive: u16::MAX,
            allow_zero_keepalive: true,
            keepalive_backoff: 0.75,
            max_inflight: NonZeroU16::MIN.saturating_add(99),
            max_mqueue_len: 1000,
            mqueue_rate_limit: (NonZeroU32::MAX, Duration::from_secs(1)),
            max_clientid_len: 256,
            max_qos_allowed: QoS::ExactlyOnce,
            max_topic_levels: 16,
            session_expiry_interval: DAY,
            max_session_expiry_interval: DAY,
            message_retry_interval: 3650 * DAY,
            message_expiry_interval: Duration::ZERO,
            max_subscriptions: 100,
            max_topic_aliases: 0,
            limit_subscription: false,
        }
    }
}
