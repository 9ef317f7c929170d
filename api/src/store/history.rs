//! History: series and statistics from ClickHouse, at a resolution that fits the range. Gaps stay gaps.
//!
//! Every value goes to the server as a parameter, never into the text of a query.

pub mod audit;
pub mod commands;
pub mod decisions;
pub mod export;
pub mod past;
mod plan;
mod sql;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Row};
use schemas::{FeederId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service_kit::clickhouse::why;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use plan::{Plan, PlanError, Range, Resolution};

use crate::caps::{EXPORTS_MAX, HISTORY_READS_MAX};
use crate::metrics;

/// Where ClickHouse is.
#[derive(Debug, Clone)]
pub struct HistoryConfig {
    /// Its HTTP interface.
    pub url: String,
    /// Its database.
    pub database: String,
    /// Its user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// File of the authority of its certificate; none = the machine's own authorities.
    pub authority: Option<PathBuf>,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// ClickHouse is not there, or cannot answer.
    #[error("history is unavailable: ClickHouse does not answer")]
    Unavailable,
    /// It took too long.
    #[error("history was not read within {} ms; ask for a shorter range or fewer points", .0.as_millis())]
    Timeout(Duration),
    /// The request cannot be met as asked.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Why ClickHouse does not answer at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ClickHouse does not answer: {0}")]
pub struct Unreachable(String);

/// A point of a feeder's series.
#[derive(Debug, Clone, PartialEq)]
pub struct FeederPoint {
    /// When: the decision, or the start of the bucket; ms since the epoch.
    pub at_ms: i64,
    /// Load, kW.
    pub load_kw: f64,
    /// Limit in force (the strictest within the bucket), kW.
    pub limit_kw: f64,
    /// Headroom, kW.
    pub headroom_kw: f64,
    /// Wanted and not given, kW.
    pub curtailed_kw: f64,
    /// The sum of the setpoints, kW.
    pub allocated_kw: f64,
    /// Held back, kW; none in minutes and hours from before it was kept.
    pub reserved_kw: Option<f64>,
}

/// A point of a device's series.
#[derive(Debug, Clone, PartialEq)]
pub struct TelemetryPoint {
    /// When: the sample, or the start of the bucket; ms since the epoch.
    pub at_ms: i64,
    /// Power, kW.
    pub power_kw: f64,
    /// The least within the bucket.
    pub min_kw: Option<f64>,
    /// The most within the bucket.
    pub max_kw: Option<f64>,
    /// The setpoint then.
    pub setpoint_kw: Option<f64>,
    /// The last state of charge within the bucket.
    pub soc: Option<f64>,
}

#[derive(Row, Deserialize)]
struct FeederRow {
    id: String,
    at_ms: i64,
    load_kw: f64,
    limit_kw: f64,
    headroom_kw: f64,
    curtailed_kw: f64,
    allocated_kw: f64,
    reserved_kw: Option<f64>,
}

impl FeederRow {
    fn split(self) -> (String, FeederPoint) {
        let Self {
            id,
            at_ms,
            load_kw,
            limit_kw,
            headroom_kw,
            curtailed_kw,
            allocated_kw,
            reserved_kw,
        } = self;
        let point = FeederPoint {
            at_ms,
            load_kw,
            limit_kw,
            headroom_kw,
            curtailed_kw,
            allocated_kw,
            reserved_kw,
        };
        (id, point)
    }
}

#[derive(Row, Deserialize)]
struct DeviceRow {
    id: String,
    at_ms: i64,
    power_kw: f64,
    min_kw: Option<f64>,
    max_kw: Option<f64>,
    setpoint_kw: Option<f64>,
    soc: Option<f64>,
}

impl DeviceRow {
    fn split(self) -> (String, TelemetryPoint) {
        let Self { id, at_ms, power_kw, min_kw, max_kw, setpoint_kw, soc } = self;
        (id, TelemetryPoint { at_ms, power_kw, min_kw, max_kw, setpoint_kw, soc })
    }
}

/// Points of each id, also of those without any.
type Each<T> = HashMap<String, Result<Vec<T>, PlanError>>;

fn by_id<T>(ids: &[&str], range: &Range, rows: impl Iterator<Item = (String, T)>) -> Each<T> {
    let mut series: HashMap<String, Vec<T>> =
        ids.iter().map(|id| ((*id).to_owned(), Vec::new())).collect();
    for (id, point) in rows {
        series.entry(id).or_default().push(point);
    }
    series.into_iter().map(|(id, points)| (id, range.check_count(points))).collect()
}

/// How far a device was from its setpoints.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct TrackingRow {
    /// Which device.
    pub device_id: String,
    /// Decisions compared.
    pub samples: u64,
    /// Signed mean of actual less setpoint, kW.
    pub mean_kw: f64,
    /// Its mean absolute value, kW.
    pub mean_abs_kw: f64,
}

/// Reads history.
pub struct History {
    client: Client,
    timeout: Duration,
    reads: Semaphore,
    exports: Arc<Semaphore>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

impl History {
    /// A reader; it connects by itself.
    ///
    /// # Errors
    /// When the authority of ClickHouse's certificate cannot be used.
    pub fn new(config: &HistoryConfig) -> anyhow::Result<Self> {
        let client = service_kit::clickhouse::client(&config.url, config.authority.as_deref())?;
        let mut client = client.with_database(&config.database);
        if let Some(user) = &config.user {
            client = client.with_user(user);
        }
        if let Some(password) = &config.password {
            client = client.with_password(password.expose_secret());
        }
        // The server gives up too, so that nobody computes for an answer that nobody awaits.
        let seconds = config.timeout.as_secs_f64().ceil();
        client = client.with_setting("max_execution_time", seconds.to_string());
        Ok(Self {
            client,
            timeout: config.timeout,
            reads: Semaphore::new(HISTORY_READS_MAX),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
        })
    }

    /// Whether ClickHouse answers.
    ///
    /// # Errors
    /// [`Unreachable`].
    pub async fn ping(&self) -> Result<(), Unreachable> {
        let query = self.client.query("SELECT toUInt8(1)").fetch_one::<u8>();
        match tokio::time::timeout(self.timeout, query).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Unreachable(why(&error))),
            Err(_) => Err(Unreachable(format!("not within {} ms", self.timeout.as_millis()))),
        }
    }

    /// The series of some feeders, by their ids; of each, whether it has more points than were asked for.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn feeders(
        &self,
        ids: &[&str],
        range: &Range,
        now: Timestamp,
    ) -> Result<Each<FeederPoint>, HistoryError> {
        let plan = range.plan(now)?;
        let rows =
            self.fetch::<FeederRow>(self.series(sql::feeders(plan), plan, range, ids)).await?;
        Ok(by_id(ids, range, rows.into_iter().map(FeederRow::split)))
    }

    /// The series of some devices, by their ids; of each, whether it has more points than were asked for.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn devices(
        &self,
        ids: &[&str],
        range: &Range,
        now: Timestamp,
    ) -> Result<Each<TelemetryPoint>, HistoryError> {
        let plan = range.plan(now)?;
        let rows =
            self.fetch::<DeviceRow>(self.series(sql::devices(plan), plan, range, ids)).await?;
        Ok(by_id(ids, range, rows.into_iter().map(DeviceRow::split)))
    }

    /// How far each device was from its setpoints since a point in time.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn tracking(&self, since: Timestamp) -> Result<Vec<TrackingRow>, HistoryError> {
        let query = self.client.query(sql::TRACKING).param("from", since.0);
        self.fetch(query).await
    }

    /// The newest stored decision of a feeder since a moment.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn newest_decision(
        &self,
        feeder_id: &FeederId,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, HistoryError> {
        let query = self.client.query(sql::NEWEST_DECISION).param("feeder", feeder_id.as_str());
        let newest: Vec<(i64, u64)> = self.fetch(query.param("from", since.0)).await?;
        Ok(newest.first().filter(|(_, count)| *count > 0).map(|(at, _)| Timestamp(*at)))
    }

    /// The logs that rows of operators' changes are of; empty for those from before logs had identities.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn logs(&self) -> Result<Vec<String>, HistoryError> {
        self.fetch(self.client.query(sql::LOGS)).await
    }

    fn series(
        &self,
        text: &str,
        plan: Plan,
        range: &Range,
        ids: &[&str],
    ) -> clickhouse::query::Query {
        let bounds = plan.bounds(range);
        self.client
            .query(text)
            .param("ids", ids)
            .param("from", bounds.from.0)
            .param("to", bounds.to.0)
            .param("grid", bounds.grid.0)
            .param("width", plan.width_ms())
            .param("most", range.row_limit())
    }

    /// The only value of a query.
    async fn fetch_one(&self, query: clickhouse::query::Query) -> Result<u64, HistoryError> {
        Ok(self.fetch::<u64>(query).await?.first().copied().unwrap_or(0))
    }

    async fn fetch<T>(&self, query: clickhouse::query::Query) -> Result<Vec<T>, HistoryError>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        let started = Instant::now();
        let read = async {
            let _turn = self.reads.acquire().await;
            query.fetch_all::<T>().await
        };
        let outcome = tokio::time::timeout(self.timeout, read).await;
        metrics::observe_history(started.elapsed());
        match outcome {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                tracing::warn!(error = why(&error), "history could not be read");
                Err(HistoryError::Unavailable)
            }
            Err(_) => Err(HistoryError::Timeout(self.timeout)),
        }
    }
}
