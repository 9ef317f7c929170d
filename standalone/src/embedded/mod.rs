//! The three embedded servers. Each starts, says when it is ready, and stops within a bounded time;
//! they know neither each other nor the services.

pub mod clickhouse;
pub mod log;
pub mod mqtt;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use service_kit::settings::{Settings, key};

/// How long a server's runtime gets to end its tasks.
const RUNTIME_STOP: Duration = Duration::from_millis(500);

/// A port that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("port {port} is taken ({reason}): set {setting} to another port, or stop what uses it")]
pub struct PortTaken {
    /// The port.
    pub port: u16,
    /// The setting that chooses it.
    pub setting: &'static str,
    reason: std::io::Error,
}

/// The address that the embedded servers listen on.
///
/// # Errors
/// When the setting is not an IP address.
pub(crate) fn bind_address(settings: &Settings) -> anyhow::Result<IpAddr> {
    let text = settings.text(key::DERMS_BIND);
    text.parse().with_context(|| format!("DERMS_BIND is {text}: an IP address is needed"))
}

/// The address that the embedded broker listens on without TLS.
///
/// # Errors
/// When the setting is not an IP address.
pub(crate) fn mqtt_bind_address(settings: &Settings) -> anyhow::Result<IpAddr> {
    match settings.optional_text(key::DERMS_MQTT_BIND) {
        Some(text) => text
            .parse()
            .with_context(|| format!("DERMS_MQTT_BIND is {text}: an IP address is needed")),
        None => bind_address(settings),
    }
}

/// Checks that a port can be had, and chooses a free one for port 0.
///
/// # Errors
/// [`PortTaken`] naming the port and its setting.
pub fn claim_port(host: IpAddr, port: u16, setting: &'static str) -> Result<SocketAddr, PortTaken> {
    // The listener is closed again at once: nothing has connected to it, so the port is free at once too.
    TcpListener::bind((host, port))
        .and_then(|listener| listener.local_addr())
        .map_err(|reason| PortTaken { port, setting, reason })
}

/// A runtime of its own for what spawns tasks that it does not keep, or may hold its threads up: ending the runtime ends
/// them all, and leaves behind what does not end.
pub(crate) struct OwnRuntime(Option<tokio::runtime::Runtime>);

impl OwnRuntime {
    pub(crate) fn new(name: &'static str, threads: usize) -> std::io::Result<Self> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    pub(crate) fn spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.as_ref().expect("taken only when stopped or dropped").spawn(future)
    }

    /// Ends all tasks and waits for them, within bounds.
    pub(crate) async fn stop(mut self) {
        if let Some(runtime) = self.0.take() {
            // A runtime must not be dropped on a thread that runs tasks.
            let ended =
                tokio::task::spawn_blocking(move || runtime.shutdown_timeout(RUNTIME_STOP)).await;
            if let Err(error) = ended {
                tracing::warn!(%error, "embedded server's runtime ended badly");
            }
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
