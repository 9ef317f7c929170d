//! A request around a statement: its headers, its body, and how it is sent.

use std::fmt::Write as _;
use std::time::Duration;

use super::sql;
use crate::faults::chance::Chance;
use crate::fuzz::Target;

/// Pauses of a body that trickles.
const PAUSE_MAX_MS: u64 = 300;
const PIECES_MAX: u64 = 12;

/// What is sent, piece by piece.
#[derive(Debug)]
pub(super) struct Request {
    /// Bytes, and the pause after them.
    pub(super) pieces: Vec<(Vec<u8>, Duration)>,
    /// Whether the client goes away without an answer.
    pub(super) leaves: bool,
}

impl Request {
    /// As a client asks that means well.
    pub(super) fn well_behaved(target: &Target, statement: &str) -> Vec<u8> {
        let login = login(target.login.as_ref());
        let length = statement.len();
        format!(
            "POST / HTTP/1.1\r\nhost: {}\r\n{login}content-length: {length}\r\nconnection: close\r\n\r\n{statement}",
            target.address
        )
        .into_bytes()
    }

    /// One of many kinds.
    pub(super) fn of(target: &Target, chance: &mut Chance) -> Self {
        let statement = sql::statement(chance);
        let (head, body) = head_and_body(target, &statement, chance);
        let mut whole = [head.into_bytes(), body].concat();
        mutate(&mut whole, chance);
        let leaves = chance.between(0, 9) == 0;
        Self { pieces: cut(whole, chance), leaves }
    }
}

fn login(login: Option<&(String, String)>) -> String {
    login.map_or_else(String::new, |(user, password)| {
        format!("x-clickhouse-user: {user}\r\nx-clickhouse-key: {password}\r\n")
    })
}

fn head_and_body(target: &Target, statement: &[u8], chance: &mut Chance) -> (String, Vec<u8>) {
    let host = match chance.between(0, 9) {
        0 => "evil.example".to_owned(),
        1 => String::new(),
        _ => target.address.to_string(),
    };
    let who = match chance.between(0, 5) {
        0 => String::new(),
        1 => login(Some(&("default".to_owned(), String::new()))),
        2 => login(Some(&("analyst".to_owned(), "x".repeat(5_000)))),
        _ => login(target.login.as_ref()),
    };
    let mut head = format!("{} / HTTP/1.1\r\nhost: {host}\r\n{who}", method(chance));
    let path = path(chance);
    head = head.replacen(" / ", &format!(" {path} "), 1);
    for _ in 0..headers(chance) {
        // Writing to a string does not fail.
        write!(head, "{}: {}\r\n", one_of(HEADERS, chance), one_of(VALUES, chance)).ok();
    }
    let body = match chance.between(0, 3) {
        0 => {
            head.push_str("transfer-encoding: chunked\r\n");
            chunked(statement, chance)
        }
        1 => {
            head.push_str("content-type: multipart/form-data; boundary=b\r\n");
            let body = form(statement, chance);
            write!(head, "content-length: {}\r\n", body.len()).ok();
            body
        }
        _ => {
            let said = match chance.between(0, 7) {
                0 => statement.len() + 1_000_000,
                1 => statement.len() / 2,
                _ => statement.len(),
            };
            write!(head, "content-length: {said}\r\n").ok();
            statement.to_vec()
        }
    };
    head.push_str("connection: close\r\n\r\n");
    (head, body)
}

fn method(chance: &mut Chance) -> &'static str {
    one_of(&["POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "BREW"], chance)
}

fn path(chance: &mut Chance) -> String {
    let setting = one_of(SETTINGS, chance);
    match chance.between(0, 6) {
        0 => format!("/?{setting}={}", one_of(VALUES, chance).replace(' ', "%20")),
        1 => format!("/?query={}", "%28".repeat(chance.between(1, 5_000) as usize)),
        2 => "/?database=%60%3B%20DROP%20DATABASE%20derms".to_owned(),
        3 => format!("/?{}", "a=1&".repeat(chance.between(1, 2_000) as usize)),
        4 => one_of(
            &["/ping", "/backup?name=..%2F..%2Fx", "/restore?name=x", "/play", "/%00"],
            chance,
        )
        .to_owned(),
        _ => "/".to_owned(),
    }
}

fn headers(chance: &mut Chance) -> u64 {
    match chance.between(0, 9) {
        0 => chance.between(50, 2_000),
        1..=4 => chance.between(1, 5),
        _ => 0,
    }
}

fn chunked(statement: &[u8], chance: &mut Chance) -> Vec<u8> {
    let size = chance.between(1, 64) as usize;
    let mut body = Vec::new();
    for chunk in statement.chunks(size.max(statement.len() / 200 + 1)) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    // A body without its end, now and then.
    if chance.between(0, 4) > 0 {
        body.extend_from_slice(b"0\r\n\r\n");
    }
    body
}

fn form(statement: &[u8], chance: &mut Chance) -> Vec<u8> {
    let part = |name: &str, value: &[u8]| {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), value, b"\r\n"].concat()
    };
    let mut body = part("query", statement);
    for _ in 0..chance.between(0, 400) {
        body.extend(part(one_of(SETTINGS, chance), one_of(VALUES, chance).as_bytes()));
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

/// Some bytes are others, or are missing, or come twice.
fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if chance.between(0, 3) > 0 || bytes.is_empty() {
        return;
    }
    for _ in 0..chance.between(1, 8) {
        let at = chance.between(0, bytes.len() as u64 - 1) as usize;
        match chance.between(0, 2) {
            0 => bytes[at] = u8::try_from(chance.between(0, 255)).unwrap_or(0),
            1 => bytes.truncate(at.max(1)),
            _ => {
                let again = bytes[at..(at + 16).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

fn cut(bytes: Vec<u8>, chance: &mut Chance) -> Vec<(Vec<u8>, Duration)> {
    if chance.between(0, 4) > 0 {
        return vec![(bytes, Duration::ZERO)];
    }
    let count = chance.between(2, PIECES_MAX) as usize;
    let pause = Duration::from_millis(chance.between(1, PAUSE_MAX_MS));
    bytes.chunks(bytes.len() / count + 1).map(|piece| (piece.to_vec(), pause)).collect()
}

pub(super) fn one_of<T: Copy>(of: &[T], chance: &mut Chance) -> T {
    of[chance.between(0, of.len() as u64 - 1) as usize]
}

const HEADERS: &[&str] = &[
    "origin",
    "content-encoding",
    "x-clickhouse-format",
    "x-clickhouse-database",
    "accept-encoding",
    "expect",
    "transfer-encoding",
    "content-length",
    "x-anything",
    "sec-fetch-site",
];
const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "gzip",
    "zstd",
    "lz4",
    "JSON",
    "Template",
    "100-continue",
    "chunked",
    "cross-site",
    "/etc/passwd",
    "'; DROP DATABASE derms; --",
];
pub(super) const SETTINGS: &[&str] = &[
    "max_memory_usage",
    "max_threads",
    "max_execution_time",
    "max_parser_depth",
    "max_query_size",
    "max_result_rows",
    "readonly",
    "profile",
    "dialect",
    "compress",
    "decompress",
    "format_schema",
    "log_comment",
    "session_id",
    "param_a",
    "query_id",
    "default_format",
    "no_such_setting",
];
