//! Owns the decisions made before anything starts: ports, folders, secrets. It starts nothing.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use service_kit::settings::{Settings, key};

use crate::child::Launch;
use crate::draft::{ANALYST_FILE, Addresses, Draft};
use crate::folder;
use crate::solo::Server;

pub(crate) const SECRET_CHARS: usize = 48;
pub(crate) const PASSWORD_CHARS: usize = 16;

/// What `derms up` will run.
pub(crate) struct Plan {
    pub(crate) data: PathBuf,
    pub(crate) api: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) log: SocketAddr,
    pub(crate) clickhouse: SocketAddr,
    /// The settings for the services: the operator's, with the embedded servers' addresses on top.
    pub(crate) services: Settings,
    /// The demo's password, when there is one of our own.
    pub(crate) password: Option<String>,
    /// Where a person finds the password of ClickHouse's analyst.
    pub(crate) analyst: String,
    /// Keeps others off the data folder.
    _lock: File,
}

impl Plan {
    /// Plans a run.
    ///
    /// # Errors
    /// A taken port, a folder in use, a secret that cannot be kept: each with what to do about it.
    pub(crate) async fn new(draft: Draft) -> anyhow::Result<Self> {
        let data = draft.data.clone();
        let lock = folder::lock(&data)?;
        // Parts of a run that was killed have their ports, too, until they have ended.
        for server in Server::ALL {
            folder::wait_until_free(&data.join(server.folder())).await?;
        }
        let addresses = draft.addresses.claimed()?;
        let mqtt_data = data.join(Server::Mqtt.folder());
        fs::create_dir_all(&mqtt_data)
            .with_context(|| format!("making the folder {}", mqtt_data.display()))?;
        let secrets = draft.secrets(|file| kept_secret(&data.join(file)))?;
        let services = draft.services(&addresses, &secrets)?;
        let analyst = analyst(&draft);
        let Addresses { api, mqtt, log, clickhouse } = addresses;
        let password = draft.password;
        Ok(Self { data, api, mqtt, log, clickhouse, services, password, analyst, _lock: lock })
    }

    /// How an embedded server is started.
    pub(crate) fn launch(&self, server: Server) -> Launch {
        let address = match server {
            Server::ClickHouse => self.clickhouse,
            Server::Mqtt => self.mqtt,
            Server::Log => self.log,
        };
        let data = self.data.join(server.folder());
        Launch { server, address, data, settings: self.services.clone() }
    }
}

/// Where a server that listens everywhere is reached from this machine.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    }
}

/// Where a person finds the password of ClickHouse's analyst: set, else the demo's, else made once and kept.
fn analyst(draft: &Draft) -> String {
    if draft.settings.exposed(key::DERMS_CLICKHOUSE_ANALYST_PASSWORD).is_some() {
        return "as DERMS_CLICKHOUSE_ANALYST_PASSWORD says".to_owned();
    }
    match draft.password {
        Some(_) => "the password above".to_owned(),
        None => format!("the password in {}", draft.data.join(ANALYST_FILE).display()),
    }
}

/// A secret that is made once and kept, so that what it opens stays open over a restart.
pub(crate) fn kept_secret(path: &Path) -> anyhow::Result<String> {
    let doing = || format!("the file of a secret, {}", path.display());
    match fs::read_to_string(path) {
        Ok(secret) if secret.trim().len() >= SECRET_CHARS => return Ok(secret.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(doing),
    }
    let secret = random_text(SECRET_CHARS);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(doing)?;
    file.write_all(secret.as_bytes()).with_context(doing)?;
    Ok(secret)
}

pub(crate) fn random_text(chars: usize) -> String {
    // The thread's generator is a cryptographic one, seeded by the operating system.
    rand::rng().sample_iter(Alphanumeric).take(chars).map(char::from).collect()
}
