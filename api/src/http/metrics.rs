//! `GET PROMETHEUS_PATH`: all metrics of the process.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use service_kit::metrics::{TEXT_FORMAT, render};

use super::ApiError;

/// Everything registered.
pub(super) async fn show() -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT)], render()).into_response()
}

/// Metrics are turned off.
pub(super) async fn off() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "metrics are off (setting PROMETHEUS_ENABLED)")
}
