//! Owns ClickHouse's HTTP interface: routes, the server loop and its orderly end. It must not touch the
//! C interface; statements run through `run.rs`.

mod auth;
mod body;
mod request;
mod respond;
mod run;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Engine, closing};
use crate::error::DbError;

pub use auth::User;

/// How long each step of the ending takes at most: open requests, cancelled statements, their tasks.
const DRAIN: Duration = Duration::from_millis(500);
/// Largest multipart form (a statement and its parameters; rows are never sent this way).
const FORM_BYTES_MAX: usize = 16 << 20;

/// What the operator may choose about the HTTP interface.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Who may use it; empty means anyone (for a loopback address).
    pub users: Vec<User>,
    /// Most memory that one statement may take, in bytes, unless it sets `max_memory_usage` itself.
    pub statement_memory_bytes_max: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { users: Vec::new(), statement_memory_bytes_max: 2 << 30 }
    }
}

/// What every request needs.
#[derive(Clone)]
struct Shared {
    engine: Engine,
    options: Arc<HttpOptions>,
    tasks: TaskTracker,
    /// Fires when open requests have used up their time.
    abort: CancellationToken,
}

impl Engine {
    /// Serves ClickHouse's HTTP interface until `shutdown` fires; then open statements get a moment to
    /// finish, the rest is cancelled, and the engine is closed when this returns.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        options: HttpOptions,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let shared = Shared {
            engine: self.clone(),
            options: Arc::new(options),
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
        };
        let server = axum::serve(listener, router(shared.clone()))
            .with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let mut server = std::pin::pin!(server.into_future());
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
        };
        shared.abort.cancel();
        shared.tasks.close();
        let engine = self.clone();
        tokio::task::spawn_blocking(move || engine.close(Instant::now() + DRAIN))
            .await
            .context("closing the engine")?;
        // Bounded: statements have been cancelled, so their tasks end by themselves.
        drop(tokio::time::timeout(DRAIN, shared.tasks.wait()).await);
        ended.context("serving ClickHouse's HTTP interface")
    }
}

fn router(shared: Shared) -> Router {
    let ok = || async { "Ok.\n" };
    Router::new()
        .route("/", any(root))
        .route("/ping", get(ok))
        .route("/replicas_status", get(ok))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(shared)
}

async fn root(State(shared): State<Shared>, request: Request) -> Response {
    let bare = request.uri().query().is_none_or(str::is_empty);
    if bare && matches!(*request.method(), Method::GET | Method::HEAD) {
        return "Ok.\n".into_response();
    }
    let (query_id, result) = answer(&shared, request).await;
    match result {
        Ok(response) => response,
        Err(error) => respond::failure(&error, &query_id),
    }
}

/// Authenticates, reads what precedes the rows, and hands the statement to a blocking thread.
async fn answer(shared: &Shared, request: Request) -> (String, Result<Response, DbError>) {
    let (parts, body) = request.into_parts();
    let mut call = request::Call::from_parts(&parts);
    let query_id = call.query_id.clone();
    let run = async {
        let user = auth::check(&shared.options.users, &parts, &call)?;
        let body = call.take_body(&parts, body, shared).await?;
        let statement = call.prepare(&shared.options, user)?;
        let guard = respond::CancelGuard::new(shared, &statement.tag);
        let (reply, started) = tokio::sync::oneshot::channel();
        let engine = shared.engine.clone();
        shared.tasks.spawn_blocking(move || run::statement(&engine, statement, body, reply));
        match started.await.unwrap_or_else(|_| Err(closing())) {
            Ok(started) => Ok(respond::success(shared, started, &query_id, guard)),
            Err(error) => {
                guard.ended();
                Err(error)
            }
        }
    };
    let result = run.await;
    (query_id, result)
}
