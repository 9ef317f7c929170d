//! `POST /api/auth/login`: `{username, password}` gives `{token, user: {username, role}}`. With `"session": "cookie"`, as the
//! dashboard asks, the token goes into a cookie that no page can read instead.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use schemas::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::cookies::{Cookie, Keep};
use super::session::SessionView;
use super::{ApiError, App, proof};
use crate::auth::{AuthUser, LoginError, OidcError, Role};
use crate::caps::{LOGIN_BODY_MAX, LOGIN_LINES, LOGIN_LINES_EVERY, NAME_SHOWN_MAX};
use crate::metrics::count_login;
use crate::pace::{Pace, Shared};

#[derive(Deserialize)]
struct Credentials {
    username: Option<String>,
    password: Option<String>,
    #[serde(default)]
    session: Carrier,
    /// Whether a cookie outlives the browser.
    #[serde(default)]
    keep: bool,
}

/// How the session is handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Carrier {
    /// In the answer, to be sent as a bearer token.
    #[default]
    Token,
    /// As a cookie.
    Cookie,
}

/// What was asked for.
struct Wanted {
    username: String,
    password: SecretString,
    carrier: Carrier,
    keep: bool,
}

/// A token and whose it is.
#[derive(Serialize)]
pub(super) struct LoggedIn {
    token: String,
    user: LoggedInUser,
}

/// A user as clients see them.
#[derive(Serialize)]
pub(super) struct LoggedInUser {
    username: String,
    role: Role,
}

impl From<AuthUser> for LoggedInUser {
    fn from(user: AuthUser) -> Self {
        Self { username: user.name, role: user.role }
    }
}

/// Checks name and password.
pub(super) async fn login(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body =
        body.map_err(|rejection| ApiError::body(&rejection, app.body_limit.min(LOGIN_BODY_MAX)))?;
    let Wanted { username, password, carrier, keep } =
        read(&body).inspect_err(|_| count_login("malformed"))?;
    if carrier == Carrier::Cookie && !proof::is_dashboard(&headers) {
        return Err(proof::Unproved::Forged.into());
    }
    let outcome = app.auth.login(&username, password, client.network()).await;
    let session = outcome.map_err(|error| {
        let (word, answer) = refuse(&error);
        count_login(word);
        app.refusals.tell(word, &username, client.0, app.stores.clock.now());
        answer
    })?;
    count_login("ok");
    tracing::info!(user = session.user.name, address = %client.0, "logged in");
    let token = session.token.expose_secret().to_owned();
    if carrier == Carrier::Token {
        let answer = LoggedIn { token, user: session.user.into() };
        return Ok(Json(answer).into_response());
    }
    let keep = if keep { Keep::Seconds(app.auth.ttl_s()) } else { Keep::Browser };
    let cookie = Cookie::Session.set(&token, keep, app.is_https || is_by_https(&headers));
    // What a session by the provider before it has left.
    let [first, second] = Cookie::Provider.clear();
    let cookies = AppendHeaders([cookie, first, second].map(|cookie| (SET_COOKIE, cookie)));
    Ok((cookies, Json(SessionView::from(session.user))).into_response())
}

/// Whether the page that asks was served by https, as by a proxy in front.
fn is_by_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn read(body: &[u8]) -> Result<Wanted, ApiError> {
    let bad = |message| ApiError::new(StatusCode::BAD_REQUEST, message);
    let mut credentials: Credentials = serde_json::from_slice(body)
        .map_err(|_| bad("the body must be JSON: {\"username\": text, \"password\": text}"))?;
    match (credentials.username.take(), credentials.password.take()) {
        (Some(username), Some(password)) if !username.is_empty() => {
            let Credentials { session: carrier, keep, .. } = credentials;
            Ok(Wanted { username, password: SecretString::from(password), carrier, keep })
        }
        _ => Err(bad("username and password are required")),
    }
}

/// The word that it is counted by, and the answer.
fn refuse(error: &LoginError) -> (&'static str, ApiError) {
    let answer = |status| ApiError::new(status, error.to_string());
    match error {
        LoginError::Invalid => ("invalid", answer(StatusCode::UNAUTHORIZED)),
        LoginError::Throttled(throttled) => {
            let seconds = throttled.retry_after.as_millis().div_ceil(1_000);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX).max(1);
            ("throttled", answer(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds))
        }
        LoginError::Busy => ("busy", answer(StatusCode::TOO_MANY_REQUESTS).retry_after(1)),
    }
}

/// Tells of refused logins in the log, so many at a time: a flood of them must not fill it.
#[derive(Debug)]
pub(super) struct Refusals {
    lines: Shared,
    left_out: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        let pace = Pace { burst: LOGIN_LINES, every: LOGIN_LINES_EVERY };
        Self { lines: Shared::new(pace), left_out: AtomicU64::new(0) }
    }
}

impl Refusals {
    fn tell(&self, outcome: &str, username: &str, address: IpAddr, now: Timestamp) {
        if let Some(left_out) = self.turn(now) {
            let user = shown(username);
            tracing::warn!(user, %address, outcome, left_out, "a login was refused");
        }
    }

    /// Of a login by the provider.
    pub(super) fn tell_of_provider(
        &self,
        outcome: &str,
        error: &OidcError,
        address: IpAddr,
        now: Timestamp,
    ) {
        if let Some(left_out) = self.turn(now) {
            tracing::warn!(%error, %address, outcome, left_out, "a login by the provider was refused");
        }
    }

    /// How many lines were left out before this one, if it may be written.
    fn turn(&self, now: Timestamp) -> Option<u64> {
        if self.lines.take(now).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.left_out.swap(0, Ordering::Relaxed))
    }
}

/// A name that anybody may have typed, as one short word of a line.
fn shown(username: &str) -> String {
    username.chars().take(NAME_SHOWN_MAX).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_typed_stays_one_short_word() {
        assert_eq!(shown("ada"), "ada");
        assert_eq!(shown("a\nWARN b\u{1b}[0m"), "a\\nWARN b\\u{1b}[0m");
        assert_eq!(shown(&"x".repeat(1_000)).len(), NAME_SHOWN_MAX);
    }
}
