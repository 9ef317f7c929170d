//! The embedded MQTT 5 broker: rmqtt with settings that lose nothing this system relies on, a retained store that
//! survives restarts, a door that bounds what strangers may take, and the rules of who may do what.

mod access;
mod accounts;
mod budget;
mod common_name;
mod connection;
mod door;
mod gate;
mod inflight;
mod metrics;
mod options;
mod places;
mod retained;
mod sessions;
mod sharing;
mod speakers;
mod tls;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::{Builder, Inbound, Listener};
use rmqtt::server::MqttServer;
use service_kit::task;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) use self::access::SERVICE_USER;
pub(crate) use self::accounts::{change as change_account, hash_made, names as account_names};
pub use self::options::BrokerOptions;
pub(crate) use self::options::{SECRET_FILE, set_secret, tls_address, tls_listener, users_file};
pub use self::tls::TlsListener;

use self::access::{Access, TOPIC_LEVELS_MAX};
use self::accounts::Accounts;
use self::budget::Budget;
use self::door::{Door, Ways};
use self::gate::{AtTheGate, CERTIFIED, Gate, PLAIN};
use self::inflight::NotedFirst;
use self::metrics::Holdings;
use self::places::Places;
use self::retained::RetainedStore;
use self::sessions::Sessions;
use self::sharing::ByTopic;
use self::speakers::Speakers;
use super::OwnRuntime;

/// Largest packet of our own services; a telemetry sample is well under 2 KB.
const PACKET_BYTES_MAX: u32 = 8 << 20;
/// Largest CONNECT: a will and a password.
const CONNECT_BYTES_MAX: u32 = 64 << 10;
/// Packets that have come in part, of all connections.
const INBOUND_BYTES_MAX: usize = 64 << 20;
/// Logins at one time.
const LOGINS_MAX: usize = 1000;
/// Unacknowledged messages in flight to one client, unless it asks for fewer (Receive Maximum).
const INFLIGHT_MAX: NonZeroU16 = NonZeroU16::new(8192).expect("not zero");
/// Messages waiting for one client beyond those; further ones displace the oldest.
const QUEUED_MAX: usize = 200_000;
const CLIENT_ID_BYTES_MAX: usize = 128;
/// Subscriptions of one session: the simulator has one for each of its devices. Others have their own topics only.
const SUBSCRIPTIONS_MAX: usize = 100_000;
/// "Never": MQTT 5 sends again only after a reconnect.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The longest that a session waits for its client; one of MQTT 3.1.1 does so always.
const SESSION_EXPIRY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
const THREADS: usize = 2;
/// Connections that wait for rmqtt to take them.
const INCOMING_MAX: usize = 256;
/// How often expired messages are let go, accounts read again and metrics shown.
const UPKEEP: Duration = Duration::from_secs(2);

/// The running broker.
pub struct MqttBroker {
    address: SocketAddr,
    runtime: OwnRuntime,
    retained: RetainedStore,
}

