//! The server: which connections it takes, how long it waits on them, and how it ends. HTTP/1.1 only: there one connection
//! is one request at a time, so that the bounds on connections are bounds on requests.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use crate::caps::{DRAIN_TIMEOUT, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, SOCKET_INIT_TIMEOUT};
use crate::network::Proxies;

/// Serves until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn listen_until(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    routes: Router,
    proxies: Arc<Proxies>,
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
    tokio::select! {
        outcome = serve(listener, tls, service, Door::new(proxies), handle) => {
            outcome.context("serving HTTP")
        }
        () = watch => Ok(()),
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    service: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
    door: Door,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let server = axum_server::from_tcp(listener)?;
    match tls {
        Some(tls) => {
            let mut server = server
                .acceptor(RustlsAcceptor::new(tls).acceptor(door))
                .handle(handle)
                .first_request_timeout(SOCKET_INIT_TIMEOUT);
            *server.http_builder() = http();
            server.serve(service).await
        }
        None => {
            let mut server =
                server.acceptor(door).handle(handle).first_request_timeout(SOCKET_INIT_TIMEOUT);
            *server.http_builder() = http();
            server.serve(service).await
        }
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
}
