//! ClickHouse as the sink uses it: migrations, stored positions, and blocks with a deduplication token.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use anyhow::Context;
use clickhouse::{Row, RowOwned, RowWrite};
use schemas::{DeviceId, Timestamp};
use service_kit::clickhouse::rows::{AckRow, TelemetryRow, moment};
pub(super) use service_kit::clickhouse::tables::BlockId;
use service_kit::clickhouse::tables::Tables;
use uuid::Uuid;

use super::seen::Newest;
use super::tables::Kept;
use crate::config::SinkConfig;
use crate::metrics;

/// Messages asked about in one query: its text stays far below ClickHouse's limit.
const ASKED_AT_ONCE: usize = 1_000;
/// What a device sent longer ago is asked for one by one.
const HEARD_LATELY_MS: i64 = 2 * 24 * 3_600_000;

/// The configured database.
#[derive(Debug, Clone)]
pub(super) struct Store {
    tables: Tables,
}

/// The beginning of a block: rows from there on are its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    pub(super) log: Uuid,
    pub(super) partition: i32,
    pub(super) first: i64,
}

/// The highest stored offset by log (empty from before logs had identities) and partition.
pub(super) type Stored = BTreeMap<(String, i32), i64>;

impl Store {
    /// # Errors
    /// When the authority of its certificate cannot be used.
    pub(super) fn new(config: &SinkConfig) -> anyhow::Result<Self> {
        Ok(Self { tables: Tables::new(config.access.clone())? })
    }

    /// Applies the migrations that the database has not seen.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        self.tables.migrate().await
    }

    /// The highest stored offset of each partition of each log in a table.
    pub(super) async fn positions(&self, table: &str) -> anyhow::Result<Stored> {
        let query = format!(
            "SELECT toString(log_id), log_partition, max(log_offset) FROM {table} \
             GROUP BY log_id, log_partition"
        );
        let rows: Vec<(String, i32, i64)> = self.tables.client().query(&query).fetch_all().await?;
        Ok(rows.into_iter().map(|(log, partition, at)| ((log, partition), at)).collect())
    }

    /// From when on nothing of each device is stored, of a topic.
    pub(super) async fn newest(&self, kept: Kept, now: Timestamp) -> anyhow::Result<Newest> {
        let others = now.plus_ms(-HEARD_LATELY_MS);
        let Some(query) = kept.newest else { return Ok(Newest::default()) };
        let query = self.tables.client().query(query).param("since", others.0.div_euclid(1_000));
        let rows: Vec<(String, i64)> = query.fetch_all().await.context("asking for the newest")?;
        let of = rows
            .into_iter()
            .filter_map(|(id, from)| Some((DeviceId::new(&id).ok()?, Timestamp(from))));
        Ok(Newest { of: of.collect(), others })
    }

    /// Which of these samples ClickHouse holds, by device and time, from before a place in the log.
    pub(super) async fn stored_moments(
        &self,
        rows: &[&TelemetryRow],
        before: &Before,
    ) -> anyhow::Result<HashSet<String>> {
        let mut sorted = rows.to_vec();
        sorted.sort_by_key(|row| (&row.feeder_id, &row.device_id, row.ts));
        let mut stored = HashSet::new();
        for chunk in sorted.chunks(ASKED_AT_ONCE) {
            let times = chunk.iter().map(|row| row.ts);
            let (low, high) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
            let mut pairs = String::new();
            for row in chunk {
                // Ids are letters, digits and . _ - only; writing to a String cannot fail.
                let _infallible = write!(pairs, "('{}',{}),", row.device_id, row.ts);
            }
            let query = format!(
                "SELECT toString(device_id), toUnixTimestamp64Milli(ts) FROM telemetry \
                 WHERE feeder_id IN ({}) AND device_id IN ({}) \
                 AND ts >= fromUnixTimestamp64Milli({low}) AND ts <= fromUnixTimestamp64Milli({high}) \
                 AND (toString(device_id), toUnixTimestamp64Milli(ts)) IN ({}) AND {}",
                quoted(chunk.iter().map(|row| row.feeder_id.as_str())),
                quoted(chunk.iter().map(|row| row.device_id.as_str())),
                pairs.trim_end_matches(','),
                stands_before(before)
            );
            let found: Vec<(String, i64)> = self
                .tables
                .client()
                .query(&query)
                .fetch_all()
                .await
                .context("asking for samples")?;
            stored.extend(found.iter().map(|(device_id, ts)| moment(device_id, *ts)));
        }
        Ok(stored)
    }

    /// Which of these acks ClickHouse holds, by message id, from before a place in the log.
    pub(super) async fn stored_acks(
        &self,
        rows: &[&AckRow],
        before: &Before,
    ) -> anyhow::Result<HashSet<String>> {
        let mut stored = HashSet::new();
        for chunk in rows.chunks(ASKED_AT_ONCE) {
            let ids: Vec<String> = chunk.iter().map(|row| row.message_id.to_string()).collect();
            let query = format!(
                "SELECT toString(message_id) FROM acks WHERE feeder_id IN ({}) AND device_id IN ({}) \
                 AND toString(message_id) IN ({}) AND {}",
                quoted(chunk.iter().map(|row| row.feeder_id.as_str())),
                quoted(chunk.iter().map(|row| row.device_id.as_str())),
                quoted(ids.iter().map(String::as_str)),
                stands_before(before)
            );
            let found: Vec<String> =
                self.tables.client().query(&query).fetch_all().await.context("asking for acks")?;
            stored.extend(found);
        }
        Ok(stored)
    }

    /// Writes a block. Written again with the same id it counts once.
    pub(super) async fn write<R>(&self, block: BlockId, rows: &[R]) -> anyhow::Result<()>
    where
        R: RowOwned + RowWrite + Row,
    {
        self.tables.write(block, rows).await?;
        metrics::count_rows(block.table, rows.len());
        Ok(())
    }
}

/// Texts of safe characters as a list of SQL literals, each once.
fn quoted<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let distinct: BTreeSet<&str> = texts.collect();
    let quoted: Vec<String> = distinct.into_iter().map(|text| format!("'{text}'")).collect();
    quoted.join(",")
}

/// Rows of a block itself do not count as stored: it may be on its way for the second time.
fn stands_before(before: &Before) -> String {
    let Before { log, partition, first } = before;
    format!(
        "NOT (log_id IN ('', '{log}') AND log_partition = {partition} AND log_offset >= {first})"
    )
}
