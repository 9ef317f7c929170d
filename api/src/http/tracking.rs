//! `GET /api/metrics/tracking-error?minutes=&feederId=`: the predecessor's answer, for its users' scripts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemas::records::telemetry::DeviceOrigin;
use schemas::{FeederId, Soc, Watts};
use serde::{Deserialize, Serialize};

use super::{ApiError, App, Asked, User};
use crate::auth::Action;
use crate::graphql::Code;
use crate::store::tracking::{self, Tracked, TrackingError};

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
    let tracked =
        tracking::read(&app.stores, feeder_id.as_ref(), minutes).await.map_err(|error| {
            let words = match error {
                TrackingError::Window(_) => format!("minutes: {error}"),
                TrackingError::Incomplete | TrackingError::History(_) => error.to_string(),
            };
            ApiError::of(Code::from(&error), words)
        })?;
    Ok(Json(tracked.into_iter().map(DeviceMetrics::from).collect()))
}

impl From<Tracked> for DeviceMetrics {
    fn from(tracked: Tracked) -> Self {
        Self {
            device_id: tracked.device_id.to_string(),
            kind: tracked.kind.as_str(),
            site_id: tracked.site_id,
            feeder_id: tracked.feeder_id.to_string(),
            samples: tracked.figures.samples,
            avg_error: tracked.figures.mean.kw(),
            avg_abs_error: tracked.figures.mean_abs.kw(),
            last_setpoint_kw: tracked.last_setpoint.map(Watts::kw),
            last_actual_kw: tracked.last_actual.map(Watts::kw),
            priority: tracked.priority,
            soc: tracked.soc.map(Soc::fraction),
            is_physical: tracked.origin == DeviceOrigin::Physical,
        }
    }
}
