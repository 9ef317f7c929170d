//! The ledger of commands: each setpoint with what became of it, from setpoints, what the bridge has sent, acks and telemetry.

use std::collections::HashMap;

use clickhouse::Row;
use schemas::{DeviceId, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::{History, HistoryError};

/// A setpoint that was decided and sent.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct CommandRow {
    /// Its message id.
    #[serde(with = "clickhouse::serde::uuid")]
    pub setpoint_id: Uuid,
    /// The decision it comes from.
    #[serde(with = "clickhouse::serde::uuid")]
    pub decision_id: Uuid,
    /// The device.
    pub device_id: String,
    /// Its feeder then.
    pub feeder_id: String,
    /// The setpoint, W.
    pub setpoint_w: i64,
    /// When it was decided, ms since the epoch, as all times here.
    pub decided_ms: i64,
    /// Until when it holds.
    pub valid_until_ms: i64,
}

/// When the broker was given a command, what the device has said of it, and when it was first seen to do it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Followed {
    /// When it was given to the broker; only of changed setpoints.
    pub sent_ms: Option<i64>,
    /// ACCEPTED.
    pub acked_ms: Option<i64>,
    /// APPLIED.
    pub applied_ms: Option<i64>,
    /// REJECTED, EXPIRED or SUPERSEDED, where it said so.
    pub ended: Option<String>,
    /// What it said of it.
    pub reason: Option<String>,
    /// The first sample within 500 W or 5 % of the setpoint, while it held.
    pub observed_ms: Option<i64>,
}

#[derive(Row, Deserialize)]
struct SentRow {
    #[serde(with = "clickhouse::serde::uuid")]
    setpoint_id: Uuid,
    sent_ms: i64,
}

#[derive(Row, Deserialize)]
struct AckRow {
    #[serde(with = "clickhouse::serde::uuid")]
    setpoint_id: Uuid,
    acked_ms: Option<i64>,
    applied_ms: Option<i64>,
    ended: Option<String>,
    reason: Option<String>,
}

#[derive(Row, Deserialize)]
struct ObservedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    setpoint_id: Uuid,
    observed_ms: i64,
}

/// A stretch of commands, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandsAsked {
    /// Only this device's.
    pub device_id: Option<DeviceId>,
    /// Only those of these feeders; all where it is empty.
    pub tree: Vec<String>,
    /// From, included.
    pub from: Timestamp,
    /// To, not included.
    pub to: Timestamp,
    /// Only those before this place: time, then message id.
    pub before: Option<(i64, Uuid)>,
    /// How many.
    pub most: usize,
}

const WHERE: &str = "
WHERE decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
  AND ({device:String} = '' OR device_id = {device:String})
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, toString(feeder_id)))";

const PAGE: &str = "
SELECT
    setpoint_id,
    decision_id,
    toString(device_id)                  AS device_id,
    toString(feeder_id)                  AS feeder_id,
    setpoint_w,
    toUnixTimestamp64Milli(decided_at)   AS decided_ms,
    toUnixTimestamp64Milli(valid_until)  AS valid_until_ms
FROM
(
    SELECT * FROM setpoints";

const PAGE_END: &str = "
      AND decided_at <= fromUnixTimestamp64Milli({before_at:Int64})
      AND (toUnixTimestamp64Milli(decided_at), toString(setpoint_id)) < ({before_at:Int64}, {before_id:String})
    ORDER BY decided_at DESC, toString(setpoint_id) DESC
    LIMIT {most:UInt32}
)
ORDER BY decided_ms DESC, toString(setpoint_id) DESC";

const SENT: &str = "
SELECT
    b.setpoint_id                               AS setpoint_id,
    min(toUnixTimestamp64Milli(b.sent_at))      AS sent_ms
FROM sent AS b
WHERE b.setpoint_id IN ({ids:Array(UUID)}) AND device_id IN ({devices:Array(String)})
  AND decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL 1 MILLISECOND
GROUP BY setpoint_id";

// An ack comes within the lease; a day is far beyond any.
const ACKS: &str = "
SELECT
    assumeNotNull(a.setpoint_id)                                        AS setpoint_id,
    minIf(toNullable(toUnixTimestamp64Milli(arrival)), status = 'ACCEPTED') AS acked_ms,
    minIf(toNullable(toUnixTimestamp64Milli(arrival)), status = 'APPLIED')  AS applied_ms,
    argMinIf(CAST(status, 'Nullable(String)'), arrival, status IN ('REJECTED', 'EXPIRED', 'SUPERSEDED')) AS ended,
    argMax(a.reason, arrival)                                           AS reason
