//! Hostile traffic for the log: requests as clients send them, with a part exchanged for something that cannot be, cut
//! off, announced and not sent, or sent before the login.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::kafka_login::log_in;
use super::{Listener, Outcome, Playing, Target};
use crate::faults::chance::Chance;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const BYTES_MAX: u64 = 4096;
/// What an answer may have, for one who looks at it.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const KEYS: u64 = 80;
const METADATA: i16 = 3;

/// Its protocol.
#[derive(Debug)]
pub struct Kafka;

/// A part of a request.
#[derive(Debug, Clone)]
enum Part {
    Number8(i8),
    Number16(i16),
    Number32(i32),
    Number64(i64),
    Text(&'static str),
    Bytes(Vec<u8>),
    /// How many of the following there are.
    Count(i32),
}

use Part::{Bytes, Count, Number8, Number16, Number32, Number64, Text};

/// Kind, version and parts of requests that clients send, in versions without variable lengths.
fn requests(records: Vec<u8>) -> Vec<(i16, i16, Vec<Part>)> {
    let topic = || Text("derms.decisions.v1");
    let partitions = || vec![Count(1), topic(), Count(1), Number32(0)];
    let with = |mut parts: Vec<Part>, more: Vec<Part>| {
        parts.extend(more);
        parts
    };
    vec![
        (
            0,
            7,
            with(
                vec![Number16(-1), Number16(-1), Number32(1_000)],
                with(partitions(), vec![Bytes(records)]),
            ),
        ),
        (
            1,
            4,
            with(
                vec![Number32(-1), Number32(10), Number32(1), Number32(1 << 20), Number8(0)],
                with(partitions(), vec![Number64(0), Number32(1 << 20)]),
            ),
        ),
        (2, 1, with(vec![Number32(-1)], with(partitions(), vec![Number64(-2)]))),
        (METADATA, 1, vec![Count(1), topic()]),
        (
            8,
            2,
            with(
                vec![Text("fuzz"), Number32(-1), Text(""), Number64(-1)],
                with(partitions(), vec![Number64(1), Text("")]),
            ),
        ),
        (9, 1, with(vec![Text("fuzz")], partitions())),
        (10, 1, vec![Text("fuzz"), Number8(0)]),
        (
            11,
            2,
            vec![
                Text("fuzz"),
                Number32(6_000),
                Number32(6_000),
                Text(""),
                Text("consumer"),
                Count(1),
                Text("range"),
                Bytes(vec![0; 12]),
            ],
        ),
        (12, 1, vec![Text("fuzz"), Number32(1), Text("member")]),
        (13, 1, vec![Text("fuzz"), Text("member")]),
        (
            14,
            1,
            vec![
                Text("fuzz"),
                Number32(1),
                Text("member"),
                Count(1),
                Text("member"),
                Bytes(vec![1]),
            ],
        ),
        (15, 1, vec![Count(1), Text("fuzz")]),
        (16, 1, vec![]),
        (17, 1, vec![Text("SCRAM-SHA-256")]),
        (36, 0, vec![Bytes(b"n,,n=derms,r=abc".to_vec())]),
        (18, 0, vec![]),
        (
            19,
            1,
            // A topic without partitions is refused: the cases must not fill the log with topics.
            vec![
                Count(1),
                Text("fuzz"),
                Number32(0),
                Number16(1),
                Count(0),
                Count(0),
                Number32(9),
                Number8(1),
            ],
        ),
        (22, 1, vec![Number16(-1), Number32(1_000)]),
        (22, 3, vec![Bytes(vec![2, b't', 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0])]),
        (32, 1, vec![Count(1), Number8(2), topic(), Count(-1), Number8(1)]),
        (42, 1, vec![Count(1), Text("no such group")]),
    ]
}

/// Something that a number, a length or a count must not be.
fn extreme(chance: &mut Chance) -> i64 {
    let all = [
        -1,
        -2,
        0,
        1,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0x00ff_ffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        i64::MAX,
        i64::MIN,
    ];
    chance.one_of(&all).copied().unwrap_or(0)
}

/// The part's bytes; a bad one lies about its value, its length or its count.
fn write(part: &Part, bad: bool, chance: &mut Chance, out: &mut Vec<u8>) {
    let lie = extreme(chance).to_be_bytes();
    match part {
        Number8(value) => out.push(if bad { lie[7] } else { value.cast_unsigned() }),
        Number16(value) => put(out, &value.to_be_bytes(), bad, &lie[6..]),
        Number32(value) | Count(value) => put(out, &value.to_be_bytes(), bad, &lie[4..]),
        Number64(value) => put(out, &value.to_be_bytes(), bad, &lie),
        Text(text) => {
            put(out, &i16::try_from(text.len()).unwrap_or(0).to_be_bytes(), bad, &lie[6..]);
            out.extend_from_slice(text.as_bytes());
        }
        Bytes(bytes) => {
            put(out, &i32::try_from(bytes.len()).unwrap_or(0).to_be_bytes(), bad, &lie[4..]);
            out.extend_from_slice(bytes);
        }
    }
}

fn put(out: &mut Vec<u8>, good: &[u8], bad: bool, lie: &[u8]) {
    out.extend_from_slice(if bad { lie } else { good });
}

fn noise(chance: &mut Chance, most: u64) -> Vec<u8> {
    let count = chance.between(1, most);
    (0..count).map(|_| u8::try_from(chance.between(0, 255)).unwrap_or(u8::MAX)).collect()
}

/// A batch with a lie in its header, or none.
fn records(chance: &mut Chance) -> Vec<u8> {
    let mut batch = vec![0; 61];
    batch[8..12].copy_from_slice(&60_i32.to_be_bytes());
    batch[16] = 2;
    batch.extend_from_slice(&[22, 0, 0, 0, 1, 10, b'h', b'e', b'l', b'l', b'o']);
    for _ in 0..chance.between(0, 6) {
        let at = usize::try_from(chance.between(0, batch.len() as u64 - 1)).unwrap_or(0);
        batch[at] = u8::try_from(chance.between(0, 255)).unwrap_or(u8::MAX);
    }
    batch
}

/// The whole frame of a request, with at most one lie in its body and one in its head.
fn frame(chance: &mut Chance) -> Vec<u8> {
    let all = requests(records(chance));
    let (mut key, mut version, parts) =
        chance.one_of(&all).cloned().unwrap_or((METADATA, 1, vec![]));
    if chance.between(0, 5) == 0 {
        version = i16::try_from(chance.between(0, 14)).unwrap_or(0) - 1;
    }
    if chance.between(0, 9) == 0 {
        key = i16::try_from(chance.between(0, KEYS)).unwrap_or(0) - 1;
    }
    let mut body = Vec::new();
    for value in [key, version] {
        body.extend_from_slice(&value.to_be_bytes());
    }
    body.extend_from_slice(&7_i32.to_be_bytes());
    write(&Text("fuzz"), chance.between(0, 19) == 0, chance, &mut body);
    let lie = chance.between(0, parts.len() as u64);
    for (index, part) in parts.iter().enumerate() {
        write(part, index as u64 == lie, chance, &mut body);
    }
    match chance.between(0, 9) {
        0 => body.extend(noise(chance, 200)),
        1 => body.truncate(usize::try_from(chance.between(0, body.len() as u64)).unwrap_or(0)),
        2 => {
            let at = usize::try_from(chance.between(0, body.len() as u64 - 1)).unwrap_or(0);
            let garbage = noise(chance, 20);
            body.splice(at..at, garbage);
        }
        _ => {}
    }
    let length = match chance.between(0, 14) {
        0 => extreme(chance).to_be_bytes()[4..].to_vec(),
        _ => i32::try_from(body.len()).unwrap_or(0).to_be_bytes().to_vec(),
    };
    [length, body].concat()
}

impl Listener for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn play<'a>(&'a self, target: &'a Target, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            let playing = case(target, &mut chance);
            timeout(ANSWER_MAX * 2, playing).await.unwrap_or(Outcome::Silent)
        })
    }

    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
            if let Some((user, password)) = &target.login {
                log_in(&mut stream, user, password).await?;
            }
            // All topics.
            let request =
                [&(14_i32).to_be_bytes()[..], &[0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff], &[0xff; 4]];
            stream.write_all(&request.concat()).await.context("asking")?;
            let answer = receive(&mut stream).await.context("metadata")?;
            anyhow::ensure!(answer.starts_with(&[0, 0, 0, 9]), "another answer");
            Ok(())
        })
    }
}

