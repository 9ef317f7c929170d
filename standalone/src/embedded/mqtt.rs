//! The embedded MQTT 5 broker: rmqtt with settings that lose nothing this system relies on, and a retained store
//! that survives restarts. It must not know topics or payloads of the product.

mod inflight;
mod retained;
mod sharing;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::Builder;
use rmqtt::server::MqttServer;

use self::inflight::NotedFirst;
use self::retained::RetainedStore;
use self::sharing::ByTopic;
use super::OwnRuntime;

/// Largest packet; a telemetry sample is well under 2 KB, the rest is room for other users.
const PACKET_BYTES_MAX: u32 = 8 << 20;
/// Unacknowledged messages in flight to one client, unless it asks for fewer (Receive Maximum).
const INFLIGHT_MAX: NonZeroU16 = NonZeroU16::new(8192).expect("not zero");
/// Messages waiting for one client beyond those; further ones displace the oldest.
const QUEUED_MAX: usize = 200_000;
/// Clients at one time.
const CONNECTIONS_MAX: usize = 20_000;
/// "Never": MQTT 5 sends again only after a reconnect.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// A client of MQTT 3.1.1 with a persistent session may stay away so long.
const V3_SESSION_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);
const THREADS: usize = 2;

/// The running broker.
pub struct MqttBroker {
    address: SocketAddr,
    runtime: OwnRuntime,
    retained: RetainedStore,
}

impl MqttBroker {
    /// Starts the broker; it accepts clients when this returns. Retained messages are kept in `data`.
    ///
    /// # Errors
    /// When the address cannot be bound or the folder cannot be used.
    pub async fn start(address: SocketAddr, data: &Path) -> anyhow::Result<Self> {
        let retained = RetainedStore::open(data)
            .await
            .with_context(|| format!("opening retained messages in {}", data.display()))?;
        let runtime = OwnRuntime::new("mqtt", THREADS).context("starting the broker's runtime")?;
        let store = retained.clone();
        let started = runtime.spawn(async move {
            // Its load check would turn clients away on a busy machine.
            let context = ServerContext::new().busy_check_enable(false).build().await;
            *context.extends.retain_mut().await = Box::new(store);
            *context.extends.shared_subscription_mut().await = Box::new(ByTopic);
            let hooks = context.extends.hook_mgr().register();
            hooks.add(Type::MessageDelivered, Box::new(NotedFirst)).await;
            hooks.start().await;
            let listener = listener(address).bind()?.tcp()?;
            anyhow::Ok((context, listener))
        });
        let (context, listener) = started
            .await
            .context("starting the broker")?
            .with_context(|| format!("listening for MQTT on {address}"))?;
        let id = address.port();
        // Runs until the runtime ends.
        drop(runtime.spawn(async move {
            MqttServer::new(context).listener_by_id(listener, id).build().run().await
        }));
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

fn listener(address: SocketAddr) -> Builder {
    Builder::new()
        .name("embedded")
        .laddr(address)
        // A restart must not find the port in TIME_WAIT.
        .reuseaddr(Some(true))
        .nodelay(true)
        .max_connections(CONNECTIONS_MAX)
        .max_handshaking_limit(CONNECTIONS_MAX)
        .max_packet_size(PACKET_BYTES_MAX)
        .max_inflight(INFLIGHT_MAX)
        .max_mqueue_len(QUEUED_MAX)
        .mqueue_rate_limit(NonZeroU32::MAX, Duration::from_secs(1))
        .message_retry_interval(NEVER)
        // Zero: messages expire only when their publisher says so.
        .message_expiry_interval(Duration::ZERO)
        .session_expiry_interval(V3_SESSION_EXPIRY)
        .max_topic_aliases(64)
}
