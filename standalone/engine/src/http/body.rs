//! Owns the way of a request's body from the network to the blocking thread that reads it: a bounded
//! queue, time limits and decompression. It must not look at what the bytes mean.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::Shared;
use crate::error::{DbError, code};

/// Chunks that may wait for the engine; more and the client is held back by TCP.
const QUEUED_CHUNKS_MAX: usize = 4;
/// A client that sends nothing for so long is given up, and its INSERT with it.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The (decompressed) body, to be read on a blocking thread.
pub(super) type RequestBody = Box<dyn Read + Send>;

/// Starts moving the body; reading it yields an error when the client goes away or falls silent.
pub(super) fn spawn(body: Body, encoding: &str, shared: &Shared) -> Result<RequestBody, DbError> {
    let (sender, receiver) = mpsc::channel(QUEUED_CHUNKS_MAX);
    let raw = Chunks { receiver, current: Bytes::new(), ended: false };
    let decoder: fn(Chunks) -> io::Result<RequestBody> = match encoding {
        "" | "identity" => |raw| Ok(Box::new(raw)),
        "gzip" | "x-gzip" => |raw| Ok(Box::new(flate2::read::MultiGzDecoder::new(raw))),
        "deflate" => |raw| Ok(Box::new(flate2::read::ZlibDecoder::new(raw))),
        "zstd" => |raw| Ok(Box::new(zstd::stream::read::Decoder::new(raw)?)),
        "lz4" => |raw| Ok(Box::new(lz4::Decoder::new(raw)?)),
        other => {
            return Err(DbError::new(
                code::NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                &format!(
                    "Content-Encoding {other} is not supported; use gzip, deflate, zstd or lz4"
                ),
            ));
        }
    };
    let abort = shared.abort.clone();
    shared.tasks.spawn(async move {
        tokio::select! {
            () = abort.cancelled() => {
                drop(sender.try_send(Err(io::Error::other("the server is stopping"))));
            }
            () = pump(body, &sender) => {}
        }
    });
    Ok(Box::new(Lazy::Waiting(Some((raw, decoder)))))
}

async fn pump(body: Body, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut stream = body.into_data_stream();
    loop {
        let chunk = match tokio::time::timeout(SILENCE_MAX, stream.next()).await {
            Ok(Some(Ok(chunk))) => Ok(chunk),
            Ok(Some(Err(error))) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)),
            Ok(None) => Ok(Bytes::new()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client fell silent")),
        };
        // An empty chunk marks the proper end, so that a vanished sender is not taken for one.
        let last = chunk.as_ref().map_or(true, Bytes::is_empty);
        if sender.send(chunk).await.is_err() || last {
            return;
        }
    }
}

struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    ended: bool,
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
            self.ended = self.current.is_empty();
        }
        let len = self.current.len().min(out.len());
        self.current.copy_to_slice(&mut out[..len]);
        Ok(len)
    }
}

/// Makes a decoder of a body.
type Make = fn(Chunks) -> io::Result<RequestBody>;

/// A decoder that is made on the first read: some read on construction, which must happen on the
/// blocking thread.
enum Lazy {
    Waiting(Option<(Chunks, Make)>),
    Reading(RequestBody),
}

impl Read for Lazy {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Self::Waiting(start) = self {
            let (raw, decoder) =
                start.take().ok_or_else(|| io::Error::other("the body could not be decoded"))?;
            *self = Self::Reading(decoder(raw)?);
        }
        match self {
            Self::Reading(decoder) => decoder.read(out),
            Self::Waiting(_) => Err(io::Error::other("the body could not be decoded")),
        }
    }
}
