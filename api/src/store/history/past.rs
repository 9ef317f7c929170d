//! What an operator asks of the past: alarms, violations, who gave how much, what was refused.

use clickhouse::Row;
use schemas::Timestamp;
use serde::Deserialize;

use super::{History, HistoryError};

/// A time in which an alarm stood.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct AlarmRow {
    /// Since, ms since the epoch, as all times here.
    pub from_ms: i64,
    /// Until; none while it stands.
    pub to_ms: Option<i64>,
    /// Its code.
    pub code: String,
    /// WARNING or CRITICAL.
    pub severity: String,
    /// The feeder.
    pub feeder_id: Option<String>,
    /// The device.
    pub device_id: Option<String>,
    /// What it said last.
    pub message: String,
}

/// A time in which a feeder was over its limit.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct ViolationRow {
    /// The feeder.
    pub feeder_id: String,
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
    /// The most that it was over, kW.
    pub worst_kw: f64,
    /// Energy over the limit, kWh.
    pub kwh: f64,
    /// Why.
    pub cause: String,
}

/// What a device wanted and was given over a time.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct FairnessRow {
    /// The device.
    pub device_id: String,
    /// What it could have used, kWh.
    pub wanted_kwh: f64,
    /// What it took or gave, kWh.
    pub served_kwh: f64,
    /// What it was not given, kWh.
    pub curtailed_kwh: f64,
}

/// Messages that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct DeadLetterRow {
    /// The reason.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// When the last one came.
    pub last_ms: i64,
    /// What was wrong with it.
    pub detail: String,
    /// Its beginning.
    pub sample: String,
    /// The device it named.
    pub device_id: Option<String>,
}

/// A stretch of the past of some feeders, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Only these feeders; all where it is empty.
    pub tree: Vec<String>,
    /// From, included.
    pub from: Timestamp,
    /// To, not included.
    pub to: Timestamp,
    /// How many to pass over.
    pub skip: usize,
    /// How many.
    pub most: usize,
}

// Periods that touch the stretch.
const ALARMS: &str = "
SELECT
    toUnixTimestamp64Milli(from_at)       AS from_ms,
    toUnixTimestamp64Milli(to_at)         AS to_ms,
    toString(code)                        AS code,
    toString(severity)                    AS severity,
    CAST(feeder_id, 'Nullable(String)')   AS feeder_id,
    CAST(device_id, 'Nullable(String)')   AS device_id,
    message
FROM v_alarms
WHERE from_at < fromUnixTimestamp64Milli({to:Int64})
  AND (to_at IS NULL OR to_at >= fromUnixTimestamp64Milli({from:Int64}))
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, ifNull(toString(v_alarms.feeder_id), toString(root))))
ORDER BY from_at DESC, v_alarms.code, v_alarms.feeder_id, v_alarms.device_id
LIMIT {most:UInt32} OFFSET {skip:UInt32}";

const VIOLATIONS: &str = "
SELECT
    toString(feeder_id)                   AS feeder_id,
    toUnixTimestamp64Milli(from_at)       AS from_ms,
    toUnixTimestamp64Milli(to_at)         AS to_ms,
    worst_kw,
    kwh,
    toString(cause)                       AS cause
FROM v_violations
WHERE from_at < fromUnixTimestamp64Milli({to:Int64}) AND to_at >= fromUnixTimestamp64Milli({from:Int64})
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, toString(v_violations.feeder_id)))
ORDER BY from_at DESC, v_violations.feeder_id
LIMIT {most:UInt32} OFFSET {skip:UInt32}";

const FAIRNESS: &str = "
SELECT
    toString(f.device_id)      AS device_id,
    sum(f.wanted_kwh)          AS wanted_kwh,
    sum(f.served_kwh)          AS served_kwh,
    sum(f.curtailed_kwh)       AS curtailed_kwh
FROM v_fairness_1m AS f
WHERE f.minute >= toDateTime(intDiv({from:Int64}, 1000), 'UTC') AND f.minute < toDateTime(intDiv({to:Int64}, 1000), 'UTC')
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, toString(f.feeder_id)))
GROUP BY device_id
ORDER BY device_id";

const DEAD_LETTERS: &str = "
SELECT
    toString(l.reason)                                      AS reason,
    count()                                                 AS count,
    toUnixTimestamp64Milli(max(l.at))                       AS last_ms,
    argMax(l.detail, l.at)                                  AS detail,
    argMax(toValidUTF8(substring(l.raw, 1, 1024)), l.at)    AS sample,
    argMax(CAST(l.device_id, 'Nullable(String)'), l.at)     AS device_id
FROM dead_letters AS l
WHERE l.at >= fromUnixTimestamp64Milli({from:Int64}) AND l.at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY l.reason
ORDER BY count DESC, reason";

impl History {
    /// When alarms stood.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn alarms(&self, asked: &Asked) -> Result<Vec<AlarmRow>, HistoryError> {
        self.fetch(self.asked(ALARMS, asked)).await
    }

    /// When feeders were over their limits.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn violations(&self, asked: &Asked) -> Result<Vec<ViolationRow>, HistoryError> {
        self.fetch(self.asked(VIOLATIONS, asked)).await
    }

    /// What each device wanted and was given.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn fairness(
        &self,
        tree: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FairnessRow>, HistoryError> {
        let asked = Asked { tree: tree.to_vec(), from, to, skip: 0, most: 0 };
        self.fetch(self.asked(FAIRNESS, &asked)).await
    }

    /// What was refused, by reason.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn dead_letters(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<DeadLetterRow>, HistoryError> {
        let query = self.client.query(DEAD_LETTERS);
        self.fetch(query.param("from", from.0).param("to", to.0)).await
    }

    fn asked(&self, text: &str, asked: &Asked) -> clickhouse::query::Query {
        self.client
            .query(text)
            .param("tree", &asked.tree)
            .param("from", asked.from.0)
            .param("to", asked.to.0)
            .param("skip", asked.skip)
            .param("most", asked.most)
    }
}
