//! What the embedded broker is told: addresses, files, the services' secret and its bounds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use schemas::mqtt::Topics;
use service_kit::settings::{Settings, key};

use super::access::SERVICE_USER;
use super::tls::TlsListener;
use crate::embedded::claim_port;
use crate::plan::kept_secret;

/// Name of the file of accounts in the broker's folder.
const USERS_FILE: &str = "users";
/// Name of the file of the services' secret there, where their settings bring none.
pub(crate) const SECRET_FILE: &str = "service.key";
/// Room around a payload: topic and properties.
const BESIDE_PAYLOAD: u32 = 64 << 10;
/// The least that a device's packets may have.
const DEVICE_PACKET_BYTES: u32 = 512 << 10;
const LOGIN_MAX: Duration = Duration::from_secs(10);
/// File descriptors that the rest of the process keeps.
const FILES_KEPT: usize = 512;

/// The options.
pub struct BrokerOptions {
    /// Where plain clients come in.
    pub address: SocketAddr,
    /// Where clients with TLS come in.
    pub tls: Option<(SocketAddr, TlsListener)>,
    /// Folder of the retained messages.
    pub data: PathBuf,
    /// File of the devices' accounts.
    pub users: PathBuf,
    /// What our services show instead of a password.
    pub secret: String,
    /// The topics that devices use.
    pub topics: Topics,
    /// Whether clients of this machine may come in without a login, if the address is one that only they reach.
    pub guests: bool,
    /// Connections at one time.
    pub connections_max: usize,
    /// Connections at one time from one address that is not this machine's.
    pub address_connections_max: usize,
    /// Sessions, those included whose client is away.
    pub sessions_max: usize,
    /// Bytes of all messages that wait or are retained.
    pub message_bytes_max: usize,
    /// From the connection to the end of the login.
    pub login_max: Duration,
    /// Largest packet of a device.
    pub device_packet_bytes_max: u32,
}

impl BrokerOptions {
    /// The options of these settings, for a broker with this folder.
    ///
    /// # Errors
    /// When the prefix of the topics is none, a port is taken, or a file cannot be used.
    pub fn from_settings(
        settings: &Settings,
        address: SocketAddr,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let number = |key| usize::try_from(settings.int(key)).unwrap_or(usize::MAX);
        let payload = u32::try_from(settings.int(key::MQTT_MAX_PAYLOAD_BYTES)).unwrap_or(u32::MAX);
        let connections = number(key::DERMS_MQTT_CONNECTIONS_MAX);
        Ok(Self {
            address,
            tls: tls(settings, address)?,
            data: data.to_owned(),
            users: users_file(data),
            secret: match set_secret(settings) {
                Some(secret) => secret.to_owned(),
                None => kept_secret(&data.join(SECRET_FILE))?,
            },
            topics: settings.topics(key::MQTT_TOPIC_PREFIX),
            guests: settings.flag(key::DERMS_MQTT_GUESTS),
            connections_max: connections.min(files_max().saturating_sub(FILES_KEPT)),
            address_connections_max: number(key::DERMS_MQTT_ADDRESS_CONNECTIONS_MAX),
            sessions_max: number(key::DERMS_MQTT_SESSIONS_MAX),
            message_bytes_max: number(key::DERMS_MQTT_MESSAGE_BYTES_MAX),
            login_max: LOGIN_MAX,
            device_packet_bytes_max: payload
                .saturating_add(BESIDE_PAYLOAD)
                .max(DEVICE_PACKET_BYTES),
        })
    }
}

/// The file of accounts in the broker's folder.
pub(crate) fn users_file(data: &Path) -> PathBuf {
    data.join(USERS_FILE)
}

/// The services' secret, where their settings bring it; else one is made at the first start and kept.
pub(crate) fn set_secret(settings: &Settings) -> Option<&str> {
    let user = settings.optional_text(key::MQTT_USERNAME);
    settings.exposed(key::MQTT_PASSWORD).filter(|_| user == Some(SERVICE_USER))
}

/// The address of the listener with TLS, where its certificate is set.
///
/// # Errors
/// When it is no address.
pub(crate) fn tls_address(
    settings: &Settings,
    plain: SocketAddr,
) -> anyhow::Result<Option<SocketAddr>> {
    if settings.optional_path(key::DERMS_MQTT_TLS_CERT_PATH).is_none() {
        return Ok(None);
    }
    let host = match settings.optional_text(key::DERMS_MQTT_TLS_BIND) {
        Some(text) => text
            .parse()
            .with_context(|| format!("DERMS_MQTT_TLS_BIND is {text}: an IP address is needed"))?,
        None => plain.ip(),
    };
    Ok(Some(SocketAddr::new(host, settings.port(key::DERMS_MQTT_TLS_PORT))))
}

fn tls(
    settings: &Settings,
    plain: SocketAddr,
) -> anyhow::Result<Option<(SocketAddr, TlsListener)>> {
    let (address, listener) = (tls_address(settings, plain)?, tls_listener(settings)?);
    let Some((address, listener)) = address.zip(listener) else { return Ok(None) };
    Ok(Some((claim_port(address.ip(), address.port(), "DERMS_MQTT_TLS_PORT")?, listener)))
}

/// What the listener with TLS needs, where its certificate is set.
///
/// # Errors
/// When its files cannot be used.
pub(crate) fn tls_listener(settings: &Settings) -> anyhow::Result<Option<TlsListener>> {
    if settings.optional_path(key::DERMS_MQTT_TLS_CERT_PATH).is_none() {
        return Ok(None);
    }
    let path = |key| settings.optional_path(key);
    let (Some(certificate), Some(own_key)) =
        (path(key::DERMS_MQTT_TLS_CERT_PATH), path(key::DERMS_MQTT_TLS_KEY_PATH))
    else {
        anyhow::bail!("DERMS_MQTT_TLS_CERT_PATH and DERMS_MQTT_TLS_KEY_PATH belong together");
    };
    let devices = path(key::DERMS_MQTT_TLS_CLIENT_CA_PATH);
    TlsListener::from_files(&certificate, &own_key, devices.as_deref())
        .context("TLS of the MQTT broker (settings DERMS_MQTT_TLS_CERT_PATH and its like)")
        .map(Some)
}

/// How many files this process may have open: beyond it nothing else works either, so connections stay below.
fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX)
}
