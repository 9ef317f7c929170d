//! The engine behind ClickHouse's HTTP interface, asked the way curl and the official client ask it.
//! Needs the engine library (scripts/fetch-engine); each test has an engine and a folder of its own.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
#![expect(clippy::await_holding_lock, reason = "one engine at a time is the point of the lock")]

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clickhouse::Row;
use derms_engine::{Engine, HttpOptions, User, find_library};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The library allows one open engine per process.
static ONE_ENGINE: Mutex<()> = Mutex::new(());
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    url: String,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    folder: tempfile::TempDir,
    lock: MutexGuard<'static, ()>,
}

/// What a stopped server leaves: its data, and the right to open another.
struct Stopped {
    folder: tempfile::TempDir,
    lock: MutexGuard<'static, ()>,
}

fn library() -> PathBuf {
    let set = std::env::var_os("DERMS_CHDB_LIB").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    find_library(set.as_deref(), None, cache.as_deref()).expect("the engine library")
}

impl Server {
    async fn start(options: HttpOptions) -> Self {
        let lock = ONE_ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, lock, options).await
    }

    async fn start_in(
        folder: tempfile::TempDir,
        lock: MutexGuard<'static, ()>,
        options: HttpOptions,
    ) -> Self {
        let engine = Engine::open(&library(), folder.path()).expect("the engine opens");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { engine.serve(listener, options, stop).await });
        Self { url, shutdown, task, folder, lock }
    }

    async fn stop(self) -> Stopped {
        self.shutdown.cancel();
        self.task.await.expect("the server's task").expect("an orderly end");
        Stopped { folder: self.folder, lock: self.lock }
    }

    fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(&self.url)
    }

    async fn post(&self, arguments: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Reply {
        let url = reqwest::Url::parse_with_params(&self.url, arguments).expect("a URL");
        Reply::of(reqwest::Client::new().post(url).body(body).send().await).await
    }

    async fn sql(&self, sql: &str) -> String {
        let reply = self.post(&[], sql.to_owned()).await;
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text);
        reply.text
    }
}

struct Reply {
    status: u16,
    code: Option<String>,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    async fn of(response: reqwest::Result<reqwest::Response>) -> Self {
        let response = response.expect("a response");
        let headers = response.headers().clone();
        let code = headers
            .get("x-clickhouse-exception-code")
            .map(|code| code.to_str().expect("a number").to_owned());
        let status = response.status().as_u16();
        Self { status, code, headers, text: response.text().await.expect("a body") }
    }
}

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
    let setting = "SELECT getSetting('max_block_size')";
    assert_eq!(server.post(&[("max_block_size", "77")], setting).await.text, "77\n");
    server.sql("SET max_block_size = 78").await;
    assert_ne!(server.sql(setting).await, "78\n");
    server.sql("CREATE DATABASE `odd ``name`").await;
    let database = "SELECT currentDatabase()";
    assert_eq!(server.post(&[("database", "odd `name")], database).await.text, "odd `name\n");
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
async fn users_are_checked_and_a_reader_cannot_write() {
    let user = |name: &str, read_only| User {
        name: name.into(),
        password: format!("{name}-secret"),
        read_only,
        limits: vec![("max_result_rows".into(), "10".into())],
    };
    let options = HttpOptions {
        users: vec![user("writer", false), user("analyst", true)],
        ..HttpOptions::default()
    };
    let server = Server::start(options).await;
    let refused = server.post(&[], "SELECT 1").await;
    assert_eq!((refused.status, refused.code.as_deref()), (403, Some("516")));
    assert!(refused.text.starts_with("Code: 516. DB::Exception: "), "{}", refused.text);
    let analyst = server.client().with_user("analyst").with_password("analyst-secret");
    assert_eq!(analyst.query("SELECT 1").fetch_one::<u8>().await.expect("allowed"), 1);
    let create = "CREATE DATABASE lab";
    let error = analyst.query(create).execute().await.expect_err("read only");
    assert!(error.to_string().contains("Code: 164"), "{error}");
    let many = analyst.query("SELECT number FROM numbers(1000)").fetch_all::<u64>().await;
    assert!(many.expect_err("limited").to_string().contains("Code: 396"));
    let basic =
        reqwest::Client::new().post(&server.url).basic_auth("writer", Some("writer-secret"));
    assert_eq!(Reply::of(basic.body(create).send().await).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_a_restart_and_the_folder_has_one_owner() {
    let server = Server::start(HttpOptions::default()).await;
    lab(&server).await;
    server.sql("INSERT INTO lab.readings VALUES (1, 'kept', NULL)").await;
    let again = Engine::open(&library(), server.folder.path());
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
