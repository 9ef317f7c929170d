//! Runs one embedded server by itself, until it is told to stop: as a child process of `derms up`, for tests of the
//! separate services, and for a look into a stopped deployment's data.

use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use service_kit::settings::{Key, Port, Settings, key};
use tokio_util::sync::CancellationToken;

use crate::embedded::clickhouse::EmbeddedClickHouse;
use crate::embedded::log::EmbeddedLog;
use crate::embedded::mqtt::{BrokerOptions, MqttBroker, account_names, tls_address, users_file};
use crate::embedded::{bind_address, claim_port, mqtt_bind_address};
use crate::reach::{Listener, Logins};
use crate::{banner, folder};

/// How long a child may take to end by itself after its parent.
const ORPHAN_MAX: Duration = Duration::from_secs(5);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Server {
    ClickHouse,
    Mqtt,
    Log,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Server {
    pub(crate) const ALL: [Self; 3] = [Self::ClickHouse, Self::Mqtt, Self::Log];

    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClickHouse => "the embedded ClickHouse",
            Self::Mqtt => "the embedded MQTT broker",
            Self::Log => "the embedded log",
        }
    }

    /// The setting that chooses the server's port.
    pub(crate) fn port_setting(self) -> Key<Port> {
        match self {
            Self::ClickHouse => key::DERMS_CLICKHOUSE_PORT,
            Self::Mqtt => key::MQTT_PORT,
            Self::Log => key::DERMS_KAFKA_PORT,
        }
    }

    /// The subcommand that runs it.
    pub(crate) fn subcommand(self) -> &'static str {
        match self {
            Self::ClickHouse => "clickhouse",
            Self::Mqtt => "broker",
            Self::Log => "log",
        }
    }

    /// The settings that it shares with its clients, beside the settings of its own: the login that they show it, and
    /// what it serves them.
    pub(crate) fn shared_settings(self) -> &'static [&'static str] {
        const CLICKHOUSE: &[&str] = &[
            key::DERMS_CLICKHOUSE_USER.name(),
            key::DERMS_CLICKHOUSE_PASSWORD.name(),
            key::DERMS_CLICKHOUSE_ANALYST_PASSWORD.name(),
            key::DERMS_CLICKHOUSE_DATABASE.name(),
        ];
        const MQTT: &[&str] = &[key::MQTT_USERNAME.name(), key::MQTT_PASSWORD.name()];
        const LOG: &[&str] = &[
            key::DERMS_KAFKA_SECURITY_PROTOCOL.name(),
            key::DERMS_KAFKA_SASL_USERNAME.name(),
            key::DERMS_KAFKA_SASL_PASSWORD.name(),
        ];
        match self {
            Self::ClickHouse => CLICKHOUSE,
            Self::Mqtt => MQTT,
            Self::Log => LOG,
        }
    }

    /// Its folder in the data folder of `derms up`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::ClickHouse => "clickhouse",
            Self::Mqtt => "mqtt",
            Self::Log => "log",
        }
    }
}

/// Serves until `shutdown` fires, and prints one line when ready.
pub(crate) async fn serve(
    server: Server,
    data: &Path,
    settings: &Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    // The engine locks its folder itself.
    let _lock = (server != Server::ClickHouse).then(|| folder::lock(data)).transpose()?;
    let setting = server.port_setting();
    let host = match server {
        Server::Mqtt => mqtt_bind_address(settings)?,
        Server::ClickHouse | Server::Log => bind_address(settings)?,
    };
    let address = claim_port(host, settings.port(setting), setting.name())?;
    check_reach(server, address, data, settings)?;
    match server {
        Server::ClickHouse => {
            let running = EmbeddedClickHouse::start(address, data, settings).await?;
            banner::line("clickhouse", &format!("http://{}", running.address()));
            shutdown.cancelled().await;
            running.stop().await;
        }
        Server::Mqtt => {
            let running =
                MqttBroker::start(BrokerOptions::from_settings(settings, address, data)?).await?;
            banner::line("mqtt", &format!("mqtt://{}", running.address()));
            shutdown.cancelled().await;
            running.stop().await;
        }
        Server::Log => {
            let running = EmbeddedLog::start(address, data, settings).await?;
            banner::line("kafka", &running.address().to_string());
            shutdown.cancelled().await;
            running.stop().await;
        }
    }
    Ok(())
}

/// Ends this process with its parent: standard input ends when the parent closes it, or is gone. A thread of its own
/// sees that even where the runtime stands still.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn end_with_parent(shutdown: CancellationToken) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            let mut byte = [0];
            // Nothing is ever written there.
            while matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
            shutdown.cancel();
            std::thread::sleep(ORPHAN_MAX);
            derms_engine::exit_process(1)
        })
        .context("watching the parent process")?;
    Ok(())
}

/// Refuses to let strangers in.
fn check_reach(
    server: Server,
    address: SocketAddr,
    data: &Path,
    settings: &Settings,
) -> anyhow::Result<()> {
    let devices = server == Server::Mqtt && !account_names(&users_file(data))?.is_empty();
    let logins = Logins { set: settings, services: settings, devices };
    match server {
        Server::ClickHouse => Listener::ClickHouse.check(address, &logins)?,
        Server::Log => Listener::Log.check(address, &logins)?,
        Server::Mqtt => {
            Listener::Mqtt.check(address, &logins)?;
            if let Some(secured) = tls_address(settings, address)? {
                Listener::MqttTls.check(secured, &logins)?;
            }
        }
    }
    Ok(())
}
