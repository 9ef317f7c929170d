//! The embedded log: Tansu, a Kafka-protocol broker, on SQLite in the data folder. It must not know the product's
//! topics; the services make theirs through the protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tansu_broker::broker::Broker;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_storage::StorageContainer;
use url::Url;
use uuid::Uuid;

use super::OwnRuntime;

const FILE_NAME: &str = "log.db";
const CLUSTER: &str = "derms";
const NODE: i32 = 1;
const THREADS: usize = 2;
/// How long the broker may take to open its storage and listen.
const START_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// The running log.
pub struct EmbeddedLog {
    address: SocketAddr,
    runtime: OwnRuntime,
}

impl EmbeddedLog {
    /// Starts the log; it answers clients when this returns. Clients are told to connect to `address`.
    ///
    /// # Errors
    /// When the storage cannot be opened or the address cannot be bound.
    pub async fn start(address: SocketAddr, data: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)
            .with_context(|| format!("making the log's folder {}", data.display()))?;
        let storage = storage_url(data)?;
        let listener = Url::parse(&format!("tcp://{address}")).context("the log's address")?;
        let runtime = OwnRuntime::new("log", THREADS).context("starting the log's runtime")?;
        let mut serving = runtime.spawn(async move {
            let mut broker = Broker::<Controller<StorageContainer>, StorageContainer>::builder()
                .node_id(NODE)
                .cluster_id(CLUSTER)
                .incarnation_id(Uuid::now_v7())
                .advertised_listener(listener.clone())
                .listener(listener)
                .storage(storage)
                .silent(true)
                .build()
                .await?;
            broker.serve(Instant::now().into()).await
        });
        let deadline = Instant::now() + START_MAX;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if serving.is_finished() {
                let ended = (&mut serving).await.context("starting the log")?;
                ended.context("starting the log")?;
                anyhow::bail!("the log ended at once");
            }
            anyhow::ensure!(Instant::now() < deadline, "the log does not listen on {address}");
            tokio::time::sleep(POLL).await;
        }
        Ok(Self { address, runtime })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and the storage. What was acknowledged is in the storage already.
    pub async fn stop(self) {
        self.runtime.stop().await;
    }
}

/// The storage's URL. Tansu pushes the URL's path, less one slash, onto the working folder: a second slash makes
/// that an absolute path again. It does not undo percent-encoding, so a path that needs any is refused.
fn storage_url(data: &Path) -> anyhow::Result<Url> {
    let path = data
        .canonicalize()
        .with_context(|| format!("the log's folder {}", data.display()))?
        .join(FILE_NAME);
    let text = path.to_str().context("the data folder's path is not valid UTF-8")?;
    let url = Url::parse(&format!("sqlite:///{text}")).context("the log's storage")?;
    anyhow::ensure!(
        url.path() == format!("/{text}"),
        "the data folder's path {text} has characters that the embedded log cannot take; \
         use letters, digits, '.', '-' and '_'"
    );
    Ok(url)
}
