//! Alarms, now and in the past; violations; refused messages.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::Timestamp;

use super::enums::word;
use super::paging::connection;
use super::scalars::{to_datetime, to_the_watt};
use crate::store::history::past::{AlarmRow, DeadLetterRow, ViolationRow};
use crate::store::live::Standing;

/// Something that operators should know, while it stands.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Alarm {
    /// Since when it stands, as far as this server has seen.
    at: DateTime<Utc>,
    /// Stable, for example CTL-001.
    code: String,
    /// WARNING or CRITICAL.
    severity: String,
    feeder_id: Option<ID>,
    device_id: Option<ID>,
    message: String,
    /// The page that says what to do.
    runbook: String,
}

/// Where the page of an alarm's code is, in the project's folder and on its site.
fn runbook(code: &str) -> String {
    format!("docs/runbook/{code}.md")
}

impl From<Standing> for Alarm {
    fn from(standing: Standing) -> Self {
        let Standing { since, alarm } = standing;
        Self {
            at: to_datetime(since),
            runbook: runbook(&alarm.code),
            code: alarm.code,
            severity: word(&alarm.severity),
            feeder_id: alarm.feeder_id.map(|id| id.as_str().into()),
            device_id: alarm.device_id.map(|id| id.as_str().into()),
            message: alarm.message,
        }
    }
}

/// A time in which an alarm stood.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AlarmPeriod {
    from: DateTime<Utc>,
    /// Null while it stands.
    to: Option<DateTime<Utc>>,
    code: String,
    severity: String,
    feeder_id: Option<ID>,
    device_id: Option<ID>,
    message: String,
    runbook: String,
}

impl From<AlarmRow> for AlarmPeriod {
    fn from(row: AlarmRow) -> Self {
        Self {
            from: to_datetime(Timestamp(row.from_ms)),
            to: row.to_ms.map(|to| to_datetime(Timestamp(to))),
            runbook: runbook(&row.code),
            code: row.code,
            severity: row.severity,
            feeder_id: row.feeder_id.map(Into::into),
            device_id: row.device_id.map(Into::into),
            message: row.message,
        }
    }
}

/// A time in which a feeder was over its limit.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Violation {
    feeder_id: ID,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    worst_kw: f64,
    kwh: f64,
    cause: String,
}

impl From<ViolationRow> for Violation {
    fn from(row: ViolationRow) -> Self {
        Self {
            feeder_id: row.feeder_id.into(),
            from: to_datetime(Timestamp(row.from_ms)),
            to: to_datetime(Timestamp(row.to_ms)),
            worst_kw: to_the_watt(row.worst_kw),
            kwh: row.kwh,
            cause: row.cause,
        }
    }
}

/// Messages that were refused for one reason.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DeadLetterReason {
    reason: String,
    count: i32,
    last_at: DateTime<Utc>,
    /// What was wrong with the last one.
    detail: String,
    /// The beginning of the last one, as it came.
    sample: String,
    device_id: Option<ID>,
}

impl From<DeadLetterRow> for DeadLetterReason {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            reason: row.reason,
            count: i32::try_from(row.count).unwrap_or(i32::MAX),
            last_at: to_datetime(Timestamp(row.last_ms)),
            detail: row.detail,
            sample: row.sample,
            device_id: row.device_id.map(Into::into),
        }
    }
}

connection!(AlarmPeriodConnection, AlarmPeriodEdge, AlarmPeriod, "times in which alarms stood");
connection!(ViolationConnection, ViolationEdge, Violation, "violations");
