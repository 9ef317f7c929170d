//! Hostile traffic for the API over HTTP.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Listener, Outcome, Playing, Target};
use crate::faults::chance::Chance;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const BYTES_MAX: u64 = 4096;

/// Its protocol.
#[derive(Debug)]
pub struct Http;

impl Listener for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn play<'a>(&'a self, target: &'a Target, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            let noise: Vec<u8> = (0..chance.between(1, BYTES_MAX))
                .map(|_| u8::try_from(chance.between(0, 255)).unwrap_or(u8::MAX))
                .collect();
            tokio::time::timeout(ANSWER_MAX, send(target, &noise)).await.unwrap_or(Outcome::Silent)
        })
    }

    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            TcpStream::connect(target.address).await.context("connecting")?;
            Ok(())
        })
    }
}

async fn send(target: &Target, bytes: &[u8]) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(target.address).await else { return Outcome::Closed };
    if stream.write_all(bytes).await.is_err() {
        return Outcome::Closed;
    }
    let mut answer = [0; 512];
    match stream.read(&mut answer).await {
        Ok(read) if read > 0 => Outcome::Refused,
        Ok(_) | Err(_) => Outcome::Closed,
    }
}
