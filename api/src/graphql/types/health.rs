//! How the parts of the system are.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use super::scalars::to_datetime;
use crate::store::health;

/// All parts; `status` is `ok` or `degraded`.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Health {
    status: String,
    log: Part,
    clickhouse: Part,
    control: Part,
    /// Judged by the samples that arrive: the API itself does not speak MQTT.
    mqtt: Part,
    version: String,
}

/// One part.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Part {
    ok: bool,
    detail: Option<String>,
    since: Option<DateTime<Utc>>,
}

impl From<health::Health> for Health {
    fn from(health: health::Health) -> Self {
        Self {
            status: health.status().to_owned(),
            log: health.log.into(),
            clickhouse: health.clickhouse.into(),
            control: health.control.into(),
            mqtt: health.mqtt.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl From<health::Part> for Part {
    fn from(part: health::Part) -> Self {
        Self { ok: part.ok, detail: part.detail, since: part.since.map(to_datetime) }
    }
}
