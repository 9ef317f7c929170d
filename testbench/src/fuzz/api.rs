//! What both of the API's listeners need: a raw HTTP exchange, and a token that is asked for once.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::{Outcome, Target};

/// Longest wait for an answer: a query may take 10 s.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(12);
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// A token of the target's user, once there is one.
#[derive(Debug, Default)]
pub(super) struct Token(Mutex<Option<String>>);

impl Token {
    /// The token; none where no user is known, or the login is refused.
    pub(super) async fn get(&self, target: &Target) -> Option<String> {
        let mut kept = self.0.lock().await;
        if kept.is_none() {
            *kept = login(target).await.ok();
        }
        kept.clone()
    }
}

async fn login(target: &Target) -> anyhow::Result<String> {
    let (username, password) = target.login.as_ref().context("no user is known")?;
    let body = json!({"username": username, "password": password}).to_string();
    let answer = exchange(target, post(target, "/api/auth/login", None, &body).as_bytes()).await?;
    Ok(json_of(&answer)?["token"].as_str().context("a token")?.to_owned())
}

/// A request as a well-behaved client sends it.
pub(super) fn post(target: &Target, path: &str, token: Option<&str>, body: &str) -> String {
    let authorization =
        token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n{authorization}content-length: {}\r\n\r\n{body}",
        target.address,
        body.len()
    )
}

/// Sends and reads until the other side closes.
///
/// # Errors
/// When it cannot be reached, or does not close in time.
pub(super) async fn exchange(target: &Target, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let talk = async {
        let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
        // A refusal may come before all is written.
        let written = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
        if answer.is_empty() {
            written.context("writing")?;
            read.context("reading")?;
        }
        anyhow::Ok(answer)
    };
    tokio::time::timeout(ANSWER_MAX, talk).await.context("no end of an answer")?
}

/// The JSON of an answer with 200 and a length.
///
/// # Errors
/// When it is another answer.
pub(super) fn json_of(answer: &[u8]) -> anyhow::Result<Value> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").context("a head and a body")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{}", head.lines().next().unwrap_or_default());
    serde_json::from_str(body).context("JSON")
}

/// What an answer says.
pub(super) fn outcome(answer: &[u8]) -> Outcome {
    match answer.get(9) {
        None => Outcome::Closed,
        Some(b'1' | b'2') => Outcome::Served,
        Some(_) => Outcome::Refused,
    }
}
