//! `GET /api/health`: public, and therefore says which parts work and nothing about where they are.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;

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
