//! Owns the way of a request's body from the network to the blocking thread that reads it: a bounded
//! queue, time limits and decompression. It must not look at what the bytes mean.

use std::io::{self, Read};
use std::time::{Duration, Instant};

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
/// So is one that trickles: after a first while, this many bytes must have come for each second.
const TRICKLE_ALLOWED: Duration = Duration::from_secs(20);
const BYTES_PER_SECOND_MIN: u64 = 4 << 10;
/// Longest body, in time.
const BODY_MAX: Duration = Duration::from_secs(600);

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
    let mut pace = Pace { waited: Duration::ZERO, bytes: 0 };
    loop {
        let asked = Instant::now();
        let next = tokio::time::timeout(pace.patience(), stream.next()).await;
        pace.waited += asked.elapsed();
        let chunk = match next {
            Ok(Some(Ok(chunk))) => {
                pace.bytes += chunk.len() as u64;
                Ok(chunk)
            }
            Ok(Some(Err(error))) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)),
            Ok(None) => Ok(Bytes::new()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends too slowly")),
        };
        // An empty chunk marks the proper end, so that a vanished sender is not taken for one.
        let last = chunk.as_ref().map_or(true, Bytes::is_empty);
        if sender.send(chunk).await.is_err() || last {
            return;
        }
    }
}

/// How fast a body comes. Only the time that is spent waiting for the client counts: a busy engine is not its fault.
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// How long the next piece may take.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.bytes / BYTES_PER_SECOND_MIN);
        let allowed = (TRICKLE_ALLOWED + earned).min(BODY_MAX);
        allowed.saturating_sub(self.waited).min(SILENCE_MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_trickles_is_given_up_and_who_sends_is_not() {
        let patience =
            |waited, bytes| Pace { waited: Duration::from_secs(waited), bytes }.patience();
        assert_eq!(patience(20, 20), Duration::ZERO);
        assert_eq!(patience(19, 0), Duration::from_secs(1));
        assert_eq!(patience(100, 1 << 20), SILENCE_MAX);
        assert_eq!(patience(600, 1 << 40), Duration::ZERO);
    }
}
