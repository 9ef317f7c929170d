//! Owns ClickHouse's HTTP interface: routes, admission of requests, and its orderly end. It must not touch the
//! C interface; statements run through `run.rs`.

mod auth;
mod body;
mod connections;
mod door;
mod frames;
mod request;
mod respond;
mod run;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connections::Client;
use crate::engine::{Engine, busy, closing};
use crate::error::{DbError, code};

pub use auth::{Role, User};

/// How long each step of the ending takes at most: open requests, cancelled statements, their tasks.
const DRAIN: Duration = Duration::from_millis(500);
/// Largest multipart form (a statement and its parameters; rows are never sent this way).
const FORM_BYTES_MAX: usize = 2 << 20;
/// Requests under way, by what their user may do: neither can take the other's place.
const WRITERS_MAX: usize = 48;
const ANALYSTS_MAX: usize = 32;
/// A wrong password is answered after a while, which spoils guessing.
const FAILED_LOGIN_PAUSE: Duration = Duration::from_millis(500);

/// What the operator may choose about the HTTP interface.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// Who may use it; empty means anyone, as writer (for a loopback address).
    pub users: Vec<User>,
    /// Names under which it is reached, beside its addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// What every request needs.
#[derive(Clone)]
struct Shared {
    engine: Engine,
    options: Arc<HttpOptions>,
    tasks: TaskTracker,
    writers: Arc<Semaphore>,
    analysts: Arc<Semaphore>,
    /// Fires when open requests have used up their time.
    abort: CancellationToken,
}

impl Shared {
    /// A place for a request of this role, until it is answered. Nobody waits for one.
    fn admit(&self, role: Role) -> Result<OwnedSemaphorePermit, DbError> {
        let (places, most) = match role {
            Role::Writer => (&self.writers, WRITERS_MAX),
            Role::Analyst => (&self.analysts, ANALYSTS_MAX),
        };
        let place = Arc::clone(places).try_acquire_owned();
        place.map_err(|_| busy(&format!("{most} requests of this kind are under way")))
    }

    /// Who asks. Neither body nor statement has been looked at.
    async fn log_in(
        &self,
        client: &Client,
        parts: &Parts,
        call: &request::Call,
    ) -> Result<Role, DbError> {
        match auth::check(&self.options.users, parts, call) {
            Ok(role) => {
                client.is_known();
                Ok(role)
            }
            Err(error) => {
                tracing::warn!(address = %client.address, %error, "a login to ClickHouse failed");
                tokio::time::sleep(FAILED_LOGIN_PAUSE).await;
                Err(error)
            }
        }
    }
}

impl Engine {
    /// Serves ClickHouse's HTTP interface until `shutdown` fires; then open statements get a moment to
    /// finish, the rest is cancelled, and the engine is closed when this returns.
    ///
    /// # Errors
    /// When the engine cannot be closed.
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
            writers: Arc::new(Semaphore::new(WRITERS_MAX)),
            analysts: Arc::new(Semaphore::new(ANALYSTS_MAX)),
            abort: CancellationToken::new(),
        };
        let (router, abort) = (router(shared.clone()), shared.abort.clone());
        let server = connections::serve(listener, router, shutdown.clone(), abort.clone());
        tokio::select! {
            () = server => {}
            () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => {}
        }
        abort.cancel();
        shared.tasks.close();
        let engine = self.clone();
        tokio::task::spawn_blocking(move || engine.close(Instant::now() + DRAIN))
            .await
            .context("closing the engine")?;
        // Bounded: statements have been cancelled, so their tasks end by themselves.
        drop(tokio::time::timeout(DRAIN, shared.tasks.wait()).await);
        Ok(())
    }
}

fn router(shared: Shared) -> Router {
    let ok = || async { "Ok.\n" };
    Router::new()
        .route("/", any(root))
        .route("/ping", get(ok))
        .route("/replicas_status", get(ok))
        .route("/backup", post(backup))
        .route("/restore", post(restore))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), turn_away))
        .with_state(shared)
}

/// Turns foreign names and web pages away. No answer ever allows another origin anything.
async fn turn_away(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match door::check(request.headers(), &shared.options.hosts) {
        Ok(()) => next.run(request).await,
        Err(refused) => (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response(),
    }
}

async fn root(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Response {
    let bare = request.uri().query().is_none_or(str::is_empty);
    if bare && matches!(*request.method(), Method::GET | Method::HEAD) {
        return "Ok.\n".into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (parts, body) = request.into_parts();
    let call = request::Call::from_parts(&parts);
    let (query_id, framed) = (call.query_id.clone(), call.framed);
    let result = answer(&shared, &client, call, &parts, body).await;
    result.unwrap_or_else(|error| respond::failure(&error, &query_id, framed))
}

/// Authenticates, admits, reads what precedes the rows, and hands the statement to a blocking thread.
async fn answer(
    shared: &Shared,
    client: &Client,
    mut call: request::Call,
    parts: &Parts,
    body: Body,
) -> Result<Response, DbError> {
    let (query_id, framed) = (call.query_id.clone(), call.framed);
    let role = shared.log_in(client, parts, &call).await?;
    let place = shared.admit(role)?;
    let body = call.take_body(parts, body, role, shared).await?;
    let statement = call.prepare(role)?;
    let (guard, runs) = respond::CancelGuard::new(shared, &statement.tag);
    let (reply, started) = tokio::sync::oneshot::channel();
    let (engine, runtime) = (shared.engine.clone(), Handle::current());
    shared.tasks.spawn_blocking(move || {
        run::statement(&engine, statement, body, reply, runtime);
        drop((place, runs));
    });
    match started.await.unwrap_or_else(|_| Err(closing())) {
        Ok(started) => Ok(respond::success(shared, started, &query_id, guard, framed)),
        Err(error) => {
            guard.ended();
            Err(error)
        }
    }
}

/// Which backup.
#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

async fn backup(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    Query(named): Query<Named>,
    request: Request,
) -> Response {
    let run = async {
        let _place = writer_only(&shared, &client, request).await?;
        shared.engine.backup(&named.name).await
    };
    match run.await {
        Ok(archive) => format!("{}\n", archive.display()).into_response(),
        Err(error) => respond::failure(&error, "", false),
    }
}

async fn restore(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    Query(named): Query<Named>,
    request: Request,
) -> Response {
    let run = async {
        let _place = writer_only(&shared, &client, request).await?;
        shared.engine.restore(&named.name).await
    };
    match run.await {
        Ok(()) => "Ok.\n".into_response(),
        Err(error) => respond::failure(&error, "", false),
    }
}

async fn writer_only(
    shared: &Shared,
    client: &Client,
    request: Request,
) -> Result<OwnedSemaphorePermit, DbError> {
    let (parts, _body) = request.into_parts();
    let call = request::Call::from_parts(&parts);
    match shared.log_in(client, &parts, &call).await? {
        Role::Writer => shared.admit(Role::Writer),
        Role::Analyst => Err(DbError::new(
            code::ACCESS_DENIED,
            "ACCESS_DENIED",
            "Not enough privileges: backup and restore are the writer's",
        )),
    }
}
