//! An engine behind its interface, for one test: a folder, a port and a data base of its own.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use derms_engine::{Engine, EngineOptions, HttpOptions, Role, User, find_library};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The data base that the tests' users see.
pub(crate) const DATABASE: &str = "lab";

/// The library allows one open engine per process.
static ONE_ENGINE: Mutex<()> = Mutex::new(());

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: tokio::task::JoinHandle<anyhow::Result<()>>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lock: MutexGuard<'static, ()>,
}

/// What a stopped server leaves: its data, and the right to open another.
pub(crate) struct Stopped {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lock: MutexGuard<'static, ()>,
}

/// A folder for an engine's data.
pub(crate) fn temporary_folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

/// Engines of one process share threads, so that they are kept to a folder that holds the data of all.
pub(crate) fn engine_options() -> EngineOptions {
    EngineOptions {
        within: Some(env!("CARGO_TARGET_TMPDIR").into()),
        ..EngineOptions::of(DATABASE)
    }
}

pub(crate) fn library() -> PathBuf {
    let set = std::env::var_os("DERMS_CHDB_LIB").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    find_library(set.as_deref(), None, cache.as_deref()).expect("the engine library")
}

impl Server {
    pub(crate) async fn start(options: HttpOptions) -> Self {
        let lock = ONE_ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = temporary_folder();
        Self::start_in(folder, lock, options).await
    }

    pub(crate) async fn start_in(
        folder: tempfile::TempDir,
        lock: MutexGuard<'static, ()>,
        options: HttpOptions,
    ) -> Self {
        let engine =
            Engine::open(&library(), folder.path(), &engine_options()).expect("the engine opens");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { engine.serve(listener, options, stop).await });
        Self { url, shutdown, task, folder, lock }
    }

    pub(crate) async fn stop(self) -> Stopped {
        self.shutdown.cancel();
        self.task.await.expect("the server's task").expect("an orderly end");
        Stopped { folder: self.folder, lock: self.lock }
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(&self.url)
    }

    /// The answer to a statement of a user with the password of `users`.
    pub(crate) async fn as_user(&self, user: &str, sql: impl Into<String>) -> Reply {
        let request = reqwest::Client::new().post(&self.url);
        let request = request.basic_auth(user, Some(password(user)));
        Reply::of(request.body(sql.into()).send().await).await
    }

    pub(crate) async fn post(
        &self,
        arguments: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let url = reqwest::Url::parse_with_params(&self.url, arguments).expect("a URL");
        Reply::of(reqwest::Client::new().post(url).body(body).send().await).await
    }

    pub(crate) async fn sql(&self, sql: &str) -> String {
        let reply = self.post(&[], sql.to_owned()).await;
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text);
        reply.text
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn of(response: reqwest::Result<reqwest::Response>) -> Self {
        let response = response.expect("a response");
        let headers = response.headers().clone();
        let code = headers
            .get("x-clickhouse-exception-code")
            .map(|code| code.to_str().expect("a number").to_owned());
        let status = response.status().as_u16();
        Self { status, code, headers, text: response.text().await.expect("a body") }
    }
}

/// A writer and an analyst.
pub(crate) fn users() -> HttpOptions {
    let user = |name: &str, role| User { name: name.into(), password: password(name), role };
    HttpOptions {
        users: vec![user("writer", Role::Writer), user("analyst", Role::Analyst)],
        hosts: Vec::new(),
    }
}

pub(crate) fn password(user: &str) -> String {
    format!("{user}-secret")
}
