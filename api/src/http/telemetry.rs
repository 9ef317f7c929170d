//! `POST /api/telemetry`: one telemetry message of the MQTT contract, or a list of them; answered when the log has them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::future::join_all;
use schemas::mqtt::hand_in;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::status;
use super::{ApiError, App, User};
use crate::auth::Action;
use crate::caps::INGEST_BATCH_MAX;
use crate::graphql::Code;
use crate::store::ingest::IngestError;

/// Takes them in.
pub(super) async fn take(
    State(app): State<App>,
    user: User,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    user.must(Action::SendTelemetry)?;
    let body = body.map_err(|rejection| ApiError::body(&rejection, app.body_limit))?;
    let ingest = &app.stores.ingest;
    let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
    let handed_in =
        hand_in(&body, ingest.payload_max()).map_err(|rejection| bad(rejection.to_string()))?;
    let count = handed_in.messages.len();
    if count > INGEST_BATCH_MAX {
        return Err(bad(format!(
            "{count} messages; at most {INGEST_BATCH_MAX} are accepted at once"
        )));
    }
    tracing::info!(user = user.0.name, messages = count, "telemetry by API");
    // All are published, in order, before the first is waited for.
    let taken: Vec<_> = handed_in
        .messages
        .into_iter()
        .map(|message| message.map_err(IngestError::from).and_then(|asking| ingest.take(asking)))
        .collect();
    let results = join_all(taken.into_iter().map(async |taken| taken?.stored().await)).await;
    if handed_in.is_list { Ok(list(&results)) } else { one(results) }
}

/// The predecessor's answer.
fn one(results: Vec<Result<Uuid, IngestError>>) -> Result<Response, ApiError> {
    let result = results.into_iter().next().unwrap_or(Err(IngestError::Unavailable));
    result.map_err(|error| ApiError::of(Code::from(&error), error.to_string()))?;
    Ok((StatusCode::CREATED, Json(json!({"status": "ok"}))).into_response())
}

/// What became of each, in their order; the status is that of the first that is not stored.
fn list(results: &[Result<Uuid, IngestError>]) -> Response {
    let stored = results.iter().filter(|result| result.is_ok()).count();
    let each: Vec<Value> = results
        .iter()
        .map(|result| match result {
            Ok(message_id) => json!({"status": "stored", "messageId": message_id}),
            Err(error) => json!({"status": "failed", "error": error.to_string()}),
        })
        .collect();
    let failed = results.iter().find_map(|result| result.as_ref().err());
    let mut body = json!({"status": "ok", "stored": stored, "results": each});
    if failed.is_some() {
        body["status"] = "failed".into();
        body["error"] =
            format!("{} of {} messages are not stored", results.len() - stored, results.len())
                .into();
    }
    (failed.map_or(StatusCode::CREATED, |error| status(error.into())), Json(body)).into_response()
}
