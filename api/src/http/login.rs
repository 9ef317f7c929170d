//! `POST /api/auth/login`: `{username, password}` gives `{token, user: {username, role}}`.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use schemas::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::{ApiError, App};
use crate::auth::{LoginError, Role};
use crate::caps::{LOGIN_BODY_MAX, LOGIN_LINES, LOGIN_LINES_EVERY, NAME_SHOWN_MAX};
use crate::metrics::count_login;
use crate::pace::{Pace, Shared};

#[derive(Deserialize)]
struct Credentials {
    username: Option<String>,
    password: Option<String>,
}

/// A token and whose it is.
#[derive(Serialize)]
pub(super) struct LoggedIn {
    token: String,
    user: LoggedInUser,
}

#[derive(Serialize)]
struct LoggedInUser {
    username: String,
    role: Role,
}

/// Checks name and password.
pub(super) async fn login(
    State(app): State<App>,
    client: Client,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LoggedIn>, ApiError> {
    let body =
        body.map_err(|rejection| ApiError::body(&rejection, app.body_limit.min(LOGIN_BODY_MAX)))?;
    let (username, password) = read(&body).inspect_err(|_| count_login("malformed"))?;
    let outcome = app.auth.login(&username, password, client.network()).await;
    let session = outcome.map_err(|error| {
        let (word, answer) = refuse(&error);
        count_login(word);
        app.refusals.tell(word, &username, client.0, app.stores.clock.now());
        answer
    })?;
    count_login("ok");
    tracing::info!(user = session.user.name, address = %client.0, "logged in");
    Ok(Json(LoggedIn {
        token: session.token,
        user: LoggedInUser { username: session.user.name, role: session.user.role },
    }))
}

fn read(body: &[u8]) -> Result<(String, SecretString), ApiError> {
    let bad = |message| ApiError::new(StatusCode::BAD_REQUEST, message);
    let credentials: Credentials = serde_json::from_slice(body)
        .map_err(|_| bad("the body must be JSON: {\"username\": text, \"password\": text}"))?;
    match (credentials.username, credentials.password) {
        (Some(username), Some(password)) if !username.is_empty() => {
            Ok((username, SecretString::from(password)))
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
        if self.lines.take(now).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        let user = shown(username);
        tracing::warn!(user, %address, outcome, left_out, "a login was refused");
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
