//! The embedded ClickHouse: the engine of `derms-engine` on its port. It must not know tables.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use derms_engine::{Engine, HttpOptions, find_library};
use service_kit::settings::Settings;
use service_kit::task;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The running engine.
pub struct EmbeddedClickHouse {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl EmbeddedClickHouse {
    /// Opens the engine on its folder and serves it; it answers when this returns.
    ///
    /// # Errors
    /// When the library is missing, the folder is not usable or the address cannot be bound.
    pub async fn start(
        address: SocketAddr,
        data: &Path,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listening for ClickHouse's HTTP on {address}"))?;
        let library = library(settings)?;
        let data = data.to_path_buf();
        // Loading the library reads half a gigabyte.
        let engine = tokio::task::spawn_blocking(move || Engine::open(&library, &data))
            .await
            .context("opening the ClickHouse engine")??;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let serving = task::spawn("clickhouse", async move {
            engine.serve(listener, HttpOptions::default(), stop).await
        });
        Ok(Self { address, shutdown, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets open statements finish or cancels them, and closes the engine, which flushes it.
    pub async fn stop(self) {
        self.shutdown.cancel();
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the ClickHouse engine ended badly"),
            Err(error) => tracing::warn!(%error, "the ClickHouse engine's server was lost"),
        }
    }
}

/// The engine's library: what the settings say, else beside the program, else where it is fetched to.
fn library(settings: &Settings) -> anyhow::Result<PathBuf> {
    let set = settings
        .optional_path("DERMS_CHDB_LIB")
        .or_else(|| Some(settings.optional_path("DERMS_ENGINE_DIR")?.join("libchdb.so")));
    let executable = std::env::current_exe().ok();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    Ok(find_library(set.as_deref(), executable.as_deref(), cache.as_deref())?)
}
