//! ClickHouse as the sink uses it: migrations, stored positions, and blocks with a deduplication token.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use anyhow::Context;
use clickhouse::{Client, Compression, Row, RowOwned, RowWrite};
use schemas::clickhouse::{MIGRATIONS, statements};
use uuid::Uuid;

use super::rows::{AckRow, TelemetryRow, moment};
use crate::config::SinkConfig;
use crate::metrics;

/// Messages asked about in one query: its text stays far below ClickHouse's limit.
const ASKED_AT_ONCE: usize = 1_000;

/// A client for the configured database.
#[derive(Debug, Clone)]
pub(super) struct Store {
    client: Client,
    admin: Client,
    database: String,
}

/// What names a block: its table and the place of its records in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockId {
    pub(super) table: &'static str,
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The log; none for a block that was named before logs had identities.
    pub(super) log: Option<Uuid>,
}

impl BlockId {
    /// Its deduplication token.
    fn token(&self) -> String {
        let Self { table, partition, first, last, log } = self;
        let log = log.map_or_else(String::new, |log| format!("{log}-"));
        format!("{log}{table}-{partition}-{first}-{last}")
    }
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
        let admin = service_kit::clickhouse::client(&config.url, config.authority.as_deref())?;
        let mut admin = admin.with_compression(Compression::None);
        if let Some(user) = &config.user {
            admin = admin.with_user(user);
        }
        if let Some(password) = &config.password {
            admin = admin.with_password(password);
        }
        let client = admin.clone().with_database(&config.database);
        Ok(Self { client, admin, database: config.database.clone() })
    }

    /// Applies the migrations that the database has not seen. Each is safe to run again, so two sinks that start at
    /// once do no harm.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        let create = format!("CREATE DATABASE IF NOT EXISTS `{}`", self.database);
        self.admin.query(&create).execute().await.context("creating the database")?;
        for migration in MIGRATIONS {
            // The first one makes the table that tells which have been applied.
            let applied = migration.number > 1 && self.is_applied(migration.number).await?;
            if applied {
                continue;
            }
            for statement in statements(migration.sql) {
                self.client.query_raw(&statement).execute().await.with_context(|| {
                    format!("migration {:04}_{}", migration.number, migration.name)
                })?;
            }
            if migration.number > 1 || !self.is_applied(1).await? {
                self.client
                    .query("INSERT INTO schema_migrations (number, name) VALUES (?, ?)")
                    .bind(migration.number)
                    .bind(migration.name)
                    .execute()
                    .await
                    .context("noting a migration")?;
            }
        }
        Ok(())
    }

    async fn is_applied(&self, number: u32) -> anyhow::Result<bool> {
        let query = "SELECT count() FROM schema_migrations WHERE number = ?";
        let count: u64 = self.client.query(query).bind(number).fetch_one().await?;
        Ok(count > 0)
    }

    /// The highest stored offset of each partition of each log in a table.
    pub(super) async fn positions(&self, table: &str) -> anyhow::Result<Stored> {
        let query = format!(
            "SELECT toString(log_id), log_partition, max(log_offset) FROM {table} \
             GROUP BY log_id, log_partition"
        );
        let rows: Vec<(String, i32, i64)> = self.client.query(&query).fetch_all().await?;
        Ok(rows.into_iter().map(|(log, partition, at)| ((log, partition), at)).collect())
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
            let found: Vec<(String, i64)> =
                self.client.query(&query).fetch_all().await.context("asking for samples")?;
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
                self.client.query(&query).fetch_all().await.context("asking for acks")?;
            stored.extend(found);
        }
        Ok(stored)
    }

    /// Writes a block. Written again with the same id it counts once.
    pub(super) async fn write<R>(&self, block: BlockId, rows: &[R]) -> anyhow::Result<()>
    where
        R: RowOwned + RowWrite + Row,
    {
        let table = block.table;
        if rows.is_empty() {
            return Ok(());
        }
        let token = block.token();
        let mut insert = self
            .client
            .insert::<R>(table)
            .await?
            .with_setting("insert_deduplication_token", token)
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            // One block, whatever its size: an insert is atomic only inside one.
            .with_setting("max_insert_block_size", "10000000")
            .with_setting("min_insert_block_size_rows", "10000000")
            .with_setting("min_insert_block_size_bytes", "0");
        for row in rows {
            insert.write(row).await?;
        }
        insert.end().await.with_context(|| format!("writing {} rows into {table}", rows.len()))?;
        metrics::count_rows(table, rows.len());
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
