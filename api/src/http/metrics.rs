//! `GET PROMETHEUS_PATH`: all metrics of the process.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use service_kit::metrics::{TEXT_FORMAT, render};

/// Everything registered.
pub(super) async fn show() -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT)], render()).into_response()
}
