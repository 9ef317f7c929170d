//! `GET /api/health`: public, and therefore says which parts work and nothing about where they are. `/livez` and `/readyz`
//! are for whoever restarts processes and sends them requests.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{ApiError, App};

/// Status, one flag for each part, named as the predecessor did, and what is down by name; why needs a login.
pub(super) async fn show(State(app): State<App>) -> Json<Value> {
    let health = app.stores.health.read(app.stores.clock.now());
    let control = if health.control.ok { "ok" } else { "degraded" };
    Json(json!({
        "status": health.status(),
        "version": env!("CARGO_PKG_VERSION"),
        "log": {"ok": health.log.ok},
        "db": {"ok": health.clickhouse.ok},
        "controlLoop": {"ok": health.control.ok, "status": control},
        "mqtt": {"ok": health.mqtt.ok},
        "down": health.down,
    }))
}

/// The process answers: restarting it would mend nothing.
pub(super) async fn live() -> &'static str {
    "ok"
}

/// Whether requests may be sent here: the log answers, and what operators have set has been read from it. ClickHouse may be
/// away: then only the past is missing.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    if app.stores.health.read(app.stores.clock.now()).log.ok {
        return Ok("ok");
    }
    let words = "the log does not answer, or has not been read to its end yet";
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, words))
}