impl MqttBroker {
    /// Starts the broker; it accepts clients when this returns.
    ///
    /// # Errors
    /// When an address cannot be bound or a file cannot be used.
    pub async fn start(options: BrokerOptions) -> anyhow::Result<Self> {
        let retained = RetainedStore::open(&options.data)
            .await
            .with_context(|| format!("opening retained messages in {}", options.data.display()))?;
        let runtime = OwnRuntime::new("mqtt", THREADS).context("starting the broker's runtime")?;
        let (address, store) = (options.address, retained.clone());
        let started = runtime.spawn(start(options, store));
        started.await.context("starting the broker")??;
        Ok(Self { address, runtime, retained })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and writes the retained messages out.
    pub async fn stop(self) {
        self.runtime.stop().await;
        let retained = self.retained;
        let closed = tokio::task::spawn_blocking(move || retained.close()).await;
        if let Err(error) = closed {
            tracing::warn!(%error, "retained messages were not closed in order");
        }
    }
}

/// Starts everything on the broker's runtime, where it runs until that ends.
async fn start(options: BrokerOptions, retained: RetainedStore) -> anyhow::Result<()> {
    let plain = Door::bind(options.address)?;
    let secured = match &options.tls {
        Some((address, tls)) => Some((Door::bind(*address)?, tls.clone())),
        None => None,
    };
    let gate = Arc::new(gate(&options, retained.clone())?);
    // The gate makes room; this is for what goes past it between a login and its session.
    let sessions_max = options.sessions_max.saturating_add(LOGINS_MAX);
    let sessions_max = isize::try_from(sessions_max).unwrap_or(isize::MAX);
    // Its load check would turn clients away on a busy machine.
    let context =
        ServerContext::new().busy_check_enable(false).mqtt_max_sessions(sessions_max).build().await;
    *context.extends.retain_mut().await = Box::new(retained);
    *context.extends.shared_subscription_mut().await = Box::new(ByTopic);
    let hooks = context.extends.hook_mgr().register();
    hooks.add(Type::MessageDelivered, Box::new(NotedFirst)).await;
    let asked = [
        Type::ClientAuthenticate,
        Type::ClientSubscribeCheckAcl,
        Type::MessagePublishCheckAcl,
        Type::MessagePublish,
        Type::MessageExpiryCheck,
        Type::ClientConnected,
        Type::ClientDisconnected,
        Type::SessionTerminated,
    ];
    for kind in asked {
        let at_the_gate = AtTheGate { gate: Arc::clone(&gate), context: context.clone() };
        hooks.add(kind, Box::new(at_the_gate)).await;
    }
    hooks.start().await;

    let inbound = Arc::new(Inbound::new(INBOUND_BYTES_MAX));
    let listener = |incoming| Listener::new(allowed(&options, Arc::clone(&inbound)), incoming);
    let (plain_way, plain_clients) = mpsc::channel(INCOMING_MAX);
    let (certified_way, certified_clients) = mpsc::channel(INCOMING_MAX);
    let server = MqttServer::new(context.clone())
        .listener_by_id(listener(plain_clients), PLAIN)
        .listener_by_id(listener(certified_clients), CERTIFIED)
        .build();
    drop(task::spawn("mqtt broker", server.run()));
    let ways = Ways { plain: plain_way, certified: certified_way };
    let door = Arc::new(Door { places: Arc::clone(&gate.places), ways });
    open(&door, plain, secured);
    drop(task::spawn("mqtt upkeep", upkeep(context, gate)));
    Ok(())
}

fn open(door: &Arc<Door>, plain: TcpListener, secured: Option<(TcpListener, TlsListener)>) {
    drop(task::spawn("mqtt door", Arc::clone(door).run(plain, None)));
    if let Some((listener, tls)) = secured {
        drop(task::spawn("mqtt tls door", Arc::clone(door).run(listener, Some(tls))));
    }
}

fn gate(options: &BrokerOptions, retained: RetainedStore) -> anyhow::Result<Gate> {
    Ok(Gate {
        access: Access(options.topics.clone()),
        accounts: Accounts::open(&options.users)?,
        secret: options.secret.clone(),
        guests: options.guests && options.address.ip().is_loopback(),
        speakers: Speakers::default(),
        places: Places::new(options.connections_max, options.address_connections_max),
        budget: Budget::default(),
        message_bytes_max: options.message_bytes_max,
        sessions: Sessions::new(options.sessions_max),
        retained,
        verifying: Gate::verifying(),
    })
}

async fn upkeep(context: ServerContext, gate: Arc<Gate>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        gate.retained.sweep().await;
        gate.accounts.table();
        let holdings = Holdings {
            connections: gate.places.open(),
            sessions: context.sessions.count(),
            retained: gate.retained.topics(),
            message_bytes: gate.budget.used(),
        };
        holdings.show();
    }
}

/// What a client may do at most, in rmqtt's words.
fn allowed(options: &BrokerOptions, inbound: Arc<Inbound>) -> Builder {
    Builder {
        laddr: options.address,
        allow_anonymous: false,
        max_connections: options.connections_max,
        max_handshaking_limit: LOGINS_MAX,
        handshake_timeout: options.login_max,
        max_connect_size: CONNECT_BYTES_MAX,
        max_packet_size: PACKET_BYTES_MAX,
        max_untrusted_packet_size: options.device_packet_bytes_max,
        trusted_user: Some(SERVICE_USER.to_owned()),
        inbound,
        max_inflight: INFLIGHT_MAX,
        max_mqueue_len: QUEUED_MAX,
        mqueue_rate_limit: (NonZeroU32::MAX, Duration::from_secs(1)),
        max_clientid_len: CLIENT_ID_BYTES_MAX,
        max_topic_levels: TOPIC_LEVELS_MAX,
        session_expiry_interval: SESSION_EXPIRY_MAX,
        max_session_expiry_interval: SESSION_EXPIRY_MAX,
        message_retry_interval: NEVER,
        // Zero: messages expire only when their publisher says so.
        message_expiry_interval: Duration::ZERO,
        max_subscriptions: SUBSCRIPTIONS_MAX,
        // An alias keeps its topic in memory, and nobody needs one.
        max_topic_aliases: 0,
        ..Builder::default()
    }
}
