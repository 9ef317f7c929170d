//! Backup and restore of a running engine.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
#![expect(clippy::await_holding_lock, reason = "one engine at a time is the point of the lock")]

mod server;

use server::{Reply, Server, Stopped, password, temporary_folder, users};

const SUMS: &str = "SELECT (SELECT (count(), sum(cityHash64(a, n))) FROM lab.t), (SELECT countMerge(c) FROM lab.total)";

async fn filled() -> Server {
    let server = Server::start(users()).await;
    for sql in [
        "CREATE DATABASE lab",
        "CREATE TABLE lab.t (a String, n UInt64) ENGINE = MergeTree ORDER BY n",
        "CREATE TABLE lab.total (k UInt8, c AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY k",
        "CREATE MATERIALIZED VIEW lab.total_mv TO lab.total AS SELECT 1 AS k, countState() AS c FROM lab.t GROUP BY k",
        "CREATE VIEW lab.v AS SELECT max(n) AS most FROM lab.t",
        "INSERT INTO lab.t SELECT toString(number), number FROM numbers(100000)",
    ] {
        ask(&server, sql).await;
    }
    server
}

async fn ask(server: &Server, sql: &str) -> String {
    let reply = server.as_user("writer", sql).await;
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text);
    reply.text
}

async fn post(server: &Server, path: &str, user: &str) -> Reply {
    let request = reqwest::Client::new().post(format!("{}{path}", server.url));
    Reply::of(request.basic_auth(user, Some(password(user))).send().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_is_restored_into_an_empty_engine() {
    let server = filled().await;
    let before = ask(&server, SUMS).await;
    let reply = post(&server, "/backup?name=monday", "writer").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let archive = reply.text.trim().to_owned();
    // What comes after the backup is not in it.
    ask(&server, "INSERT INTO lab.t VALUES ('later', 1)").await;
    let full = post(&server, "/restore?name=monday", "writer").await;
    assert!(full.text.contains("holds rows"), "{}", full.text);
    let Stopped { folder, lock } = server.stop().await;

    let empty = temporary_folder();
    let backups = empty.path().join("backups");
    std::fs::create_dir(&backups).expect("made");
    std::fs::copy(&archive, backups.join("monday.tar")).expect("copied");
    drop(folder);
    let server = Server::start_in(empty, lock, users()).await;
    let reply = post(&server, "/restore?name=monday", "writer").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(ask(&server, SUMS).await, before);
    // The views are at work.
    ask(&server, "INSERT INTO lab.t VALUES ('new', 7000000)").await;
    assert_eq!(ask(&server, "SELECT most FROM lab.v").await, "7000000\n");
    assert_eq!(ask(&server, "SELECT countMerge(c) FROM lab.total").await, "100001\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_the_writers_and_stays_in_its_folder() {
    let server = filled().await;
    assert_eq!(post(&server, "/backup?name=x", "analyst").await.code.as_deref(), Some("497"));
    assert_eq!(post(&server, "/restore?name=x", "analyst").await.code.as_deref(), Some("497"));
    for name in ["..%2Fx", "a%2Fb", "", "a.b", "%00"] {
        let reply = post(&server, &format!("/backup?name={name}"), "writer").await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
    }
    assert_eq!(post(&server, "/backup?name=x", "writer").await.status, 200);
    let again = post(&server, "/backup?name=x", "writer").await;
    assert_ne!(again.status, 200, "a backup is never written over");
    assert!(post(&server, "/restore?name=none", "writer").await.status >= 400);
    server.stop().await;
}
