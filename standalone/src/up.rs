//! `derms up`: the order of starting and of ending. Servers before services; on the way down intake stops first, what
//! is in flight is worked off and committed, and the servers close last.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use service_kit::log::{LogConfig, ensure_topics};
use service_kit::settings::Settings;
use tokio_util::sync::CancellationToken;

use crate::banner;
use crate::embedded::clickhouse::{ANALYST, EmbeddedClickHouse};
use crate::embedded::log::EmbeddedLog;
use crate::embedded::mqtt::MqttBroker;
use crate::plan::{Plan, reachable};
use crate::services::Services;

/// The whole ending must be over within five seconds; the rest is for the process itself.
const END_MAX: Duration = Duration::from_millis(4700);
/// How long the API may take to answer.
const READY_MAX: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(50);

/// Runs everything until `shutdown` fires.
///
/// # Errors
/// When something cannot be started, or a service fails.
pub(crate) async fn up(
    settings: Settings,
    demo: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let plan = Plan::new(&settings, demo)?;
    let began = Instant::now();
    banner::progress("starting the log, the MQTT broker and the ClickHouse engine");
    let servers = Servers::start(&plan).await?;
    banner::progress("starting the services");
    let outcome = match start(&plan, demo).await {
        Ok(services) => serve(&plan, services, demo, began, &shutdown).await,
        Err(error) => Err(error),
    };
    if outcome.is_ok() {
        banner::progress("closing the servers");
    }
    servers.stop().await;
    outcome
}

/// Makes the topics, which else every service would try to make at the same moment, and starts the services.
async fn start(plan: &Plan, demo: bool) -> anyhow::Result<Services> {
    ensure_topics(&LogConfig::from_settings(&plan.services)).await?;
    Services::start(&plan.services, demo)
}

/// Waits until all is ready, says so, waits for the end, and ends the services.
async fn serve(
    plan: &Plan,
    mut services: Services,
    demo: bool,
    began: Instant,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let outcome = tokio::select! {
        error = services.failed() => Err(error),
        () = shutdown.cancelled() => Ok(()),
        outcome = async {
            ready(plan).await?;
            tracing::info!(millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "ready");
            announce(plan, demo);
            // Ready: from here on only a signal or a failure ends the wait.
            std::future::pending().await
        } => outcome,
    };
    banner::progress("stopping the services");
    if tokio::time::timeout(END_MAX, services.stop()).await.is_err() {
        tracing::warn!("services were cut off");
    }
    outcome
}

/// Waits until the API accepts connections: it starts listening when the log has been read.
async fn ready(plan: &Plan) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_MAX;
    while tokio::net::TcpStream::connect(reachable(plan.api)).await.is_err() {
        anyhow::ensure!(Instant::now() < deadline, "the API does not listen on {}", plan.api);
        tokio::time::sleep(READY_POLL).await;
    }
    Ok(())
}

fn announce(plan: &Plan, demo: bool) {
    if !demo {
        banner::progress("ready");
    }
    let scheme = if plan.services.flag("TLS_ENABLED") { "https" } else { "http" };
    banner::line("dashboard", &format!("{scheme}://{}", reachable(plan.api)));
    match &plan.password {
        Some(password) => banner::line("login", &format!("admin {password}")),
        None => banner::line("login", "as AUTH_USERS says"),
    }
    banner::line("mqtt", &format!("mqtt://{}", reachable(plan.mqtt)));
    banner::line("kafka", &reachable(plan.log).to_string());
    let clickhouse = reachable(plan.clickhouse);
    banner::line("clickhouse", &format!("http://{clickhouse} (user {ANALYST}, {})", plan.analyst));
}

/// The embedded servers.
struct Servers {
    clickhouse: EmbeddedClickHouse,
    log: EmbeddedLog,
    mqtt: MqttBroker,
}

impl Servers {
    async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let (clickhouse_data, log_data, mqtt_data) =
            (plan.data.join("clickhouse"), plan.data.join("log"), plan.data.join("mqtt"));
        let (clickhouse, log, mqtt) = tokio::join!(
            EmbeddedClickHouse::start(plan.clickhouse, &clickhouse_data, &plan.services),
            EmbeddedLog::start(plan.log, &log_data),
            MqttBroker::start(plan.mqtt, &mqtt_data),
        );
        Ok(Self {
            clickhouse: clickhouse.context("the embedded ClickHouse")?,
            log: log.context("the embedded log")?,
            mqtt: mqtt.context("the embedded MQTT broker")?,
        })
    }

    async fn stop(self) {
        tokio::join!(self.mqtt.stop(), self.clickhouse.stop(), self.log.stop());
    }
}