FROM acks AS a
WHERE a.setpoint_id IN ({ids:Array(UUID)}) AND device_id IN ({devices:Array(String)})
  AND arrival >= fromUnixTimestamp64Milli({from:Int64}) AND arrival < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL 1 DAY
GROUP BY setpoint_id";

const OBSERVED: &str = "
SELECT
    c.setpoint_id                               AS setpoint_id,
    min(toUnixTimestamp64Milli(t.arrival))      AS observed_ms
FROM
(
    SELECT setpoint_id, toString(device_id) AS device_id, setpoint_w, decided_at, valid_until FROM setpoints
    WHERE setpoint_id IN ({ids:Array(UUID)}) AND device_id IN ({devices:Array(String)})
      AND decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL 1 MILLISECOND
) AS c
INNER JOIN
(
    SELECT toString(device_id) AS device_id, arrival, power_w FROM telemetry
    WHERE device_id IN ({devices:Array(String)})
      AND arrival >= fromUnixTimestamp64Milli({from:Int64}) AND arrival < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL 10 MINUTE
) AS t ON t.device_id = c.device_id
WHERE t.arrival > c.decided_at AND t.arrival <= c.valid_until
  AND abs(t.power_w - c.setpoint_w) <= greatest(500, intDiv(abs(c.setpoint_w), 20))
GROUP BY c.setpoint_id";

impl History {
    /// A page of commands.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn commands(&self, asked: &CommandsAsked) -> Result<Vec<CommandRow>, HistoryError> {
        let (at, id) =
            asked.before.map_or((asked.to.0, "~".to_owned()), |(at, id)| (at, id.to_string()));
        let text = [PAGE, WHERE, PAGE_END].concat();
        let query = self.of_commands(&text, asked).param("before_at", at);
        self.fetch(query.param("before_id", id).param("most", asked.most)).await
    }

    /// How many there are in the stretch.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn count_commands(&self, asked: &CommandsAsked) -> Result<u64, HistoryError> {
        let text = ["SELECT count() AS found FROM setpoints", WHERE].concat();
        self.fetch_one(self.of_commands(&text, asked)).await
    }

    /// What became of commands, by message id. Three reads, however many there are.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn followed(
        &self,
        commands: &[CommandRow],
    ) -> Result<HashMap<Uuid, Followed>, HistoryError> {
        let times = commands.iter().map(|command| command.decided_ms);
        let (Some(from), Some(to)) = (times.clone().min(), times.max()) else {
            return Ok(HashMap::new());
        };
        let ids: Vec<String> =
            commands.iter().map(|command| command.setpoint_id.to_string()).collect();
        let mut devices: Vec<&str> =
            commands.iter().map(|command| command.device_id.as_str()).collect();
        devices.sort_unstable();
        devices.dedup();
        let query = |text: &str| {
            self.client
                .query(text)
                .param("ids", &ids)
                .param("devices", &devices)
                .param("from", from)
                .param("to", to)
        };
        let (sent, acks, observed) = tokio::try_join!(
            self.fetch::<SentRow>(query(SENT)),
            self.fetch::<AckRow>(query(ACKS)),
            self.fetch::<ObservedRow>(query(OBSERVED))
        )?;
        let mut followed: HashMap<Uuid, Followed> = HashMap::new();
        for ack in acks {
            let AckRow { setpoint_id, acked_ms, applied_ms, ended, reason } = ack;
            let said = Followed { acked_ms, applied_ms, ended, reason, ..Followed::default() };
            followed.insert(setpoint_id, said);
        }
        for row in sent {
            followed.entry(row.setpoint_id).or_default().sent_ms = Some(row.sent_ms);
        }
        for row in observed {
            followed.entry(row.setpoint_id).or_default().observed_ms = Some(row.observed_ms);
        }
        Ok(followed)
    }

    fn of_commands(&self, text: &str, asked: &CommandsAsked) -> clickhouse::query::Query {
        self.client
            .query(text)
            .param("device", asked.device_id.as_ref().map_or("", DeviceId::as_str))
            .param("tree", &asked.tree)
            .param("from", asked.from.0)
            .param("to", asked.to.0)
    }
}
