//! `GET /api/export/telemetry.{csv,parquet,arrow}?from=&to=&feederId=&deviceId=`: samples as a file, streamed.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use schemas::{DeviceId, FeederId, Timestamp};
use serde::Deserialize;

use super::{ApiError, App, Asked, User};
use crate::auth::Action;
use crate::graphql::Code;
use crate::store::history::export::{ExportAsked, ExportFormat};

/// How many samples the file will hold, for whoever shows progress.
const ROWS: HeaderName = HeaderName::from_static("x-total-rows");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    from: Option<String>,
    to: Option<String>,
    feeder_id: Option<String>,
    device_id: Option<String>,
}

/// Streams them.
pub(super) async fn telemetry(
    State(app): State<App>,
    user: User,
    Path(file): Path<String>,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, ApiError> {
    user.must(Action::ReadFleet)?;
    let format = ExportFormat::ALL
        .into_iter()
        .find(|format| file.strip_prefix("telemetry.") == Some(format.ending()))
        .ok_or_else(|| {
            let words = "there is telemetry.csv, telemetry.parquet and telemetry.arrow";
            ApiError::new(StatusCode::NOT_FOUND, words)
        })?;
    let asked = parameters.check()?;
    let export = app
        .stores
        .history
        .export(&asked, format)
        .await
        .map_err(|error| ApiError::of(Code::from(&error), error.to_string()))?;
    tracing::info!(user = user.0.name, rows = export.rows, file, "export");
    let disposition = format!("attachment; filename=\"telemetry.{}\"", format.ending());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (
            CONTENT_DISPOSITION,
            HeaderValue::try_from(disposition)
                .unwrap_or_else(|_| HeaderValue::from_static("attachment")),
        ),
        (ROWS, HeaderValue::from(export.rows)),
    ];
    Ok((headers, Body::from_stream(export.bytes())).into_response())
}

impl Parameters {
    fn check(self) -> Result<ExportAsked, ApiError> {
        let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
        let id = |name: &str, error: &dyn std::fmt::Display| bad(format!("{name}: {error}"));
        Ok(ExportAsked {
            from: time("from", self.from)?,
            to: time("to", self.to)?,
            feeder_id: self
                .feeder_id
                .map(|text| FeederId::new(&text).map_err(|error| id("feederId", &error)))
                .transpose()?,
            device_id: self
                .device_id
                .map(|text| DeviceId::new(&text).map_err(|error| id("deviceId", &error)))
                .transpose()?,
        })
    }
}

fn time(name: &str, text: Option<String>) -> Result<Timestamp, ApiError> {
    let read = text.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    read.map(|time| Timestamp(time.timestamp_millis())).ok_or_else(|| {
        let found = text.as_deref().unwrap_or("nothing");
        let words = format!("{name}: expected a time like 2027-01-15T08:00:00Z, got {found:?}");
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })
}
