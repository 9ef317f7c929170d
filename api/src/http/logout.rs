//! `POST /api/auth/logout`: the session of the token or cookie that is sent ends, here at once and everywhere once the log has it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Response};
use schemas::Timestamp;
use schemas::records::operator::{Change, SessionEnded};

use super::client::Client;
use super::cookies::Cookie;
use super::{ApiError, App, User};
use crate::auth::AuthUser;
use crate::store::operator::Actor;

/// Ends the session.
pub(super) async fn logout(State(app): State<App>, client: Client, User(user): User) -> Response {
    let until = Timestamp(user.expires_at.saturating_mul(1_000));
    let ended = SessionEnded { session_id: user.session, until };
    let cleared = AppendHeaders(Cookie::Session.clear().map(|cookie| (SET_COOKIE, cookie)));
    match end(&app, client, &user, ended).await {
        Ok(()) => (StatusCode::NO_CONTENT, cleared).into_response(),
        Err(words) => {
            let answer = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, words);
            (cleared, answer).into_response()
        }
    }
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
