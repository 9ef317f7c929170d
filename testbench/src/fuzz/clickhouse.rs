//! Hostile traffic for ClickHouse's HTTP interface: statements that nest, reach outside, ask for too much or set what
//! they must not, in requests that are whole, torn, trickled or flooded with headers, with and without a login.

mod request;
mod sql;

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::request::Request;
use super::{Listener, Outcome, Playing, Target};
use crate::faults::chance::Chance;

/// Longest wait for an answer: a statement may compute for a while before it is refused.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// An answer is read no further than this.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Its protocol.
#[derive(Debug)]
pub struct ClickHouse;

impl Listener for ClickHouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn play<'a>(&'a self, target: &'a Target, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            let request = Request::of(target, &mut chance);
            tokio::time::timeout(ANSWER_MAX, send(target, &request))
                .await
                .unwrap_or(Outcome::Silent)
        })
    }

    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let request = Request::well_behaved(target, "SELECT 41 + 1");
            let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
            stream.write_all(&request).await.context("asking")?;
            let answer = read(&mut stream).await.context("the answer")?;
            let answer = String::from_utf8_lossy(&answer);
            anyhow::ensure!(answer.starts_with("HTTP/1.1 200"), "it says {answer:?}");
            anyhow::ensure!(answer.contains("\r\n\r\n42\n"), "it says {answer:?}");
            Ok(())
        })
    }
}

async fn send(target: &Target, request: &Request) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(target.address).await else { return Outcome::Closed };
    for (piece, pause) in &request.pieces {
        if stream.write_all(piece).await.is_err() {
            return Outcome::Closed;
        }
        tokio::time::sleep(*pause).await;
    }
    if request.leaves {
        return Outcome::Closed;
    }
    match read(&mut stream).await {
        Ok(answer) if answer.starts_with(b"HTTP/1.1 200") => Outcome::Served,
        Ok(answer) if answer.starts_with(b"HTTP/1.1") => Outcome::Refused,
        Ok(_) | Err(_) => Outcome::Closed,
    }
}

/// An answer, to the end of its connection or to the bound.
async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}
