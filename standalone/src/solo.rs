//! Runs one embedded server by itself, until it is told to stop: for tests of the separate services and for a look
//! into a stopped deployment's data.

use std::path::Path;

use service_kit::settings::Settings;
use tokio_util::sync::CancellationToken;

use crate::banner;
use crate::embedded::clickhouse::EmbeddedClickHouse;
use crate::embedded::log::EmbeddedLog;
use crate::embedded::mqtt::MqttBroker;
use crate::embedded::{bind_address, claim_port};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    ClickHouse,
    Mqtt,
    Log,
}

impl Server {
    /// The setting that chooses the server's port.
    pub(crate) fn port_setting(self) -> &'static str {
        match self {
            Self::ClickHouse => "DERMS_CLICKHOUSE_PORT",
            Self::Mqtt => "MQTT_PORT",
            Self::Log => "DERMS_KAFKA_PORT",
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
    let setting = server.port_setting();
    let address = claim_port(bind_address(settings)?, settings.port(setting), setting)?;
    match server {
        Server::ClickHouse => {
            let running = EmbeddedClickHouse::start(address, data, settings).await?;
            banner::line("clickhouse", &format!("http://{}", running.address()));
            shutdown.cancelled().await;
            running.stop().await;
        }
        Server::Mqtt => {
            let running = MqttBroker::start(address, data).await?;
            banner::line("mqtt", &format!("mqtt://{}", running.address()));
            shutdown.cancelled().await;
            running.stop().await;
        }
        Server::Log => {
            let running = EmbeddedLog::start(address, data).await?;
            banner::line("kafka", &running.address().to_string());
            shutdown.cancelled().await;
            running.stop().await;
        }
    }
    Ok(())
}
