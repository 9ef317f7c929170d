//! The engine behind ClickHouse's HTTP interface, asked the way curl and the official client ask it.
//! Needs the engine library (scripts/fetch-engine); each test has an engine and a folder of its own.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
#![expect(clippy::await_holding_lock, reason = "one engine at a time is the point of the lock")]

mod server;

use std::time::{Duration, Instant};

use clickhouse::Row;
use derms_engine::{Engine, HttpOptions};
use serde::{Deserialize, Serialize};
use server::{DATABASE, Reply, Server, Stopped, engine_options, library, password, users};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Row, Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Reading {
    id: u64,
    name: String,
    watts: Option<i64>,
}

const READINGS: &str = "CREATE TABLE lab.readings (id UInt64, name String, watts Nullable(Int64)) \
     ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100";

async fn lab(server: &Server) {
    server.sql("CREATE DATABASE IF NOT EXISTS lab").await;
    server.sql(READINGS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_as_a_clickhouse_server_does() {
    let server = Server::start(HttpOptions::default()).await;
    for path in ["/ping", "/replicas_status", "/"] {
        let reply = Reply::of(reqwest::get(format!("{}{path}", server.url)).await).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, "Ok.\n"));
    }
    assert_eq!(server.post(&[("query", "SELECT 1")], "").await.text, "1\n");
    assert_eq!(server.post(&[("query", "SELECT 1,")], "2").await.text, "1\t2\n");
    let json = server
        .post(&[("default_format", "JSONEachRow"), ("query_id", "mine")], "SELECT 1 AS one")
        .await;
    assert_eq!(json.text, "{\"one\":1}\n");
    assert_eq!(json.headers["x-clickhouse-query-id"], "mine");
    assert_eq!(json.headers["x-clickhouse-format"], "JSONEachRow");

    let missing = server.post(&[], "SELECT * FROM nowhere").await;
    assert_eq!((missing.status, missing.code.as_deref()), (404, Some("60")));
    assert!(missing.text.starts_with("Code: 60. DB::Exception: "), "{}", missing.text);
    let unknown = server.post(&[("no_such_setting", "1")], "SELECT 1").await;
    assert_eq!(unknown.code.as_deref(), Some("115"), "{}", unknown.text);
    let two = server.post(&[], "SELECT 1; SELECT 2").await;
    assert_eq!(two.code.as_deref(), Some("62"), "{}", two.text);
    let over_get = server.url.clone() + "/?query=CREATE%20DATABASE%20x";
    assert_eq!(Reply::of(reqwest::get(over_get).await).await.code.as_deref(), Some("164"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_sessions_do_not_outlive_their_statement() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    let setting = "SELECT getSetting('max_block_size')";
    assert_eq!(server.post(&[("max_block_size", "77")], setting).await.text, "77\n");
    server.sql("SET max_block_size = 78").await;
    assert_ne!(server.sql(setting).await, "78\n");
    let database = "SELECT currentDatabase()";
    assert_eq!(server.post(&[("database", DATABASE)], database).await.text, "lab\n");
    let odd = server.post(&[("database", "odd `name")], database).await;
    assert_eq!(odd.code.as_deref(), Some("497"), "{}", odd.text);
    assert!(odd.text.contains("odd \\`name"), "{}", odd.text);
    assert_eq!(server.sql(database).await, "default\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_bound_from_url_and_form() {
    let server = Server::start(HttpOptions::default()).await;
    let sql = "SELECT {a:String} || toString({b:UInt8} + 1)";
    let reply = server.post(&[("param_a", "it's; "), ("param_b", "41")], sql).await;
    assert_eq!(reply.text, "it\\'s; 42\n");
    let found: String = server
        .client()
        .query("SELECT {a:String}")
        .param("a", "'quote\\ \n tab\t")
        .fetch_one()
        .await
        .expect("an answer");
    assert_eq!(found, "'quote\\ \n tab\t");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_writes_and_reads_with_and_without_validation() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    let rows: Vec<Reading> = (0..1000)
        .map(|id| Reading { id, name: format!("r{id}"), watts: (id % 3 > 0).then_some(-5) })
        .collect();
    for validation in [true, false] {
        let client = server.client().with_database("lab").with_validation(validation);
        client.query("TRUNCATE TABLE readings").execute().await.expect("truncated");
        let mut insert = client.insert::<Reading>("readings").await.expect("an insert");
        for row in &rows {
            insert.write(row).await.expect("written");
        }
        insert.end().await.expect("committed");
        let sql = "SELECT ?fields FROM readings ORDER BY id";
        let read: Vec<Reading> = client.query(sql).fetch_all().await.expect("rows");
        assert_eq!(read, rows);
    }
    let error = server.client().query("SELECT nope").fetch_one::<u8>().await;
    assert!(error.expect_err("no such column").to_string().contains("Code: 47"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_insert_is_one_part_and_a_repeated_token_adds_nothing() {
    const ROWS: u64 = 200_000;
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    server
        .sql("CREATE TABLE lab.total (k UInt8, n AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100")
        .await;
    server
        .sql("CREATE MATERIALIZED VIEW lab.total_mv TO lab.total AS SELECT 1 AS k, countState() AS n FROM lab.readings GROUP BY k")
        .await;
    let body: String = (0..ROWS).map(|id| format!("{id}\tname\t1\n")).collect();
    let arguments = [
        ("query", "INSERT INTO lab.readings FORMAT TabSeparated"),
        ("insert_deduplication_token", "derms.telemetry/3/100-200"),
    ];
    for _ in 0..2 {
        let reply = server.post(&arguments, body.clone()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let summary = "SELECT count(), uniqExact(id), uniqExact(_part) FROM lab.readings";
    assert_eq!(server.sql(summary).await, format!("{ROWS}\t{ROWS}\t1\n"));
    assert_eq!(server.sql("SELECT countMerge(n) FROM lab.total").await, format!("{ROWS}\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_and_inline_rows_are_taken() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    // Other rows each time: the table drops a block that it has seen.
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, b"1,one,1\n2,two,2\n").expect("in memory");
        encoder.finish().expect("in memory")
    };
    let lz4 = {
        let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).expect("an encoder");
        std::io::Write::write_all(&mut encoder, b"10,one,1\n20,two,2\n").expect("in memory");
        encoder.finish().0
    };
    let zstd = zstd::encode_all(b"100,one,1\n200,two,2\n".as_slice(), 1).expect("in memory");
    for (encoding, body) in [("gzip", gzip), ("lz4", lz4), ("zstd", zstd)] {
        let query = [("query", "INSERT INTO lab.readings FORMAT CSV")];
        let url = reqwest::Url::parse_with_params(&server.url, query).expect("a URL");
        let request = reqwest::Client::new().post(url).header("content-encoding", encoding);
        let reply = Reply::of(request.body(body).send().await).await;
        assert_eq!(reply.status, 200, "{encoding}: {}", reply.text);
    }
    server.sql("INSERT INTO lab.readings FORMAT JSONEachRow\n{\"id\":3,\"name\":\"three\",\"watts\":null}").await;
    server.sql("INSERT INTO lab.readings VALUES (4, 'four', 4)").await;
    server.sql("INSERT INTO lab.readings SELECT 5, 'five', 5").await;
    assert_eq!(server.sql("SELECT count(), sum(id) FROM lab.readings").await, "9\t345\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_whose_client_goes_away_stores_nothing() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    let chunks = futures::stream::iter([
        Ok("1\tone\t1\n".repeat(100_000)),
        Err(std::io::Error::other("the client dies")),
    ]);
    let query = [("query", "INSERT INTO lab.readings FORMAT TSV")];
    let url = reqwest::Url::parse_with_params(&server.url, query).expect("a URL");
    let body = reqwest::Body::wrap_stream(chunks);
    assert!(reqwest::Client::new().post(url).body(body).send().await.is_err());
    until_running(&server, 1).await;
    assert_eq!(server.sql("SELECT count() FROM lab.readings").await, "0\n");
    let bad = server.post(&query, "1\tone\t1\nnot a row\n").await;
    assert_eq!(bad.status, 400, "{}", bad.text);
    assert_eq!(server.sql("SELECT count() FROM lab.readings").await, "0\n");
    server.stop().await;
}

/// Waits until so many statements run, this one included.
async fn until_running(server: &Server, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while server.sql("SELECT count() FROM system.processes").await != format!("{count}\n") {
        assert!(Instant::now() < deadline, "not {count} statements");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_client_goes_away_is_cancelled() {
    let server = Server::start(HttpOptions::default()).await;
    let endless = server.post(&[], "SELECT sum(number) FROM system.numbers");
    tokio::select! {
        _ = endless => panic!("an endless query ended"),
        () = until_running(&server, 2) => {}
    }
    until_running(&server, 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_stream_and_a_late_error_reaches_the_client() {
    let server = Server::start(HttpOptions::default()).await;
    let mut cursor = server
        .client()
        .query("SELECT number FROM numbers(3000000)")
        .fetch::<u64>()
        .expect("a cursor");
    let mut expected = 0;
    while let Some(number) = cursor.next().await.expect("a row") {
        assert_eq!(number, expected);
        expected += 1;
    }
    assert_eq!(expected, 3_000_000);
    let json = server.sql("SELECT number FROM numbers(200000) FORMAT JSONCompact").await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("one document");
    assert_eq!(json["data"].as_array().map(Vec::len), Some(200_000));
    let sql = "SELECT throwIf(number = 2900000, 'late') FROM numbers(3000000)";
    let error = server.client().query(sql).fetch_all::<u8>().await.expect_err("it throws");
    assert!(error.to_string().contains("late"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_checked_and_an_analyst_only_reads() {
    let server = Server::start(users()).await;
    for (user, key) in [("default", ""), ("analyst", ""), ("analyst", "writer-secret")] {
        let request = reqwest::Client::new().post(&server.url).body("SELECT 1");
        let request = request.header("x-clickhouse-user", user).header("x-clickhouse-key", key);
        let refused = Reply::of(request.send().await).await;
        assert_eq!((refused.status, refused.code.as_deref()), (403, Some("516")), "{user}");
        assert!(refused.text.starts_with("Code: 516. DB::Exception: "), "{}", refused.text);
    }
    assert_eq!(server.as_user("writer", "CREATE DATABASE lab").await.status, 200);
    assert_eq!(server.as_user("writer", READINGS).await.status, 200);
    let analyst = server.client().with_user("analyst").with_password(password("analyst"));
    assert_eq!(
        analyst
            .query("SELECT count() FROM lab.readings")
            .fetch_one::<u64>()
            .await
            .expect("allowed"),
        0
    );
    for sql in [
        "CREATE TABLE lab.t (a Int8) ENGINE = MergeTree ORDER BY a",
        "DROP TABLE lab.readings",
        "INSERT INTO lab.readings VALUES (1, 'x', 1)",
    ] {
        let refused = server.as_user("analyst", sql).await;
        assert_eq!(
            (refused.status, refused.code.as_deref()),
            (403, Some("164")),
            "{sql}: {}",
            refused.text
        );
    }
    server.stop().await;
}

/// What the usual clients send along (clickhouse-connect, the official client for Go, Grafana) is no error for an
/// analyst: it does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_clients_send_along_are_taken_from_an_analyst() {
    let server = Server::start(users()).await;
    let harmless = [
        ("session_id", "x"),
        ("database", "default"),
        ("client_protocol_version", "54405"),
        ("wait_end_of_query", "1"),
        ("send_progress_in_http_headers", "1"),
        ("cancel_http_readonly_queries_on_client_close", "1"),
        ("enable_http_compression", "1"),
        ("date_time_input_format", "best_effort"),
        ("output_format_json_quote_64bit_integers", "0"),
        ("max_execution_time", "30"),
        ("max_block_size", "65000"),
        ("readonly", "2"),
        ("add_http_cors_header", "1"),
        ("http_write_exception_in_output_format", "0"),
    ];
    let url = reqwest::Url::parse_with_params(&server.url, harmless).expect("a URL");
    for method in [reqwest::Method::POST, reqwest::Method::GET] {
        let mut url = url.clone();
        if method == reqwest::Method::GET {
            url.query_pairs_mut().append_pair("query", "SELECT 1");
        }
        let request = reqwest::Client::new().request(method.clone(), url);
        let request = request.basic_auth("analyst", Some(password("analyst")));
        let body = if method == reqwest::Method::GET { "" } else { "SELECT 1" };
        let reply = Reply::of(request.body(body).send().await).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, "1\n"), "{method}");
        let cors = reply.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!cors, "{:?}", reply.headers);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_a_restart_and_the_folder_has_one_owner() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    server.sql("INSERT INTO lab.readings VALUES (1, 'kept', NULL)").await;
    let again = Engine::open(&library(), server.folder.path(), &engine_options());
    assert!(again.is_err_and(|error| error.to_string().contains("in use")));
    let Stopped { folder, lock } = server.stop().await;
    let server = Server::start_in(folder, lock, HttpOptions::default()).await;
    assert_eq!(server.sql("SELECT * FROM lab.readings").await, "1\tkept\t\\N\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_endless_statements() {
    let server = Server::start(HttpOptions::default()).await;
    let url = server.url.clone();
    let endless = tokio::spawn(async move {
        reqwest::Client::new().post(url).body("SELECT sum(number) FROM system.numbers").send().await
    });
    until_running(&server, 2).await;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(endless.await);
}
