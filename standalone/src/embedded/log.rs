//! The embedded log, from the settings: on a runtime of its own, with the login that its clients must pass. It must not
//! know the product's topics; the services make theirs through the protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use derms_log::store::{Store, Upkeep};
use derms_log::{Limits, Log, Login, Options};
use service_kit::settings::{Maybe, Secret, Settings, Text, key};

use super::OwnRuntime;

const THREADS: usize = 2;
const USER: Maybe<Text> = key::DERMS_KAFKA_SASL_USERNAME;
const PASSWORD: Maybe<Secret> = key::DERMS_KAFKA_SASL_PASSWORD;

/// The running log.
pub struct EmbeddedLog {
    address: SocketAddr,
    runtime: OwnRuntime,
    upkeep: Upkeep,
    store: Arc<Store>,
}

impl EmbeddedLog {
    /// Starts the log; it answers clients when this returns. Clients are told to connect to `address`.
    ///
    /// # Errors
    /// When its files cannot be used, the address cannot be had, or everyone in reach would be let in.
    pub async fn start(
        address: SocketAddr,
        data: &Path,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let login = login(settings)?;
        anyhow::ensure!(
            login.is_some() || address.ip().is_loopback(),
            "the log would let everyone in who reaches {address}: set {} and {}, \
             or listen on 127.0.0.1 (DERMS_BIND)",
            USER.name(),
            PASSWORD.name()
        );
        let megabytes = u64::try_from(settings.int(key::DERMS_LOG_MAX_MB)).unwrap_or(u64::MAX);
        let limits = Limits { bytes_max: megabytes.saturating_mul(1 << 20), ..Limits::default() };
        let options = Options { limits, login, repair: settings.flag(key::DERMS_LOG_REPAIR) };
        let runtime = OwnRuntime::new("log", THREADS).context("starting the log's runtime")?;
        let folder = data.to_owned();
        let opening = runtime.spawn(async move { Log::open(address, &folder, options).await });
        let log = opening.await.context("opening the log")??;
        let (address, store) = (log.address(), log.store());
        let upkeep = Upkeep::start(Arc::clone(&store)).context("starting the log's upkeep")?;
        runtime.spawn(async move {
            if let Err(error) = log.serve().await {
                tracing::error!(%error, "the log has ended");
            }
        });
        Ok(Self { address, runtime, upkeep, store })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of its records, and how many there may be.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        (self.store.bytes(), self.store.limits().bytes_max)
    }

    /// Closes all connections, and leaves nothing for the next start to read again.
    pub async fn stop(self) {
        self.runtime.stop().await;
        let upkeep = self.upkeep;
        if tokio::task::spawn_blocking(move || drop(upkeep)).await.is_err() {
            tracing::warn!("the log's upkeep ended badly");
        }
    }
}

/// The login that the settings name.
fn login(settings: &Settings) -> anyhow::Result<Option<Login>> {
    match (settings.optional_text(USER), settings.exposed(PASSWORD)) {
        (Some(user), Some(password)) => Ok(Some(Login::new(user, password)?)),
        (None, None) => Ok(None),
        _ => anyhow::bail!("{} and {} are set together, or neither", USER.name(), PASSWORD.name()),
    }
}
