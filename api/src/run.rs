//! Wires the API together and runs it until it is told to end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::Producer;
use service_kit::task::Crew;
use tokio_util::sync::CancellationToken;

use crate::auth::{Auth, Oidc};
use crate::config::Config;
use crate::http::certificates::Certificates;
use crate::http::listen::listen_until;
use crate::http::{App, router};
use crate::store::Stores;
use crate::store::follow;
use crate::store::health::{HealthMonitor, Probe};
use crate::store::history::History;
use crate::store::ingest::Ingest;
use crate::store::live::Live;
use crate::store::operator::OperatorLog;
use crate::store::stored::watch_clickhouse;

/// Runs the API until `shutdown`.
///
/// # Errors
/// An address that is taken, certificates that cannot be read.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    serve(config, shutdown, |_| {}).await
}

/// The same; says where it listens once it does.
///
/// # Errors
/// An address that is taken, certificates that cannot be read.
pub async fn serve(
    config: Config,
    shutdown: CancellationToken,
    on_listening: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let listener = listen(&config.host, config.port)?;
    let address = listener.local_addr().context("reading the address")?;
    let tls = match &config.tls {
        Some(tls) => Some(Certificates::read(tls).await?),
        None => None,
    };
    let served = tls.as_ref().map(Certificates::served);

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let live = Arc::new(Live::default());
    let history = Arc::new(History::new(&config.history)?);
    let log_probe = Arc::new(Probe::new(Arc::clone(&clock)));
    let clickhouse_probe = Arc::new(Probe::new(Arc::clone(&clock)));
    let producer = Producer::new(&config.log).context("making the log's producer")?;
    let (ingest, courier) = Ingest::new(config.ingest);
    let stores = Stores {
        ingest,
        live: Arc::clone(&live),
        history: Arc::clone(&history),
        operator: Arc::new(OperatorLog::new(
            Arc::new(producer.clone()),
            Arc::clone(&live),
            Arc::clone(&clock),
            config.write_timeout,
        )),
        health: Arc::new(HealthMonitor::new(
            Arc::clone(&live),
            Arc::clone(&log_probe),
            Arc::clone(&clickhouse_probe),
        )),
        clock: Arc::clone(&clock),
        sim_hours_ahead: config.sim_hours_ahead,
    };
    let watching = watch_clickhouse(
        history,
        Arc::clone(&live),
        clickhouse_probe,
        Arc::clone(&clock),
        shutdown.clone(),
    );
    let ended = Arc::clone(live.ended());
    let oidc = config
        .oidc
        .map(|oidc| Oidc::new(oidc, config.tokens.tolerance, Arc::clone(&clock)).map(Arc::new))
        .transpose()?;
    let auth = Auth::new(config.users, &config.tokens, ended, clock).with_oidc(oidc);
    let auth = Arc::new(auth);
    let app = App::new(auth, stores, &config.http, shutdown.clone());
    let routes = router(app, &config.http);

    let mut crew = Crew::new(shutdown.clone());
    crew.spawn("live view", follow::run(config.log, live, log_probe, shutdown.clone()));
    crew.spawn("clickhouse probe", watching);
    crew.spawn("telemetry by api", courier.run(shutdown.clone()));
    if let Some(certificates) = tls {
        crew.spawn("certificates", certificates.follow(shutdown.clone()));
    }
    let proxies = Arc::clone(&config.http.proxies);
    crew.spawn("http", listen_until(listener, served, routes, proxies, shutdown));
    tracing::info!(%address, https = config.tls.is_some(), "listening");
    on_listening(address);
    let outcome = crew.join().await;
    producer.flush().await;
    outcome
}

fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((host, port)).with_context(|| {
        format!("listening on {host}:{port} (settings HOST and PORT): is something else there?")
    })?;
    listener.set_nonblocking(true).context("preparing the listener")?;
    Ok(listener)
}
