//! Wires the API together and runs it until it is told to end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::Producer;
use service_kit::task::Crew;
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::caps::{DRAIN_TIMEOUT, SOCKET_INIT_TIMEOUT};
use crate::config::{Config, TlsConfig};
use crate::graphql::Stores;
use crate::http::{App, router};
use crate::store::follow;
use crate::store::health::{HealthMonitor, Probe};
use crate::store::history::History;
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

/// Runs the API; says where it listens once it does.
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
        Some(tls) => Some(certificates(tls).await?),
        None => None,
    };

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let live = Arc::new(Live::default());
    let history = Arc::new(History::new(&config.history)?);
    let log_probe = Arc::new(Probe::new(Arc::clone(&clock)));
    let clickhouse_probe = Arc::new(Probe::new(Arc::clone(&clock)));
    let producer = Producer::new(&config.log).context("making the log's producer")?;
    let stores = Stores {
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
    };
    let watching = watch_clickhouse(
        history,
        Arc::clone(&live),
        clickhouse_probe,
        Arc::clone(&clock),
        shutdown.clone(),
    );
    let auth = Arc::new(Auth::new(config.users, &config.tokens, clock));
    let app = App::new(auth, stores, &config.http, shutdown.clone());
    let routes = router(app, &config.http);

    let mut crew = Crew::new(shutdown.clone());
    crew.spawn("live view", follow::run(config.log, live, log_probe, shutdown.clone()));
    crew.spawn("clickhouse probe", watching);
    crew.spawn("http", listen_until(listener, tls, routes, shutdown));
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

async fn certificates(tls: &TlsConfig) -> anyhow::Result<RustlsConfig> {
    // In a process that runs several services another one may have been first.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await.with_context(|| {
        format!(
            "reading the certificate {} (TLS_CERT_PATH) and the key {} (TLS_KEY_PATH)",
            tls.certificate.display(),
            tls.key.display()
        )
    })
}

async fn listen_until(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    routes: axum::Router,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let handle = Handle::new();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let ender = handle.clone();
    let watch = async {
        shutdown.cancelled().await;
        ender.graceful_shutdown(Some(DRAIN_TIMEOUT));
        // The server below ends by itself now.
        std::future::pending::<()>().await;
    };
    let serving = async {
        match tls {
            Some(tls) => {
                axum_server::from_tcp_rustls(listener, tls)?
                    .handle(handle)
                    .first_request_timeout(SOCKET_INIT_TIMEOUT)
                    .serve(service)
                    .await
            }
            None => {
                axum_server::from_tcp(listener)?
                    .handle(handle)
                    .first_request_timeout(SOCKET_INIT_TIMEOUT)
                    .serve(service)
                    .await
            }
        }
    };
    tokio::select! {
        outcome = serving => outcome.context("serving HTTP"),
        () = watch => Ok(()),
    }
}
