//! What the dashboard asks before it shows anything: `GET /api/auth/session`, who its cookie belongs to, and
//! `GET /api/auth/methods`, how one can log in. Neither is a secret, neither needs a login.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use serde::Serialize;

use super::login::LoggedInUser;
use super::{ApiError, App, proof};
use crate::auth::AuthUser;

/// A session as the dashboard sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    /// None where nobody is logged in.
    user: Option<LoggedInUser>,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at_ms: Option<i64>,
}

impl From<AuthUser> for SessionView {
    fn from(user: AuthUser) -> Self {
        Self { expires_at_ms: Some(user.expires_at.saturating_mul(1_000)), user: Some(user.into()) }
    }
}

/// Whose the session is. An ended one is nobody's, and no error: the page that asks shows the login.
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, ApiError> {
    match proof::caller(&app.auth, &Method::GET, &headers).await {
        Ok(Some(user)) => Ok(Json(user.into())),
        Ok(None) | Err(proof::Unproved::Token | proof::Unproved::Header) => {
            Ok(Json(SessionView { user: None, expires_at_ms: None }))
        }
        Err(unproved) => Err(unproved.into()),
    }
}

/// How one can log in.
#[derive(Serialize)]
pub(super) struct Methods {
    password: bool,
    oidc: Option<Provider>,
}

/// The login provider, as the login page calls it.
#[derive(Serialize)]
struct Provider {
    name: String,
}

/// Says so.
pub(super) async fn methods(State(app): State<App>) -> Json<Methods> {
    Json(Methods {
        password: app.auth.takes_passwords(),
        oidc: app.auth.oidc().map(|oidc| Provider { name: oidc.config().name.clone() }),
    })
}
