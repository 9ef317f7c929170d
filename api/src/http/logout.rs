//! `POST /api/auth/logout`: the session of the token that is sent ends, here at once and everywhere once the log has it.

use axum::extract::State;
use axum::http::StatusCode;
use schemas::Timestamp;
use schemas::records::operator::{Change, SessionEnded};

use super::client::Client;
use super::{ApiError, App, User};
use crate::store::operator::Actor;

/// Ends the session.
pub(super) async fn logout(
    State(app): State<App>,
    client: Client,
    User(user): User,
) -> Result<StatusCode, ApiError> {
    let until = Timestamp(user.expires_at.saturating_mul(1_000));
    let ended = SessionEnded { session_id: user.session, until };
    app.stores
        .live
        .ended()
        .end(&ended, app.stores.clock.now())
        .map_err(|error| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let actor = Actor { name: user.name.clone(), source: Some(client.0) };
    let written = app.stores.operator.write(&actor, Change::SessionEnded(ended)).await;
    match written {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            tracing::warn!(user = user.name, %error, "a logout is not in the log");
            Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the session has ended on this server, but the log did not take it in time: it may come back with a restart",
            ))
        }
    }
}