async fn case(target: &Target, chance: &mut Chance) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(target.address).await else { return Outcome::Closed };
    if let Some((user, password)) = target.login.as_ref().filter(|_| chance.between(0, 3) > 0)
        && log_in(&mut stream, user, password).await.is_err()
    {
        return Outcome::Refused;
    }
    match chance.between(0, 11) {
        0 => {
            let bytes = noise(chance, BYTES_MAX);
            exchange(&mut stream, &bytes).await
        }
        // Half of a frame, and nothing more until this side goes.
        1 => {
            let bytes = frame(chance);
            let half = bytes.len() / 2;
            stream.write_all(&bytes[..half]).await.ok();
            timeout(ANSWER_MAX / 10, receive(&mut stream)).await.ok();
            Outcome::Closed
        }
        // Many at once, and whoever sent them does not listen.
        2 => {
            for _ in 0..chance.between(2, 40) {
                if stream.write_all(&frame(chance)).await.is_err() {
                    return Outcome::Closed;
                }
            }
            Outcome::Served
        }
        _ => {
            let bytes = frame(chance);
            exchange(&mut stream, &bytes).await
        }
    }
}

async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Outcome {
    if stream.write_all(bytes).await.is_err() {
        return Outcome::Closed;
    }
    match timeout(ANSWER_MAX, receive(stream)).await {
        Ok(Ok(_)) => Outcome::Served,
        Ok(Err(_)) => Outcome::Closed,
        Err(_) => Outcome::Silent,
    }
}

/// One frame.
pub(super) async fn receive(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_i32().await?).context("a length")?;
    anyhow::ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
