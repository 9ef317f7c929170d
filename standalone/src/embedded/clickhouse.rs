//! The embedded ClickHouse: the engine of `derms-engine` on its port. It must not know tables.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use derms_engine::{Engine, EngineOptions, HttpOptions, Role, User, find_library};
use service_kit::settings::{Settings, key};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::OwnRuntime;

/// The writer's name where the settings name none.
pub(crate) const WRITER: &str = "derms";
/// The name of the user who only reads.
pub(crate) const ANALYST: &str = "analyst";
/// Threads of its interface; the engine has its own.
const THREADS: usize = 2;

/// The running engine.
pub struct EmbeddedClickHouse {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
    runtime: OwnRuntime,
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
        let options = options(settings, address)?;
        let listening = || format!("listening for ClickHouse's HTTP on {address}");
        let listener = std::net::TcpListener::bind(address).with_context(listening)?;
        listener.set_nonblocking(true).with_context(listening)?;
        let library = library(settings)?;
        let data = data.to_path_buf();
        let engine_options = EngineOptions::of(settings.text(key::DERMS_CLICKHOUSE_DATABASE));
        // Loading the library reads half a gigabyte.
        let opening =
            tokio::task::spawn_blocking(move || Engine::open(&library, &data, &engine_options));
        let engine = opening.await.context("opening the ClickHouse engine")??;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let runtime = OwnRuntime::new("clickhouse", THREADS).context("ClickHouse's threads")?;
        let serving = runtime.spawn(async move {
            let listener = TcpListener::from_std(listener)?;
            engine.serve(listener, options, stop).await
        });
        Ok(Self { address, shutdown, serving, runtime })
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
        self.runtime.stop().await;
    }
}

/// Who may use it: the writer and the analyst, each if a password is set; with neither, everyone on this machine.
fn options(settings: &Settings, address: SocketAddr) -> anyhow::Result<HttpOptions> {
    let text = |key| settings.optional_text(key).map(str::to_owned);
    let secret = |key| settings.exposed(key).map(str::to_owned);
    let writer = secret(key::DERMS_CLICKHOUSE_PASSWORD).map(|password| User {
        name: text(key::DERMS_CLICKHOUSE_USER).unwrap_or_else(|| WRITER.to_owned()),
        password,
        role: Role::Writer,
    });
    let analyst = secret(key::DERMS_CLICKHOUSE_ANALYST_PASSWORD).map(|password| User {
        name: ANALYST.to_owned(),
        password,
        role: Role::Analyst,
    });
    let users: Vec<User> = writer.into_iter().chain(analyst).collect();
    anyhow::ensure!(
        !users.is_empty() || address.ip().to_canonical().is_loopback(),
        "ClickHouse would be open to everyone who reaches {address}: set DERMS_CLICKHOUSE_PASSWORD, or DERMS_BIND to 127.0.0.1"
    );
    let names = text(key::DERMS_CLICKHOUSE_HOSTS).unwrap_or_default();
    let hosts = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(HttpOptions { users, hosts: hosts.map(str::to_owned).collect() })
}

/// The engine's library: what the settings say, else beside the program, else where it is fetched to.
fn library(settings: &Settings) -> anyhow::Result<PathBuf> {
    let set = settings
        .optional_path(key::DERMS_CHDB_LIB)
        .or_else(|| Some(settings.optional_path(key::DERMS_ENGINE_DIR)?.join("libchdb.so")));
    let executable = std::env::current_exe().ok();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    Ok(find_library(set.as_deref(), executable.as_deref(), cache.as_deref())?)
}

#[cfg(test)]
mod tests {
    use service_kit::settings::Service;

    use super::*;

    fn users(address: &str, set: &[(&str, &str)]) -> anyhow::Result<Vec<(String, Role)>> {
        let settings = Settings::from_pairs(Service::Standalone, set).expect("settings");
        let options = options(&settings, address.parse().expect("an address"))?;
        Ok(options.users.into_iter().map(|user| (user.name, user.role)).collect())
    }

    #[test]
    fn nobody_gets_in_from_elsewhere_without_a_password() {
        for address in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let error = users(address, &[]).expect_err("refused").to_string();
            assert!(error.contains("DERMS_CLICKHOUSE_PASSWORD"), "{error}");
            users(address, &[("DERMS_CLICKHOUSE_PASSWORD", "secret")]).expect("accepted");
        }
        assert!(users("127.0.0.1:1", &[]).expect("accepted").is_empty());
    }

    #[test]
    fn each_password_makes_its_user() {
        let set = [
            ("DERMS_CLICKHOUSE_USER", "sink"),
            ("DERMS_CLICKHOUSE_PASSWORD", "one"),
            ("DERMS_CLICKHOUSE_ANALYST_PASSWORD", "long-enough"),
        ];
        let both = [("sink".to_owned(), Role::Writer), (ANALYST.to_owned(), Role::Analyst)];
        assert_eq!(users("127.0.0.1:1", &set).expect("accepted"), both);
        assert_eq!(users("127.0.0.1:1", &set[2..]).expect("accepted"), both[1..]);
    }
}
