//! `POST /api/auth/logout`: the session of the token or cookie that is sent ends, here at once and everywhere once the log has it.
//! Where the provider has a session of the user's too, the answer says where the browser ends that.

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use schemas::Timestamp;
use schemas::records::operator::{Change, SessionEnded};
use serde_json::json;

use super::client::Client;
use super::cookies::Cookie;
use super::{App, User};
use crate::auth::AuthUser;
use crate::store::operator::Actor;

/// Ends the session.
pub(super) async fn logout(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    User(user): User,
) -> Response {
    let until = Timestamp(user.expires_at.saturating_mul(1_000));
    let ended = SessionEnded { session_id: user.session, until };
    let outcome = end(&app, client, &user, ended).await;
    let next = farewell(&app, &headers).await;
    let cookies = [Cookie::Session.clear(), Cookie::Provider.clear()];
    let cleared = AppendHeaders(cookies.as_flattened().iter().map(|cookie| (SET_COOKIE, cookie)));
    match (outcome, next) {
        (Ok(()), None) => (StatusCode::NO_CONTENT, cleared).into_response(),
        (Ok(()), Some(next)) => (cleared, Json(json!({"next": next}))).into_response(),
        (Err(words), next) => {
            let answer = Json(json!({"error": words, "next": next}));
            (StatusCode::SERVICE_UNAVAILABLE, cleared, answer).into_response()
        }
    }
}

/// Where the browser ends its session at the provider, if it has one.
async fn farewell(app: &App, headers: &HeaderMap) -> Option<String> {
    let id_token =
        Cookie::read_provider(headers).filter(|_| !headers.contains_key(AUTHORIZATION))?;
    app.auth.oidc()?.farewell(id_token).await
}

async fn end(
    app: &App,
    client: Client,
    user: &AuthUser,
    ended: SessionEnded,
) -> Result<(), String> {
    let sessions = app.stores.live.ended();
    sessions.end(&ended, app.stores.clock.now()).map_err(|error| error.to_string())?;
    let actor = Actor { name: user.name.clone(), source: Some(client.0) };
    app.stores.operator.write(&actor, Change::SessionEnded(ended)).await.map_err(|error| {
        tracing::warn!(user = user.name, %error, "a logout is not in the log");
        "the session has ended on this server, but the log did not take it in time: it may come back with a restart"
            .to_owned()
    })
}
