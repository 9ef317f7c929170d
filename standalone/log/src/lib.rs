//! The embedded log: a server of the Kafka protocol for one machine, on segment files. [`store`] keeps the data,
//! [`groups`] knows who works on what, [`server`] speaks to clients, [`takeover`] brings in the data of an older version.

pub mod groups;
mod metrics;
pub mod server;
pub mod store;
pub mod takeover;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;

pub use server::Login;
pub use store::Limits;

use store::{Damage, Disk, Store};

/// Why the log does not start.
#[derive(Debug, Error)]
pub enum LogError {
    /// Its files are damaged or cannot be used.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The data of an older version cannot be brought in.
    #[error(transparent)]
    Takeover(#[from] takeover::TakeoverError),
    /// Its address cannot be had.
    #[error("the log cannot listen on {address}: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot go on.
    #[error("the log: {0}")]
    Io(#[from] std::io::Error),
}

/// How the log runs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Its bounds.
    pub limits: Limits,
    /// The login that every client must pass; none lets everyone in.
    pub login: Option<Login>,
    /// Go on without what is damaged.
    pub repair: bool,
}

/// A log that is open and listens; [`Log::serve`] answers clients.
#[derive(Debug)]
pub struct Log {
    store: Arc<Store>,
    listener: TcpListener,
    address: SocketAddr,
    login: Option<Login>,
}

impl Log {
    /// Opens the log in a folder and listens.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn open(
        address: SocketAddr,
        folder: &Path,
        options: Options,
    ) -> Result<Self, LogError> {
        takeover::take_over(folder).await?;
        let Options { limits, login, repair } = options;
        let folder = folder.to_owned();
        let opening = tokio::task::spawn_blocking(move || {
            Store::open(&folder, limits, Disk::default(), repair)
        });
        let store = Arc::new(opening.await.map_err(std::io::Error::other)??);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| LogError::Address { address, source })?;
        let address = listener.local_addr()?;
        Ok(Self { store, listener, address, login })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Answers clients until it is dropped. [`store::Upkeep`] belongs beside it.
    ///
    /// # Errors
    /// [`LogError`] when it cannot go on.
    pub async fn serve(self) -> Result<(), LogError> {
        Ok(server::serve(self.listener, self.address, self.store, self.login).await?)
    }
}
