//! Owns the listener and its connections: bounds, login, and which request is answered by whom.

mod auth;
mod connection;
mod fetch;
mod offsets;
mod produce;
mod topics;
mod versions;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_kit::task;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use auth::{AuthError, Login};

use crate::groups::Groups;
use crate::metrics;
use crate::store::Store;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 512;
/// Of them, how many may be without a login.
const STRANGERS_MAX: usize = 64;
/// Kilobytes of requests that are worked on at a time, over all connections.
const REQUEST_KBYTES_MAX: usize = 64 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Arc<Store>,
    groups: Groups,
    login: Option<Login>,
    address: SocketAddr,
    strangers: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// Serves until it is dropped. Clients are told to connect to `address`; with a login, everyone must pass it.
///
/// # Errors
/// None that a single connection causes.
pub async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    store: Arc<Store>,
    login: Option<Login>,
) -> io::Result<()> {
    let shared = Arc::new(Shared {
        groups: Groups::new(Arc::clone(&store)),
        store,
        login,
        address,
        strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
        memory: Arc::new(Semaphore::new(REQUEST_KBYTES_MAX)),
    });
    let watching = Arc::clone(&shared);
    task::spawn("log-groups", async move { watching.groups.watch().await });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // For example no file left to open: some connection will end.
                tracing::warn!(%error, "the log cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            metrics::REFUSED.with_label_values(&["connections"]).inc();
            continue;
        };
        let shared = Arc::clone(&shared);
        task::spawn("log-client", async move {
            metrics::CONNECTIONS.inc();
            connection::serve(&shared, stream).await;
            metrics::CONNECTIONS.dec();
            drop(place);
        });
    }
}
