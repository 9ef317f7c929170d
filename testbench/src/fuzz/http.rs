//! Hostile traffic for the API over HTTP: heads and bodies that are wrong in their framing, in whom they name, and in what
//! they ask; with a token and without.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::api::{ANSWER_MAX, Token, exchange, json_of, outcome, post};
use super::graphql::{count, noisy, request};
use super::{Listener, Outcome, Playing, Target};
use crate::faults::chance::Chance;

const METHODS: &[&str] =
    &["POST", "GET", "PUT", "OPTIONS", "HEAD", "TRACE", "CONNECT", "post", "\0"];
const PATHS: &[&str] = &[
    "/graphql",
    "/graphql/ws",
    "/api/auth/login",
    "/api/health",
    "/metrics",
    "/",
    "/assets/../../etc/passwd",
    "/devices/%00%ff",
    "//evil.example/",
    "http://evil.example/graphql",
    "*",
    "/api/metrics/tracking-error?minutes=999999999999",
];
const HEADERS: &[&str] = &[
    "origin: https://evil.example",
    "origin: null",
    "host: evil.example",
    "host: a b",
    "sec-fetch-site: cross-site",
    "transfer-encoding: chunked",
    "transfer-encoding: chunked, identity",
    "content-length: 18446744073709551616",
    "content-length: -1",
    "content-length: 5",
    "expect: 100-continue",
    "upgrade: websocket",
    "upgrade: h2c",
    "connection: upgrade, close",
    "authorization: Bearer a.b.c",
    "authorization: Bearer",
    "authorization: \u{1}",
    "accept: application/graphql-response+json",
    "accept-encoding: gzip, gzip, br;q=9",
    "range: bytes=0-,1-,2-",
    "x-forwarded-for: 127.0.0.1, ::1, nonsense",
    "content-type: text/plain",
    "content-encoding: gzip",
    " folded: yes",
];

/// Its protocol.
#[derive(Debug, Default)]
pub struct Http {
    token: Token,
}

impl Listener for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn play<'a>(&'a self, target: &'a Target, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            // By the front door, or not.
            let token = if chance.between(0, 2) == 0 { None } else { self.token.get(target).await };
            let bytes = match chance.between(0, 5) {
                0..=2 => post(target, "/graphql", token.as_deref(), &request(&mut chance)),
                3 => login(target, &mut chance),
                _ => mangled(target, token.as_deref(), &mut chance),
            };
            let played = if chance.between(0, 9) == 0 {
                cut_short(target, bytes.as_bytes(), &mut chance).await
            } else {
                exchange(target, bytes.as_bytes()).await
            };
            played.map_or(Outcome::Silent, |answer| outcome(&answer))
        })
    }

    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let get = format!(
                "GET /api/health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                target.address
            );
            let health = json_of(&exchange(target, get.as_bytes()).await?)?;
            ensure!(health["status"].is_string(), "health says {health}");
            if let Some(token) = self.token.get(target).await {
                let me = "{\"query\": \"{ me { name } }\"}";
                let asked = post(target, "/graphql", Some(&token), me);
                let answer = json_of(&exchange(target, asked.as_bytes()).await?)?;
                ensure!(answer["data"]["me"]["name"] != Value::Null, "answered with {answer}");
            }
            Ok(())
        })
    }
}

fn login(target: &Target, chance: &mut Chance) -> String {
    let long = "x".repeat(count(chance, 0, 9_000));
    // Names of its own, so that the user of this run is not among those that are locked.
    let name = chance.between(0, 99);
    let body = format!("{{\"username\": \"stranger-{name}\", \"password\": \"{long}\"}}");
    let body = if chance.between(0, 2) == 0 { noisy(chance, body) } else { body };
    post(target, "/api/auth/login", None, &body)
}

fn mangled(target: &Target, token: Option<&str>, chance: &mut Chance) -> String {
    let method = chance.one_of(METHODS).unwrap_or(&"GET");
    let path = chance.one_of(PATHS).unwrap_or(&"/");
    let mut whole = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", target.address);
    if let Some(token) = token {
        whole += &format!("authorization: Bearer {token}\r\n");
    }
    for _ in 0..chance.between(0, 4) {
        whole += chance.one_of(HEADERS).unwrap_or(&"x: y");
        whole += "\r\n";
    }
    if chance.between(0, 9) == 0 {
        whole += &"x-many: y\r\n".repeat(count(chance, 1, 3_000));
    }
    let body = request(chance);
    let len = body.len();
    whole += &match chance.between(0, 2) {
        0 => format!("connection: close\r\ncontent-length: {len}\r\n\r\n{body}"),
        1 => format!("connection: close\r\n\r\n{len:x}\r\n{body}\r\nfffffffffffffff\r\n"),
        _ => format!("content-length: {len}\r\n\r\n{body}GET / HTTP/1.1\r\n\r\n"),
    };
    if chance.between(0, 3) == 0 { noisy(chance, whole) } else { whole }
}

/// Sends a part and goes away, with hardly a look at what comes.
async fn cut_short(target: &Target, bytes: &[u8], chance: &mut Chance) -> anyhow::Result<Vec<u8>> {
    let most = u64::try_from(bytes.len()).unwrap_or(0);
    let part = bytes.get(..count(chance, 0, most)).unwrap_or(bytes);
    let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
    stream.write_all(part).await.context("writing")?;
    let mut first = [0; 16];
    let read = tokio::time::timeout(ANSWER_MAX / 60, stream.read(&mut first)).await;
    Ok(first[..read.ok().and_then(Result::ok).unwrap_or(0)].to_vec())
}
