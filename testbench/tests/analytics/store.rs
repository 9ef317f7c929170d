//! ClickHouse's engine, empty or with every migration and the example in it, gone when dropped.

use std::path::Path;
use std::time::Duration;

use schemas::clickhouse::{MIGRATIONS, statements};
use tempfile::TempDir;
use testbench::curl::curl;
use testbench::port::free_port;
use testbench::service::Service;
use testbench::wait;

use crate::example;

const SOON: Duration = Duration::from_secs(60);

/// The one database of an engine.
pub(crate) const DATABASE: &str = "derms";

pub(crate) struct Store {
    folder: TempDir,
    url: String,
    _service: Service,
}

impl Store {
    /// The engine with nothing in it.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port().expect("a port").to_string();
        let data = folder.path().join("data").display().to_string();
        let arguments = ["clickhouse", "--data", &data, "--port", &port];
        let service = Service::start("derms", &arguments, &[], folder.path()).expect("the engine");
        let store = Self { folder, url: format!("http://127.0.0.1:{port}"), _service: service };
        let ping = format!("{}/ping", store.url);
        wait::until("the engine answers", SOON, || (curl(&[&ping]).0 == 200).then_some(()))
            .expect("it does");
        store
    }

    pub(crate) fn with_example() -> Self {
        let store = Self::empty();
        store.ask("default", "CREATE DATABASE IF NOT EXISTS derms");
        // Twice: every statement is safe to run again.
        for migration in MIGRATIONS.iter().chain(MIGRATIONS) {
            for statement in statements(migration.sql) {
                store.ask(DATABASE, &statement);
            }
        }
        for (table, rows) in example::rows() {
            let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
            store.ask(
                DATABASE,
                &format!("INSERT INTO {table} FORMAT JSONEachRow\n{}", lines.join("\n")),
            );
        }
        store
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A folder that goes with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Removes every table and view: an engine has one database.
    pub(crate) fn clear(&self) {
        let all = "SELECT engine IN ('View', 'MaterializedView'), name FROM system.tables
                   WHERE database = 'derms' ORDER BY engine != 'MaterializedView', engine != 'View', name";
        for row in lines(&self.ask("default", all)).into_iter().skip(1) {
            let kind = if row[0] == "1" { "VIEW" } else { "TABLE" };
            self.ask(DATABASE, &format!("DROP {kind} `{}` SYNC", row[1]));
        }
    }

    /// Sends a statement, and gives the answer.
    pub(crate) fn ask(&self, database: &str, sql: &str) -> String {
        self.ask_as(&format!("database={database}&default_format=TSVWithNames"), sql)
    }

    /// Sends a statement with these words in its address, and gives the answer.
    pub(crate) fn ask_as(&self, words: &str, sql: &str) -> String {
        let file = self.folder.path().join("statement");
        std::fs::write(&file, sql).expect("written");
        let body = format!("@{}", file.display());
        let url = format!("{}/?{words}", self.url);
        let (status, answer) = curl(&["--data-binary", &body, &url]);
        assert_eq!(status, 200, "{sql}\n{answer}");
        answer
    }

    /// An answer: a row of names, then rows.
    pub(crate) fn table(&self, sql: &str) -> Vec<Vec<String>> {
        lines(&self.ask(DATABASE, sql))
    }

    /// An answer without its names.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.table(sql).into_iter().skip(1).collect()
    }

    /// The only number of an answer.
    pub(crate) fn number(&self, sql: &str) -> f64 {
        match self.rows(sql).as_slice() {
            [row] if row.len() == 1 => row[0].parse().expect("a number"),
            other => panic!("{sql}: not one number: {other:?}"),
        }
    }
}

/// An answer's lines and columns.
fn lines(answer: &str) -> Vec<Vec<String>> {
    answer.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}
