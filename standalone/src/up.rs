//! `derms up`: the order of starting and of ending. Servers before services; on the way down intake stops first, what
//! is in flight is worked off and committed, and the servers close last.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use derms_bridge::SUBSCRIBED;
use service_kit::log::{LogConfig, ensure_topics, identity};
use service_kit::metrics::total;
use service_kit::settings::key;
use service_kit::task;
use tokio_util::sync::CancellationToken;

use crate::backup::{RESTORED, finish_restore};
use crate::banner;
use crate::disk::Disk;
use crate::draft::Draft;
use crate::embedded::clickhouse::ANALYST;
use crate::plan::{Plan, reachable};
use crate::running::Running;
use crate::servers::ServerPart;
use crate::services::ServicePart;
use crate::supervisor::{Board, Kept};

/// The whole ending must be over within five seconds; the rest is for the servers and the process itself.
const END_MAX: Duration = Duration::from_millis(3_700);
/// How long the API may take to answer.
const READY_MAX: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(50);

/// Runs everything until `shutdown` fires.
///
/// # Errors
/// When something cannot be started, or cannot be kept running.
pub(crate) async fn up(
    draft: Draft,
    demo: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let plan = Plan::new(draft).await?;
    let began = Instant::now();
    let disk = Disk::default();
    let ended = CancellationToken::new();
    let _watching = ended.clone().drop_guard();
    drop(task::spawn("disk", disk.clone().watch(plan.data.clone(), ended)));

    banner::progress("starting the log, the MQTT broker and the ClickHouse engine");
    let board = Board::default();
    let mut servers = Kept::start(ServerPart::all(&plan, &disk)?, &board);
    let started = tokio::select! {
        started = servers.started() => started.map(|()| true),
        () = shutdown.cancelled() => Ok(false),
    };
    let outcome = match started {
        Ok(true) => serve(&plan, demo, &mut servers, (&board, &disk), began, &shutdown).await,
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if outcome.is_ok() {
        banner::progress("closing the servers");
    }
    servers.stop_together().await;
    outcome
}

/// Starts the services, waits until all is ready, says so, waits for the end, and ends the services.
async fn serve(
    plan: &Plan,
    demo: bool,
    servers: &mut Kept,
    (board, disk): (&Board, &Disk),
    began: Instant,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let running = Running::from_settings(&plan.services);
    finish_restore(&plan.data, &running).await?;
    let _note = running.note(&plan.data)?;
    banner::progress("starting the services");
    // Else every service would try to make them at the same moment.
    let log = LogConfig::from_settings(&plan.services);
    let partitions = ensure_topics(&log).await?;
    note_restored(plan, &log, partitions).await?;
    let mut services = Kept::start(ServicePart::all(&plan.services, demo, disk)?, board);
    let outcome = tokio::select! {
        error = services.failed() => Err(error),
        error = servers.failed() => Err(error),
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
    if tokio::time::timeout(END_MAX, services.stop_in_order()).await.is_err() {
        tracing::warn!("services were cut off");
    }
    outcome
}

/// Whoever puts a copy of the data folder back leaves a file in it: from there on it is another log.
async fn note_restored(plan: &Plan, log: &LogConfig, partitions: i32) -> anyhow::Result<()> {
    let mark = plan.data.join(RESTORED);
    if !mark.exists() {
        return Ok(());
    }
    identity::restore(log, partitions).await.context("noting that the log was put back")?;
    std::fs::remove_file(&mark).with_context(|| format!("removing {}", mark.display()))
}

/// Waits until the API accepts connections, which it does when the log has been read, and until the bridge is subscribed:
/// the broker acknowledges what is published before that, and nobody gets it.
async fn ready(plan: &Plan) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_MAX;
    while tokio::net::TcpStream::connect(reachable(plan.api)).await.is_err() {
        anyhow::ensure!(Instant::now() < deadline, "the API does not listen on {}", plan.api);
        tokio::time::sleep(READY_POLL).await;
    }
    while total(SUBSCRIBED).is_none_or(|subscribed| subscribed < 1.0) {
        anyhow::ensure!(
            Instant::now() < deadline,
            "the bridge is not subscribed at the MQTT broker: its log says why"
        );
        tokio::time::sleep(READY_POLL).await;
    }
    Ok(())
}

fn announce(plan: &Plan, demo: bool) {
    if !demo {
        banner::progress("ready");
    }
    let ahead = plan.services.float(key::DERMS_SIM_HOURS_AHEAD);
    if demo && ahead != 0.0 {
        banner::progress(&format!("the simulated day runs {ahead} h ahead of the clock"));
    }
    let scheme = if plan.services.flag(key::TLS_ENABLED) { "https" } else { "http" };
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
