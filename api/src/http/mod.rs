//! The HTTP side: one file per resource, and what all of them share. Knows nothing of how answers are found.

pub(crate) mod certificates;
mod client;
mod cookies;
mod dashboard;
mod door;
mod error;
mod export;
mod gate;
mod graphql;
mod headers;
mod health;
pub(crate) mod listen;
mod login;
mod logout;
mod metrics;
mod oidc;
mod proof;
mod session;
mod socket;
mod telemetry;
mod tracking;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, MatchedPath, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use error::ApiError;
pub use gate::Names;

use crate::auth::{Action, Auth, AuthUser, policy};
use crate::caps::{LOGIN_BODY_MAX, REQUEST_TIMEOUT};
use crate::config::HttpConfig;
use crate::graphql::{ApiSchema, Documents, EventReads, Pool};
use crate::network::Proxies;
use crate::store::Stores;
use dashboard::Dashboard;
use login::Refusals;
use socket::Sockets;

/// A browser may remember for so long which origins are allowed.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// What handlers share.
#[derive(Clone)]
pub struct App {
    pub(crate) auth: Arc<Auth>,
    pub(crate) stores: Stores,
    pub(crate) schema: ApiSchema,
    pub(crate) documents: Arc<Documents>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) reads: EventReads,
    sockets: Sockets,
    names: Arc<Names>,
    refusals: Arc<Refusals>,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) body_limit: usize,
    pub(crate) dashboard: Arc<Dashboard>,
    /// Whether https is spoken here; a proxy in front may speak it too.
    pub(crate) is_https: bool,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(
        auth: Arc<Auth>,
        stores: Stores,
        config: &HttpConfig,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            schema: crate::graphql::build(stores.clone(), config.introspection),
            documents: Arc::new(Documents::new(config.documents)),
            auth,
            stores,
            pool: Arc::default(),
            reads: EventReads::default(),
            sockets: Sockets::default(),
            names: Arc::clone(&config.names),
            refusals: Arc::default(),
            proxies: Arc::clone(&config.proxies),
            shutdown,
            body_limit: config.body_limit,
            dashboard: Arc::new(Dashboard::find(config.dashboard.as_deref())),
            is_https: config.is_https,
        }
    }
}

/// All routes.
pub fn router(app: App, config: &HttpConfig) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(config.names.origins().to_vec()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .max_age(PREFLIGHT_AGE);
    let login_limit = LOGIN_BODY_MAX.min(config.body_limit);
    let mut routes = Router::new()
        .route("/api/health", get(health::show))
        .route("/api/openapi.json", get(openapi))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/api/auth/login", post(login::login).layer(DefaultBodyLimit::max(login_limit)))
        .route("/api/auth/logout", post(logout::logout))
        .route("/api/auth/methods", get(session::methods))
        .route("/api/auth/session", get(session::show))
        .route("/api/auth/oidc/login", get(oidc::login))
        .route("/api/auth/oidc/callback", get(oidc::callback))
        .route("/api/metrics/tracking-error", get(tracking::show))
        .route("/api/telemetry", post(telemetry::take))
        .route("/api/export/{file}", get(export::telemetry))
        .route("/graphql", post(graphql::answer))
        .route("/graphql/ws", get(socket::open));
    routes = match &config.metrics_path {
        Some(path) => routes.route(path, get(metrics::show)),
        // A scraper must not take the dashboard's page for metrics.
        None => routes.route("/metrics", get(metrics::off)),
    };
    routes
        .fallback(dashboard::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(config.body_limit))
        .layer(middleware::from_fn(bound_time))
        .layer(CompressionLayer::new())
        .layer(cors)
        .layer(middleware::from_fn_with_state(Arc::clone(&config.names), gate::check))
        .layer(middleware::from_fn_with_state(config.is_https, headers::secure))
        .layer(middleware::from_fn(count))
        .with_state(app)
}

/// The routes beside GraphQL, described for programs.
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../openapi.json"))
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} is not accepted here", request.method()),
    )
}

async fn bound_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the request took too long; ask for less, or try again",
        )
        .into_response(),
    }
}

async fn count(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("dashboard", MatchedPath::as_str)
        .to_owned();
    let response = next.run(request).await;
    crate::metrics::count_request(&route, response.status().as_u16());
    response
}

/// Somebody who has proved who they are.
pub(crate) struct User(pub(crate) AuthUser);

impl User {
    /// # Errors
    /// 403 when their role does not allow it.
    fn must(&self, action: Action) -> Result<(), ApiError> {
        if policy::may(self.0.role, action) {
            Ok(())
        } else {
            let refusal = policy::refusal(self.0.role, action);
            Err(ApiError::new(StatusCode::FORBIDDEN, refusal))
        }
    }
}

/// The parameters of a request's address, or 400 in our own words' form.
struct Asked<T>(T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Self(parameters))
            .map_err(|rejection| ApiError::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}

impl FromRequestParts<App> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match proof::caller(&app.auth, &parts.method, &parts.headers).await {
            Ok(Some(user)) => Ok(Self(user)),
            Ok(None) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "Missing bearer token")),
            Err(unproved) => Err(unproved.into()),
        }
    }
}
