//! Owns connections: how many there may be in all and from one address, who has to go when there are too many, and how
//! long one may take over its headers or over taking an answer. It must not know what a request says.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections in all, and from one address.
const CONNECTIONS_MAX: usize = 256;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 128;
/// How long a client may take over a request's headers; an idle connection is closed after it too.
const HEADERS_MAX: Duration = Duration::from_secs(15);
/// Headers of one request, and their bytes.
const HEADER_COUNT_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 64 << 10;
/// A client that takes nothing of its answer for so long is given up.
const SILENT_READER_MAX: Duration = Duration::from_secs(15);
/// Pause after a failed accept: the process may be out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The client of a connection, as its requests see it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    known: Arc<AtomicBool>,
}

impl Client {
    /// It has given a right password: it is not the first to go.
    pub(super) fn is_known(&self) {
        self.known.store(true, Ordering::Relaxed);
    }
}

struct Open {
    client: Client,
    close: CancellationToken,
}

/// The open connections, oldest first.
#[derive(Clone, Default)]
struct Connections {
    open: Arc<Mutex<BTreeMap<u64, Open>>>,
}

impl Connections {
    /// Makes room for one more; `None` when all that are there have a better right to be.
    fn enter(&self, id: u64, address: IpAddr) -> Option<(Client, CancellationToken)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = open.values().filter(|open| open.client.address == address).count();
        let full = open.len() >= CONNECTIONS_MAX;
        if full || of_address >= CONNECTIONS_PER_ADDRESS_MAX {
            // The longest waiting stranger goes. One that has something to say has said it by now.
            let stranger = open.iter().find(|(_, open)| {
                !open.client.known.load(Ordering::Relaxed)
                    && (full || open.client.address == address)
            });
            let stranger = *stranger?.0;
            open.remove(&stranger)?.close.cancel();
        }
        let client = Client { address, known: Arc::default() };
        let close = CancellationToken::new();
        open.insert(id, Open { client: client.clone(), close: close.clone() });
        Some((client, close))
    }

    fn leave(&self, id: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Accepts and serves connections until `shutdown` fires, then lets the requests that are under way end until `abort`.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    abort: CancellationToken,
) {
    let (connections, tasks) = (Connections::default(), TaskTracker::new());
    for id in 0.. {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = shutdown.cancelled() => break,
        };
        let Some((client, close)) = connections.enter(id, peer.ip()) else { continue };
        let router = router.clone().layer(axum::Extension(client));
        let (connections, shutdown, abort) = (connections.clone(), shutdown.clone(), abort.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = one(stream, router, shutdown) => {}
                () = close.cancelled() => {}
                () = abort.cancelled() => {}
            }
            connections.leave(id);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn one(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    // Small answers must not wait for the client's acknowledgement.
    drop(stream.set_nodelay(true));
    let stream = Bounded { stream, stalled: None };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_headers(HEADER_COUNT_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// A stream whose writes fail when the other side takes nothing for too long.
struct Bounded {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let deadline = Instant::now() + SILENT_READER_MAX;
        let stalled =
            self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_stranger_makes_room() {
        let connections = Connections::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        let entered: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX as u64)
            .map(|id| connections.enter(id, address).expect("there is room"))
            .collect();
        entered[0].0.is_known();
        assert!(connections.enter(1_000, address).is_some());
        let gone: Vec<bool> = entered.iter().map(|(_, close)| close.is_cancelled()).collect();
        assert!(!gone[0] && gone[1] && !gone[2], "the oldest stranger, and only that one");
    }

    #[test]
    fn nobody_known_is_sent_away_for_a_stranger() {
        let connections = Connections::default();
        for id in 0..CONNECTIONS_MAX as u64 {
            let address = IpAddr::from([10, 0, 0, u8::try_from(id % 4).expect("small")]);
            connections.enter(id, address).expect("there is room").0.is_known();
        }
        assert!(connections.enter(1_000, IpAddr::from([10, 0, 0, 9])).is_none());
        connections.leave(0);
        assert!(connections.enter(1_000, IpAddr::from([10, 0, 0, 9])).is_some());
    }
}
