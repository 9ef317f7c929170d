//! `POST /api/auth/login`: `{username, password}` gives `{token, user: {username, role}}`.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{ApiError, App};
use crate::auth::{LoginError, Role};
use crate::metrics::count_login;

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
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LoggedIn>, ApiError> {
    let body = body.map_err(|rejection| ApiError::body(&rejection, app.body_limit))?;
    let (username, password) = read(&body).inspect_err(|_| count_login("malformed"))?;
    let session =
        app.auth.login(&username, password, address.ip()).await.map_err(|error| refuse(&error))?;
    count_login("ok");
    tracing::info!(user = session.user.name, "logged in");
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

fn refuse(error: &LoginError) -> ApiError {
    match error {
        LoginError::Invalid => {
            count_login("invalid");
            ApiError::new(StatusCode::UNAUTHORIZED, error.to_string())
        }
        LoginError::Throttled(throttled) => {
            count_login("throttled");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                .retry_after(throttled.retry_after.as_secs().max(1))
        }
        LoginError::Busy => {
            count_login("busy");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()).retry_after(1)
        }
    }
}
