//! The interface closed to strangers, and to what its users have no business with: files, networks, processes, and more
//! of the machine than their share.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
#![expect(clippy::await_holding_lock, reason = "one engine at a time is the point of the lock")]

mod server;

use std::collections::BTreeSet;
use std::time::Duration;

use server::{Reply, Server, password, users};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);
const USERS: [&str; 2] = ["writer", "analyst"];

async fn lab() -> Server {
    let server = Server::start(users()).await;
    for sql in [
        "CREATE DATABASE IF NOT EXISTS lab",
        "CREATE TABLE lab.t (a String, n UInt64) ENGINE = MergeTree ORDER BY n",
    ] {
        let reply = server.as_user("writer", sql).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    server
}

/// The names that a system table lists.
async fn names(server: &Server, table: &str) -> BTreeSet<String> {
    let reply = server.as_user("analyst", format!("SELECT name FROM system.{table}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn denied(reply: &Reply, what: &str) {
    let code = reply.code.as_deref();
    assert!(matches!(code, Some("497" | "164")), "{what}: {} {}", reply.status, reply.text);
    assert_eq!(reply.status, 403, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_table_functions_only_those_of_a_list_are_reachable() {
    let reachable = BTreeSet::from([
        "SQLStandardValues",
        "generateSeries",
        "generate_series",
        "mergeTreeIndex",
        "mergeTreeProjection",
        "numbers",
        "numbers_mt",
        "primes",
        "view",
        "viewIfPermitted",
        "zeros",
        "zeros_mt",
    ]);
    let server = lab().await;
    let all = names(&server, "table_functions").await;
    assert!(all.len() > 80, "{all:?}");
    for name in all.iter().filter(|name| !reachable.contains(name.as_str())) {
        // With arguments that each of them can take for its own: a format, a structure, rows.
        let call = format!("{name}('TSV', 'a String', '1')");
        for user in USERS {
            for sql in [
                format!("SELECT * FROM {call}"),
                format!("SELECT * FROM (SELECT * FROM `{name}`('x'))"),
                format!("INSERT INTO FUNCTION {call} SELECT '1'"),
                format!("CREATE TABLE lab.x AS {call}"),
                format!("CREATE VIEW lab.v AS SELECT * FROM {call}"),
            ] {
                denied(&server.as_user(user, sql.clone()).await, &format!("{user}: {sql}"));
            }
        }
    }
    for sql in ["SELECT * FROM numbers(2)", "SELECT * FROM view(SELECT 1)"] {
        assert_eq!(server.as_user("analyst", sql).await.status, 200, "{sql}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_table_engines_only_those_of_a_list_make_tables() {
    let allowed = [
        "AggregatingMergeTree",
        "CollapsingMergeTree",
        "MaterializedView",
        "MergeTree",
        "ReplacingMergeTree",
        "SummingMergeTree",
        "VersionedCollapsingMergeTree",
        "View",
    ];
    let server = lab().await;
    let all = names(&server, "table_engines").await;
    assert!(all.len() > 60, "{all:?}");
    for name in &all {
        let sql = format!("CREATE TABLE lab.`of {name}` (a Int8) ENGINE = {name} ORDER BY a");
        let reply = server.as_user("writer", sql.clone()).await;
        if allowed.contains(&name.as_str()) {
            assert_ne!(reply.code.as_deref(), Some("497"), "{name}: {}", reply.text);
        } else {
            denied(&reply, name);
            let plain = format!("CREATE TABLE lab.x (a Int8) ENGINE = `{name}`('x')");
            denied(&server.as_user("writer", plain).await, name);
        }
        denied(&server.as_user("analyst", sql).await, name);
    }
    for name in names(&server, "database_engines").await {
        let sql = format!("CREATE DATABASE other ENGINE = {name}('x')");
        denied(&server.as_user("writer", sql).await, &name);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reaches_a_file_the_network_a_process_or_the_server_itself() {
    let server = lab().await;
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "the-secret-of-another\n").expect("written");
    let path = secret.path().display();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let out = out.display();
    let sources = [
        "FILE(path '/x' format 'TSV')",
        "EXECUTABLE(command 'id' format 'TSV')",
        "HTTP(url 'http://127.0.0.1:1' format 'TSV')",
        "MYSQL(host 'x')",
        "CLICKHOUSE(host 'x')",
        "NULL()",
    ];
    let dictionaries = sources.map(|source| format!("CREATE DICTIONARY lab.d (a UInt64) PRIMARY KEY a SOURCE({source}) LAYOUT(FLAT()) LIFETIME(1)"));
    let others = [
        format!("SELECT file('{path}')"),
        format!("SELECT `f\\x69le`('{path}')"),
        format!("SELECT * APPLY(file) FROM (SELECT '{path}' AS x)"),
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM `default`.`{path}`"),
        format!("SELECT b FROM generateRandom('a Int8, b String ALIAS file(\\'{path}\\')') LIMIT 1"),
        format!("SELECT 1 FROM system.one SETTINGS additional_table_filters = {{'system.one': 'throwIf(1, file(\\'{path}\\'))'}}"),
        format!("SELECT 1 AS a FORMAT Template SETTINGS format_template_row = '{path}'"),
        format!("INSERT INTO lab.t (a) FROM INFILE '{path}' FORMAT LineAsString"),
        format!("INSERT INTO lab.t (a) VALUES (file('{path}'))"),
        format!("INSERT INTO lab.t (a) SELECT file('{path}')"),
        format!("CREATE VIEW lab.v AS SELECT file('{path}') AS x"),
        format!("CREATE TABLE lab.x (a String DEFAULT file('{path}')) ENGINE = MergeTree ORDER BY a"),
        format!("ALTER TABLE lab.t ADD COLUMN b String DEFAULT file('{path}')"),
        format!("SELECT 1 INTO OUTFILE '{out}'"),
        format!("INSERT INTO FUNCTION file('{out}', TSV, 'a String') SELECT '1'"),
        format!("CREATE TABLE lab.x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'local', path = '{out}')"),
        "CREATE TABLE lab.x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'web', endpoint = 'http://127.0.0.1:1/')".into(),
        format!("BACKUP DATABASE lab TO File('{out}')"),
        format!("RESTORE DATABASE lab FROM File('{out}')"),
        format!("ATTACH TABLE lab.y FROM '{out}' (a Int8) ENGINE = MergeTree ORDER BY a"),
        "ALTER TABLE lab.t FREEZE".into(),
        "ALTER TABLE lab.t MODIFY SETTING disk = 'x'".into(),
        "ALTER TABLE lab.t FETCH PARTITION ALL FROM '/x'".into(),
        "SYSTEM SHUTDOWN".into(),
        "SYSTEM DROP MARK CACHE".into(),
        "KILL QUERY WHERE 1".into(),
        "CREATE FUNCTION f AS x -> x".into(),
        "CREATE NAMED COLLECTION c AS a = 1".into(),
        "CREATE USER u".into(),
        "GRANT ALL ON *.* TO default".into(),
        "EXECUTE AS default SELECT 1".into(),
        "CREATE TEMPORARY TABLE x (a Int8)".into(),
        "CREATE DATABASE other".into(),
        "DROP DATABASE lab".into(),
        "CREATE TABLE default.x (a Int8) ENGINE = MergeTree ORDER BY a".into(),
        "SELECT * FROM system.stack_trace".into(),
        "SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1".into(),
    ];
    for sql in dictionaries.into_iter().chain(others) {
        for user in USERS {
            let reply = server.as_user(user, sql.clone()).await;
            assert!(reply.status >= 400, "{user}: {sql}: {}", reply.text);
            assert!(!reply.text.contains("the-secret"), "{user}: {sql}: {}", reply.text);
        }
    }
    let stored = server.as_user("writer", "SELECT * FROM lab.t").await;
    assert_eq!((stored.status, stored.text.as_str()), (200, ""), "nothing of it was stored");
    assert!(
        std::fs::read_dir(folder.path()).expect("a folder").next().is_none(),
        "a file was written"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_raises_a_cap() {
    let server = lab().await;
    for (setting, value) in [
        ("max_memory_usage", "0"),
        ("max_memory_usage", "999999999999"),
        ("max_threads", "1000"),
        ("max_execution_time", "0"),
        ("max_execution_time", "100000"),
        ("max_result_rows", "0"),
        ("max_result_bytes", "0"),
        ("result_overflow_mode", "break"),
        ("max_parser_depth", "0"),
        ("max_parser_depth", "100000"),
        ("max_query_size", "0"),
        ("max_ast_depth", "0"),
        ("max_temporary_data_on_disk_size_for_query", "0"),
        ("dialect", "prql"),
        ("format_schema", "/etc/passwd:X"),
    ] {
        let assignment = format!("{setting} = '{value}'");
        for sql in [
            format!("SET {assignment}"),
            format!("SELECT 1 SETTINGS {assignment}"),
            format!("SELECT 1 SETTINGS profile = 'default', {assignment}"),
        ] {
            for user in USERS {
                let reply = server.as_user(user, sql.clone()).await;
                assert_eq!(reply.code.as_deref(), Some("452"), "{user}: {sql}: {}", reply.text);
            }
        }
        for sql in [
            format!("SELECT * FROM (SELECT 1 SETTINGS {assignment})"),
            format!("SELECT 1 SETTINGS {assignment} UNION ALL SELECT 2"),
            format!("CREATE VIEW lab.v AS SELECT 1 SETTINGS {assignment}"),
            format!("EXPLAIN SELECT 1 SETTINGS {assignment}"),
        ] {
            denied(&server.as_user("writer", sql.clone()).await, &sql);
        }
        let url = reqwest::Url::parse_with_params(&server.url, [(setting, value)]).expect("a URL");
        let request =
            reqwest::Client::new().post(url).basic_auth("writer", Some(password("writer")));
        let reply = Reply::of(request.body("SELECT 1").send().await).await;
        assert_eq!(reply.code.as_deref(), Some("452"), "{setting} in the URL: {}", reply.text);
        let form =
            "--b\r\ncontent-disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b\r\n";
        let form = format!(
            "{form}content-disposition: form-data; name=\"{setting}\"\r\n\r\n{value}\r\n--b--\r\n"
        );
        let request = reqwest::Client::new().post(&server.url).body(form);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let request = request.basic_auth("writer", Some(password("writer")));
        let reply = Reply::of(request.send().await).await;
        assert_eq!(reply.code.as_deref(), Some("452"), "{setting} in a form: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_too_much_is_an_error_and_the_engine_goes_on() {
    const DEEP: usize = 100_000;
    let server = lab().await;
    let nested =
        |open: &str, close: &str| format!("SELECT {}1{}", open.repeat(DEEP), close.repeat(DEEP));
    for sql in [
        nested("(", ")"),
        nested("[", "]"),
        nested("f(", ")"),
        nested("NOT ", ""),
        nested("CASE WHEN 1 THEN ", " END"),
        format!("SELECT 1{}", "+1".repeat(DEEP)),
        format!("SELECT * FROM {}system.one{}", "(SELECT * FROM ".repeat(DEEP), ")".repeat(DEEP)),
        format!("SELECT formatQuery('SELECT {}1{}')", "(".repeat(DEEP), ")".repeat(DEEP)),
        format!("SELECT CAST('', '{}Int8{}')", "Array(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT '{}'", "x".repeat(600 << 10)),
        "SELECT length(groupArray(number)) FROM numbers(1000000000)".into(),
        "SELECT repeat('x', 1000000000)".into(),
        "SELECT number FROM numbers(100000000)".into(),
        "SELECT sum(number) FROM system.numbers SETTINGS max_execution_time = 1".into(),
        "WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a FROM x) SELECT count() FROM x"
            .into(),
    ] {
        let reply = server.as_user("analyst", sql.clone()).await;
        // An answer that is under way tells its error at the end.
        let failed = reply.status >= 400 || reply.text.contains("__exception__");
        assert!(failed, "{}: {}", &sql[..60.min(sql.len())], reply.status);
        assert_eq!(server.as_user("analyst", "SELECT 1").await.text, "1\n");
    }
    server.stop().await;
}

/// The memory of all statements together is bounded, not only that of each.
#[tokio::test(flavor = "multi_thread")]
async fn greedy_statements_together_are_refused_before_the_machine_is_out_of_memory() {
    let server = lab().await;
    let before = resident_bytes();
    let greedy = "SELECT uniqExact(number) FROM numbers(40000000)";
    let asked = (0..12).map(|_| server.as_user("writer", greedy));
    let watch = async {
        let mut most = 0;
        loop {
            most = resident_bytes().max(most);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                () = std::future::pending() => {}
            }
            if most > before + (5 << 30) {
                return most;
            }
        }
    };
    let replies = tokio::select! {
        replies = futures::future::join_all(asked) => replies,
        most = watch => panic!("{most} bytes"),
    };
    assert!(replies.iter().any(|reply| reply.code.as_deref() == Some("241")), "none was refused");
    assert_eq!(server.as_user("analyst", "SELECT 1").await.text, "1\n");
    server.stop().await;
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_and_web_pages_get_nothing() {
    let server = lab().await;
    let insert = "INSERT INTO lab.t VALUES ('by a web page', 1)";
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "evil.example:8123"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        // With a right password: a browser may have it stored.
        let request = reqwest::Client::new().post(&server.url).header(name, value);
        let request = request
            .basic_auth("writer", Some(password("writer")))
            .header("content-type", "text/plain");
        let reply = Reply::of(request.body(insert).send().await).await;
        assert_eq!(reply.status, 403, "{name}: {value}");
        let cors = reply.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!cors, "{:?}", reply.headers);
    }
    // Nor does a GET change anything, whoever sends it.
    let url = reqwest::Url::parse_with_params(&server.url, [("query", insert)]).expect("a URL");
    let get = reqwest::Client::new().get(url).basic_auth("writer", Some(password("writer")));
    assert_eq!(Reply::of(get.send().await).await.code.as_deref(), Some("164"));
    assert_eq!(server.as_user("writer", "SELECT count() FROM lab.t").await.text, "0\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_or_reads_slowly_starves_nobody() {
    let server = lab().await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let login = |user: &str| {
        format!("x-clickhouse-user: {user}\r\nx-clickhouse-key: {}\r\n", password(user))
    };
    let starts = [
        // Strangers who never end their headers, more of them than there may be connections.
        ("POST / HTTP/1.1\r\nhost: localhost\r\nx-trickle: ".to_owned(), 300),
        // Analysts and writers whose bodies never come.
        (
            format!(
                "POST / HTTP/1.1\r\nhost: localhost\r\n{}content-length: 100\r\n\r\nSEL",
                login("analyst")
            ),
            31,
        ),
        (
            format!(
                "POST /?query=INSERT+INTO+lab.t+FORMAT+TSV HTTP/1.1\r\nhost: localhost\r\n{}transfer-encoding: chunked\r\n\r\n",
                login("writer")
            ),
            40,
        ),
        // And one who asks for much and reads nothing.
        (
            format!(
                "GET /?query=SELECT+number,number+FROM+numbers(50000000) HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
                login("writer")
            ),
            4,
        ),
    ];
    let mut held = Vec::new();
    for (start, count) in starts {
        for _ in 0..count {
            let mut stream = TcpStream::connect(&address).await.expect("a connection");
            // It may have been sent away already.
            drop(stream.write_all(start.as_bytes()).await);
            held.push(stream);
        }
    }
    for user in USERS {
        let asked = server.as_user(user, "SELECT count() FROM lab.t");
        let reply = tokio::time::timeout(PATIENCE, asked).await.expect("an answer in time");
        assert_eq!(reply.text, "0\n", "{user}");
    }
    drop(held);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let server = lab().await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = [0; 12];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer));
    read.await.expect("an answer in time").expect("read");
    assert_eq!(&answer, b"HTTP/1.1 403");
    server.stop().await;
}
