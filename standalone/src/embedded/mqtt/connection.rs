//! A connection as rmqtt gets it: one that gives its socket and its place back as soon as it is shut down, since rmqtt
//! holds on to the connections of sessions that are away. It must not know MQTT.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rmqtt::net::Io;
use service_kit::task;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::places::Place;

/// How long a closed connection still takes what the client is sending. Without it the last packet to the client (why it
/// was refused) can be lost to a reset.
const LINGER_MAX: Duration = Duration::from_millis(500);
/// As much is taken then, at most.
const LINGER_BYTES_MAX: u64 = 1 << 20;

/// An open connection, or nothing any more.
pub(super) struct Connection(Option<Open>);

struct Open {
    io: Io,
    _place: Place,
}

impl Connection {
    pub(super) fn new(io: Io, place: Place) -> Self {
        Self(Some(Open { io, _place: place }))
    }

    fn open(&mut self) -> io::Result<Pin<&mut Io>> {
        match &mut self.0 {
            Some(open) => Ok(Pin::new(&mut open.io)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn give_back(&mut self) {
        if let Some(open) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            drop(task::spawn("mqtt goodbye", tokio::time::timeout(LINGER_MAX, open.linger())));
        }
    }
}

impl Open {
    async fn linger(mut self) {
        let mut rest = [0; 4096];
        // Whatever goes wrong now: it is over.
        if self.io.shutdown().await.is_ok() {
            let mut left = (&mut self.io).take(LINGER_BYTES_MAX);
            while matches!(left.read(&mut rest).await, Ok(1..)) {}
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.open()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open()?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(open) => Pin::new(&mut open.io).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is on its way goes out, and the client's last words come in, while nobody waits for it.
        self.give_back();
        Poll::Ready(Ok(()))
    }
}
