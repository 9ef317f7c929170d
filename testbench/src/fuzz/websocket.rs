//! Hostile traffic for the API's WebSocket: frames that are wrong in their framing, messages out of turn, documents as in
//! `graphql.rs`, too many of everything; with a token and without.

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::api::{ANSWER_MAX, Token};
use super::graphql::{count, document, noisy};
use super::{Listener, Outcome, Playing, Target};
use crate::faults::chance::Chance;

/// Messages of one case.
const MESSAGES_MAX: u64 = 60;
/// What is read of the answers of one case.
const READ_MAX: usize = 1 << 20;
/// Bytes of an upgrade's answer at most.
const HEAD_MAX: usize = 8 << 10;
const PROTOCOL: &str = "graphql-transport-ws";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// First bytes of frames: a whole text, a close, a ping.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
/// Asks ClickHouse at each event.
const DEAR_EVENTS: &str = "subscription { deviceUpdated { id telemetry(from: \"2026-01-01T00:00:00Z\", to: \"2026-01-02T00:00:00Z\") { at } } }";

/// Its protocol.
#[derive(Debug, Default)]
pub struct WebSocket {
    token: Token,
}

impl Listener for WebSocket {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn play<'a>(&'a self, target: &'a Target, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            let token = if chance.between(0, 2) == 0 { None } else { self.token.get(target).await };
            let played = tokio::time::timeout(ANSWER_MAX, talk(target, token, &mut chance)).await;
            played.unwrap_or(Ok(Outcome::Silent)).unwrap_or(Outcome::Closed)
        })
    }

    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut stream = open(target, PROTOCOL).await?;
            let Some(token) = self.token.get(target).await else { return Ok(()) };
            stream
                .write_all(&frame(TEXT, true, init(&token).as_bytes()))
                .await
                .context("saying")?;
            let mut heard = String::new();
            let mut buffer = [0; 64];
            // A ping may come before the answer.
            while !heard.contains("connection_ack") {
                let read = stream.read(&mut buffer).await.context("its answer")?;
                ensure!(read > 0, "the first message is answered with {heard:?}");
                heard += &String::from_utf8_lossy(&buffer[..read]);
            }
            Ok(())
        })
    }
}

/// Opens a connection and makes it a WebSocket.
async fn open(target: &Target, protocol: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
    let request = format!(
        "GET /graphql/ws HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {protocol}\r\n\r\n",
        target.address
    );
    stream.write_all(request.as_bytes()).await.context("the upgrade")?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("its answer")?);
        ensure!(head.len() < HEAD_MAX, "an answer without an end");
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

fn init(token: &str) -> String {
    let payload = json!({"authorization": format!("Bearer {token}")});
    json!({"type": "connection_init", "payload": payload}).to_string()
}

fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => bytes.push(mask_bit | len),
        (_, Ok(len)) => {
            bytes.push(mask_bit | 126);
            bytes.extend(len.to_be_bytes());
        }
        _ => {
            bytes.push(mask_bit | 127);
            bytes.extend(payload.len().to_be_bytes());
        }
    }
    if masked {
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(payload);
    }
    bytes
}

async fn talk(
    target: &Target,
    token: Option<String>,
    chance: &mut Chance,
) -> anyhow::Result<Outcome> {
    let protocol = if chance.between(0, 19) == 0 { "graphql-ws" } else { PROTOCOL };
    let mut stream = open(target, protocol).await?;
    let (mut reader, mut writer) = stream.split();
    // Some take all that comes, some nothing.
    let is_deaf = chance.between(0, 9) == 0;
    let speak = async {
        if let Some(token) = token {
            writer.write_all(&frame(TEXT, true, init(&token).as_bytes())).await?;
        }
        for _ in 0..chance.between(0, MESSAGES_MAX) {
            writer.write_all(&message(chance)).await?;
        }
        writer.write_all(&frame(CLOSE, true, &[0x03, 0xe8])).await
    };
    if is_deaf {
        speak.await.context("saying")?;
        return Ok(Outcome::Closed);
    }
    let listen = async {
        let mut heard = 0;
        let mut buffer = vec![0; 64 << 10];
        while heard < READ_MAX {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => heard += read,
            }
        }
        heard
    };
    let (said, heard) = tokio::join!(speak, listen);
    Ok(match said {
        Ok(()) if heard > 0 => Outcome::Served,
        _ if heard > 0 => Outcome::Refused,
        _ => Outcome::Closed,
    })
}

fn message(chance: &mut Chance) -> Vec<u8> {
    let text = |value: serde_json::Value| frame(TEXT, true, value.to_string().as_bytes());
    let id = chance.between(0, 20).to_string();
    let query = document(chance);
    match chance.between(0, 13) {
        0..=4 => text(json!({"id": id, "type": "subscribe", "payload": {"query": query}})),
        5 => text(json!({"id": id, "type": "subscribe", "payload": {"query": DEAR_EVENTS}})),
        6 => text(json!({"id": id, "type": "complete"})),
        7 => text(json!({"type": "ping", "payload": {"x": query}})),
        8 => text(json!({"type": "connection_init", "payload": {"authorization": query}})),
        9 => {
            let said = json!({"id": id, "type": "subscribe"}).to_string();
            frame(TEXT, true, noisy(chance, said).as_bytes())
        }
        // Control frames that are too long, reserved opcodes and bits, no mask, a length without its bytes.
        10 => frame(PING, true, &vec![b'x'; count(chance, 0, 200)]),
        11 => {
            let first = u8::try_from(chance.between(0, 255)).unwrap_or(0);
            frame(first, chance.between(0, 3) > 0, query.as_bytes())
        }
        12 => frame(TEXT, true, query.as_bytes()),
        _ => vec![TEXT, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    }
}
