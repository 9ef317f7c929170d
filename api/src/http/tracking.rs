//! `GET /api/metrics/tracking-error?minutes=&feederId=`: the predecessor's answer, for its users' scripts.

use async_graphql::{ErrorExtensionValues, Value};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemas::FeederId;
use serde::{Deserialize, Serialize};

use super::{ApiError, App, Asked, User};
use crate::auth::Action;
use crate::graphql::tracking::{self, TrackingError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    minutes: Option<String>,
    feeder_id: Option<String>,
}

/// One device; `avgAbsError` and `isPhysical` are the predecessor's names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceMetrics {
    device_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    site_id: Option<String>,
    feeder_id: String,
    samples: i32,
    avg_error: f64,
    avg_abs_error: f64,
    last_setpoint_kw: Option<f64>,
    last_actual_kw: Option<f64>,
    priority: i32,
    soc: Option<f64>,
    is_physical: bool,
}

/// How far each device is from its setpoints.
pub(super) async fn show(
    State(app): State<App>,
    user: User,
    Asked(parameters): Asked<Parameters>,
) -> Result<Json<Vec<DeviceMetrics>>, ApiError> {
    user.must(Action::ReadFleet)?;
    let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
    let minutes = parameters
        .minutes
        .map(|text| {
            text.parse::<i32>()
                .map_err(|_| bad(format!("minutes: expected a whole number, got {text:?}")))
        })
        .transpose()?;
    let feeder_id = parameters
        .feeder_id
        .map(|text| FeederId::new(&text).map_err(|error| bad(format!("feederId: {error}"))))
        .transpose()?;
    let errors =
        tracking::read(&app.stores, feeder_id.as_ref(), minutes).await.map_err(|error| {
            let code = error.extensions.as_ref().and_then(code);
            // GraphQL's argument has another name.
            let words = error.message.replacen("windowMinutes", "minutes", 1);
            ApiError::new(status(code.as_deref()), words)
        })?;
    Ok(Json(errors.into_iter().map(DeviceMetrics::from).collect()))
}

fn code(extensions: &ErrorExtensionValues) -> Option<String> {
    match extensions.get("code") {
        Some(Value::String(code)) => Some(code.clone()),
        _ => None,
    }
}

fn status(code: Option<&str>) -> StatusCode {
    match code {
        Some("BAD_USER_INPUT") => StatusCode::BAD_REQUEST,
        Some("TIMEOUT") => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<TrackingError> for DeviceMetrics {
    fn from(error: TrackingError) -> Self {
        let kind: schemas::records::telemetry::DeviceType = error.kind.into();
        let origin: schemas::records::telemetry::DeviceOrigin = error.origin.into();
        Self {
            device_id: error.device_id.to_string(),
            kind: kind.as_str(),
            site_id: error.site_id,
            feeder_id: error.feeder_id.to_string(),
            samples: error.samples,
            avg_error: error.mean_error_kw,
            avg_abs_error: error.mean_abs_error_kw,
            last_setpoint_kw: error.last_setpoint_kw,
            last_actual_kw: error.last_actual_kw,
            priority: error.priority,
            soc: error.soc,
            is_physical: origin == schemas::records::telemetry::DeviceOrigin::Physical,
        }
    }
}
