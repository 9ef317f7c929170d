//! Native as the official client for Go asks for it (Grafana's plug-in is made of it): of a revision, byte by byte, and in
//! frames. What the engine itself writes for one column is the measure: its values are what follows name and type.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
#![expect(clippy::await_holding_lock, reason = "one engine at a time is the point of the lock")]

mod server;

use derms_engine::HttpOptions;
use server::{Reply, Server, password, users};

/// What the client for Go says; one word less than that; what a newer server reads; what clickhouse-connect says.
const GO: &str = "54460";
const BEFORE_WORDS: &str = "54453";
const LATEST: &str = "54491";
const PYTHON: &str = "54405";

const INFO: &[u8] = b"\x01\x00\x02\xff\xff\xff\xff\x00";
const INFO_WITH_LATE_BUCKETS: &[u8] = b"\x01\x00\x02\xff\xff\xff\xff\x03\x00\x00";

/// Three rows each, of every type that columns are made of.
const VALUES: &[&str] = &[
    "number",
    "toInt8(number) - 1",
    "number > 0",
    "toInt256(number)",
    "toFloat32(number)",
    "toBFloat16(number)",
    "toDecimal32(number, 2)",
    "toDecimal64(number, 2)",
    "toDecimal128(number, 2)",
    "toDecimal256(number, 2)",
    "toString(number * 1000000)",
    "repeat('x', number * 200)",
    "toFixedString(toString(number), 5)",
    "toUUID('00000000-0000-0000-0000-000000000001')",
    "toIPv4('10.0.0.1')",
    "toIPv6('::1')",
    "toDate('2026-01-01') + number",
    "toDate32('2026-01-01') + number",
    "toDateTime('2026-01-01 00:00:00', 'UTC') + number",
    "toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC') + number",
    "INTERVAL 3 MINUTE",
    "CAST(number + 1, 'Enum8(\\'a, (b\\' = 1, \\'it\\\\\\'s\\' = 2, \\'c\\' = 3)')",
    "CAST(number, 'Enum16(\\'x\\' = 0, \\'y\\' = 1, \\'z\\' = 2)')",
    "NULL",
    "if(number = 1, NULL, number)",
    "nullIf(toString(number), '1')",
    "toLowCardinality(toString(number))",
    "toLowCardinality(if(number = 2, NULL, toString(number)))",
    "CAST(number, 'LowCardinality(UInt64)')",
    "range(number)",
    "[]",
    "[tuple()]",
    "arrayMap(x -> toString(x), range(number))",
    "[range(number), [number]]",
    "if(number = 0, CAST([], 'Array(LowCardinality(String))'), ['a', toString(number)])",
    "CAST([], 'Array(LowCardinality(Nullable(String)))')",
    "tuple()",
    "(number, toString(number))",
    "CAST((number, [toString(number)]), 'Tuple(a UInt8, `b, (c` Array(LowCardinality(String)))')",
    "map('a', number, toString(number), 7)",
    "CAST(map('a', [number]), 'Map(LowCardinality(String), Array(UInt64))')",
    "CAST([(number, 'a')], 'Nested(n UInt64, t String)')",
    "CAST((1, 2), 'Point')",
    "CAST([[(0, 0), (number, 1)]], 'Polygon')",
    "CAST(number, 'SimpleAggregateFunction(sum, UInt64)')",
    "CAST(number, 'Variant(String, UInt64)')",
    "[CAST(if(number = 1, NULL, toString(number)), 'Variant(Array(LowCardinality(String)), String, UInt64)')]",
];

fn select(value: &str, name: usize) -> String {
    format!("{value} AS v{name}")
}

