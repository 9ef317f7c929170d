//! Connections as they come in: so many in all, so many of one address, and none that takes for ever. Knows nothing of
//! what is said on them.

use std::future::{Ready, ready};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::caps::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS, WRITE_STALL_MAX};
use crate::metrics::{Refusal, count_refused};
use crate::network::{Network, Proxies};
use crate::places::{Full, Place, Places};

/// Lets connections in while there are places.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    places: Arc<Places<Network>>,
    proxies: Arc<Proxies>,
}

impl Door {
    /// Behind a proxy many clients have one address: those that are trusted may have all the places.
    pub(crate) fn new(proxies: Arc<Proxies>) -> Self {
        Self { places: Places::new(CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS), proxies }
    }

    fn admit(&self, stream: TcpStream) -> Result<Held> {
        let peer = stream.peer_addr()?.ip();
        let network = (!self.proxies.contain(peer)).then(|| Network::of(peer));
        let place = self.places.take(network).map_err(|full| {
            count_refused(match full {
                Full::InAll => Refusal::Connections,
                Full::OfKey => Refusal::ConnectionsOfAddress,
            });
            Error::new(ErrorKind::ConnectionRefused, "too many connections")
        })?;
        stream.set_nodelay(true)?;
        Ok(Held { stream, stalled: None, _place: place })
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Held;
    type Service = S;
    type Future = Ready<Result<(Held, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|held| (held, service)))
    }
}

/// A connection with its place. One whose peer takes nothing for too long fails its next write.
#[derive(Debug)]
pub(crate) struct Held {
    stream: TcpStream,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place<Network>,
}

impl Held {
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        let outcome = write(Pin::new(&mut self.stream), context);
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL_MAX)));
        if stalled.as_mut().poll(context).is_ready() {
            self.stalled = None;
            count_refused(Refusal::SlowReader);
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the peer takes nothing")));
        }
        Poll::Pending
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(context, |stream, context| stream.poll_shutdown(context))
    }
}