async fn ask(server: &Server, arguments: &[(&str, &str)], sql: &str) -> Vec<u8> {
    let url = reqwest::Url::parse_with_params(&server.url, arguments).expect("a URL");
    let request = reqwest::Client::new().post(url).body(sql.to_owned());
    let request = request.basic_auth("analyst", Some(password("analyst")));
    let response = request.send().await.expect("a response");
    let status = response.status();
    let body = response.bytes().await.expect("a body").to_vec();
    assert_eq!(status, 200, "{sql}: {}", String::from_utf8_lossy(&body));
    body
}

async fn native(server: &Server, revision: &str, sql: &str) -> Vec<u8> {
    let arguments = [
        ("default_format", "Native"),
        ("client_protocol_version", revision),
        ("allow_suspicious_low_cardinality_types", "1"),
    ];
    ask(server, &arguments, sql).await
}

/// One column of three rows as the engine writes it: name and type, and the values.
fn column(block: &[u8]) -> (&[u8], &[u8]) {
    let rest = block.strip_prefix(&[1, 3]).expect("a column of three rows");
    let name = 1 + usize::from(rest[0]);
    let of = name + 1 + usize::from(rest[name]);
    assert!(rest[0] < 0x80 && rest[name] < 0x80, "short names");
    rest.split_at(of)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_as_its_revision_says_for_columns_of_every_type() {
    let server = Server::start(users()).await;
    let mut columns = Vec::new();
    for (name, value) in VALUES.iter().enumerate() {
        let sql = format!("SELECT {} FROM numbers(3)", select(value, name));
        columns.push(native(&server, "0", &sql).await);
    }
    let all: Vec<_> = VALUES.iter().enumerate().map(|(at, value)| select(value, at)).collect();
    let sql = format!("SELECT {} FROM numbers(3)", all.join(", "));
    let revisions = [
        ("0", &b""[..], &b""[..]),
        (PYTHON, INFO, b""),
        (BEFORE_WORDS, INFO, b""),
        (GO, INFO, b"\0"),
        (LATEST, INFO_WITH_LATE_BUCKETS, b"\0"),
    ];
    for (revision, info, word) in revisions {
        let mut expected = [info, &[VALUES.len() as u8, 3]].concat();
        for block in &columns {
            let (head, values) = column(block);
            expected.extend([head, word, values].concat());
        }
        let found = native(&server, revision, &sql).await;
        let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        assert!(found == expected, "{revision}: from byte {differs:?} on");
        // An answer that is made whole, not streamed.
        let found = native(&server, revision, &format!("({sql})")).await;
        assert!(found == expected, "{revision}, in brackets");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_of_a_long_answer_has_its_words() {
    let server = Server::start(users()).await;
    let sql = "SELECT number AS n, toString(number % 10) AS t FROM numbers(3000000)";
    for (revision, word) in [(GO, &b"\0"[..]), (PYTHON, b"")] {
        let answer = native(&server, revision, sql).await;
        let (mut rest, mut rows, mut blocks) = (answer.as_slice(), 0_u64, 0);
        while !rest.is_empty() {
            rest = rest.strip_prefix(INFO).expect("a block's words");
            rest = rest.strip_prefix(&[2]).expect("two columns");
            let (len, after) = varint(rest);
            rest = after.strip_prefix(b"\x01n\x06UInt64").expect("n");
            rest = rest.strip_prefix(word).expect("a word");
            let numbers = rest.chunks_exact(8).take(len);
            for (expected, number) in (rows..).zip(numbers) {
                assert_eq!(number, expected.to_le_bytes());
            }
            rest = rest[len * 8..].strip_prefix(b"\x01t\x06String").expect("t");
            rest = rest.strip_prefix(word).expect("a word");
            assert_eq!(rest[..2], [1, b'0' + (rows % 10) as u8]);
            rest = &rest[len * 2..];
            (rows, blocks) = (rows + len as u64, blocks + 1);
        }
        assert_eq!(rows, 3_000_000);
        assert!(blocks > 1, "{blocks}");
    }
    server.stop().await;
}

fn varint(bytes: &[u8]) -> (usize, &[u8]) {
    let end = bytes.iter().position(|byte| *byte < 0x80).expect("a number") + 1;
    let number = bytes[..end].iter().rev().fold(0, |n, byte| n << 7 | usize::from(byte & 0x7f));
    (number, &bytes[end..])
}

/// The first thing that the client for Go asks, before it knows what the server writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_who_answers_can_read_it() {
    let server = Server::start(users()).await;
    let sql = "SELECT displayName(), version(), revision(), timezone()";
    let answer = native(&server, GO, sql).await;
    let rest = answer.strip_prefix(INFO).expect("a block's words");
    let mut rest = rest.strip_prefix(&[4, 1]).expect("four columns, one row");
    let mut values = Vec::new();
    for name in ["displayName()", "version()", "revision()", "timezone()"] {
        let head = [&[name.len() as u8], name.as_bytes(), b"\x06"].concat();
        let typed = rest.strip_prefix(head.as_slice()).expect("a name");
        let values_at = typed.strip_prefix(b"String\0").or(typed.strip_prefix(b"UInt32\0"));
        let after = values_at.expect("a type, and no other way of writing it");
        let len = if typed.starts_with(b"String") { usize::from(after[0]) + 1 } else { 4 };
        let (value, after) = after.split_at(len);
        values.push(value);
        rest = after;
    }
    assert!(rest.is_empty(), "{rest:?}");
    let revision = u32::from_le_bytes(values[2].try_into().expect("four bytes"));
    // The client reads as the server's revision says: with a word for each column.
    assert!(revision >= 54_454, "{revision}");
    // An answer without rows is no bytes, as of ClickHouse's server.
    assert!(native(&server, GO, "SELECT 1 WHERE 0").await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_for_a_revision_is_refused_by_name() {
    let server = Server::start(users()).await;
    let json = "SELECT '{\"a\": 1}'::JSON AS j, 1 AS one";
    for (revision, sql, said) in [
        (GO, "SELECT avgState(1) AS s, 1 AS one", "column s of type AggregateFunction(avg, UInt8)"),
        (GO, "SELECT 1::Dynamic AS d", "column d of type Dynamic"),
        (GO, json, "column j of type JSON"),
        ("54400", "SELECT 1", "54405 to 54491, not of 54400"),
        ("54492", "SELECT 1", "54405 to 54491, not of 54492"),
        ("x", "SELECT 1", "client_protocol_version is a number, not 'x'"),
    ] {
        let arguments = [("default_format", "Native"), ("client_protocol_version", revision)];
        let url = reqwest::Url::parse_with_params(&server.url, arguments).expect("a URL");
        let request = reqwest::Client::new().post(url).body(sql);
        let request = request.basic_auth("analyst", Some(password("analyst")));
        let refused = Reply::of(request.send().await).await;
        assert!([501, 400].contains(&refused.status), "{sql}: {}", refused.status);
        assert!(refused.text.contains(said), "{sql}: {}", refused.text);
    }
    // In other formats a revision means nothing.
    let text = [("client_protocol_version", "54492")];
    assert_eq!(ask(&server, &text, "SELECT 1").await, b"1\n");
    // As texts, JSON goes; and the client for Python reads it as the engine writes it.
    let as_text = [
        ("default_format", "Native"),
        ("client_protocol_version", GO),
        ("output_format_native_write_json_as_string", "1"),
    ];
    let found = ask(&server, &as_text, json).await;
    let expected = b"\x02\x01\x01j\x04JSON\0\x01\0\0\0\0\0\0\0\x07{\"a\":1}\x03one\x05UInt8\0\x01";
    assert_eq!(found, [INFO, expected].concat());
    let bare = native(&server, "0", json).await;
    assert_eq!(native(&server, PYTHON, json).await, [INFO, &bare].concat());
    server.stop().await;
}

/// What frames hold. A checksum is of all that follows it.
fn unframed(mut frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !frames.is_empty() {
        let (checksum, frame) = frames.split_at(16);
        let number = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().expect("four"));
        let (packed, len) = (number(1) as usize, number(5));
        let (frame, rest) = frame.split_at(packed);
        assert_eq!(checksum, sum(frame));
        assert_eq!(frame[0], 0x82, "LZ4");
        let piece = lz4::block::decompress(&frame[9..], Some(len as i32)).expect("LZ4");
        out.extend(piece);
        frames = rest;
    }
    out
}

fn sum(frame: &[u8]) -> [u8; 16] {
    cityhash_rs::cityhash_102_128(frame).rotate_right(64).to_le_bytes()
}

fn framed(data: &[u8]) -> Vec<u8> {
    let packed = lz4::block::compress(data, None, false).expect("LZ4");
    let lens = [9 + packed.len(), data.len()].map(|len| (len as u32).to_le_bytes());
    let frame = [&[0x82], lens.concat().as_slice(), &packed].concat();
    [sum(&frame).as_slice(), &frame].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_errors_come_in_frames_when_asked() {
    let server = Server::start(users()).await;
    for sql in ["SELECT 'hello'", "SELECT number FROM numbers(3000000)"] {
        for format in ["Native", "TSV"] {
            let plain = [("default_format", format), ("client_protocol_version", GO)];
            let framed = [plain[0], plain[1], ("compress", "1")];
            let expected = ask(&server, &plain, sql).await;
            let found = ask(&server, &framed, sql).await;
            assert!(sql.len() < 30 || found.len() < expected.len(), "{}", found.len());
            assert_eq!(unframed(&found), expected, "{sql}");
        }
    }
    let late = "SELECT throwIf(number = 2900000, 'late'), number FROM numbers(3000000)";
    let found = unframed(&ask(&server, &[("compress", "1")], late).await);
    let end = String::from_utf8_lossy(&found[found.len() - 500..]).into_owned();
    assert!(end.contains("__exception__") && end.contains("late"), "{end}");

    for (user, sql, status, said) in [
        ("analyst", "SELECT * FROM nowhere", 404, "Code: 60. DB::Exception: "),
        ("analyst", "INSERT INTO lab.nowhere VALUES (1)", 403, "Code: 164. DB::Exception: "),
        ("stranger", "SELECT 1", 403, "Code: 516. DB::Exception: "),
    ] {
        let url = format!("{}/?compress=1", server.url);
        let request = reqwest::Client::new().post(url).body(sql);
        let response = request.basic_auth(user, Some(password("analyst"))).send().await;
        let response = response.expect("a response");
        assert_eq!(response.status(), status, "{sql}");
        let text = unframed(&response.bytes().await.expect("a body"));
        assert!(text.starts_with(said.as_bytes()), "{}", String::from_utf8_lossy(&text));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_taken_in_frames() {
    let server = Server::start(HttpOptions::default()).await;
    server.sql("CREATE DATABASE lab").await;
    server.sql("CREATE TABLE lab.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id").await;
    let arguments =
        [("query", "INSERT INTO lab.t FORMAT TSV"), ("decompress", "1"), ("compress", "1")];
    let rows: String = (0..200_000).map(|id| format!("{id}\tname\n")).collect();
    let frames: Vec<u8> = rows.as_bytes().chunks(70_000).flat_map(framed).collect();
    let cut = server.post(&arguments, frames[..frames.len() - 1].to_vec()).await;
    assert_eq!(cut.status, 400, "{}", cut.text);
    assert_eq!(server.sql("SELECT count() FROM lab.t").await, "0\n");
    let taken = server.post(&arguments, frames).await;
    assert_eq!((taken.status, taken.text.as_str()), (200, ""));
    assert_eq!(server.sql("SELECT count(), sum(id) FROM lab.t").await, "200000\t19999900000\n");
    server.stop().await;
}
