//! Telemetry as a file, streamed as ClickHouse writes it: nothing of it is gathered here.

use std::sync::Arc;

use bytes::Bytes;
use clickhouse::query::BytesCursor;
use futures::stream;
use futures::{Stream, StreamExt};
use schemas::{DeviceId, FeederId, Timestamp};
use service_kit::clickhouse::why;
use tokio::sync::OwnedSemaphorePermit;

use super::{History, HistoryError, PlanError};
use crate::caps::EXPORT_SECONDS_MAX;

/// What a file of telemetry is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Text with a line of names.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// The stream format of Apache Arrow.
    Arrow,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Parquet, Self::Arrow];

    /// The ending of its files.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    fn of_clickhouse(self) -> &'static str {
        match self {
            Self::Csv => "CSVWithNames",
            Self::Parquet => "Parquet",
            Self::Arrow => "ArrowStream",
        }
    }
}

/// Which samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportAsked {
    /// From this moment on, by the bridge's clock.
    pub from: Timestamp,
    /// Up to this moment, which is not included.
    pub to: Timestamp,
    /// Of one feeder only.
    pub feeder_id: Option<FeederId>,
    /// Of one device only.
    pub device_id: Option<DeviceId>,
}

/// A file on its way.
pub struct Export {
    /// How many samples it will hold; more where some arrive meanwhile.
    pub rows: u64,
    first: Option<Bytes>,
    rest: BytesCursor,
    place: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Export {
    /// Its bytes. An error in the middle ends it as an error, so that a part is not taken for the whole. Who compresses them
    /// asks once more after the end.
    pub fn bytes(self) -> impl Stream<Item = Result<Bytes, clickhouse::error::Error>> {
        let Self { first, rest, place, .. } = self;
        stream::unfold((first, Some(rest), place), async |(first, rest, place)| {
            let mut rest = rest?;
            let chunk = match first {
                Some(first) => Ok(Some(first)),
                None => rest.next().await,
            };
            match chunk {
                Ok(chunk) => Some((Ok(chunk?), (None, Some(rest), place))),
                Err(error) => {
                    tracing::warn!(error = why(&error), "an export broke off");
                    Some((Err(error), (None, None, place)))
                }
            }
        })
        .fuse()
    }
}

const WHERE: &str = "
FROM telemetry
WHERE arrival >= fromUnixTimestamp64Milli({from:Int64}) AND arrival < fromUnixTimestamp64Milli({to:Int64})
  AND ({feeder:String} = '' OR feeder_id = {feeder:String})
  AND ({device:String} = '' OR device_id = {device:String})";

/// In the order in which they are stored, so that nothing is sorted in memory.
const COLUMNS: &str = "
SELECT
    toString(device_id)   AS device_id,
    toString(device_type) AS device_type,
    toString(feeder_id)   AS feeder_id,
    toString(site_id)     AS site_id,
    ts, arrival, power_kw, soc, energy_kwh,
    voltage_mv / 1000     AS voltage_v,
    current_ma / 1000     AS current_a,
    online,
    toString(fault_code)  AS fault_code,
    toString(source)      AS source,
    toString(message_id)  AS message_id";

const ORDER: &str = " ORDER BY telemetry.feeder_id, telemetry.device_id, telemetry.ts";

impl History {
    /// Begins to read samples as a file. Few are read at the same time; further ones wait for their turn, and no longer
    /// than any read.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn export(
        &self,
        asked: &ExportAsked,
        format: ExportFormat,
    ) -> Result<Export, HistoryError> {
        if asked.from >= asked.to {
            return Err(PlanError::Empty.into());
        }
        let query = |text: String| {
            let device = asked.device_id.as_ref().map_or("", DeviceId::as_str);
            let feeder = asked.feeder_id.as_ref().map_or("", FeederId::as_str);
            self.client
                .query(&text)
                .param("from", asked.from.0)
                .param("to", asked.to.0)
                .param("device", device)
                .param("feeder", feeder)
        };
        let begin = async {
            let Ok(place) = Arc::clone(&self.exports).acquire_owned().await else {
                return Err(HistoryError::Unavailable);
            };
            let rows = self.fetch_one(query(format!("SELECT count() {WHERE}"))).await?;
            let broken = |error| {
                tracing::warn!(error = why(&error), "an export did not begin");
                HistoryError::Unavailable
            };
            let mut rest = query(format!("{COLUMNS}{WHERE}{ORDER}"))
                .with_setting("max_execution_time", EXPORT_SECONDS_MAX.to_string())
                .fetch_bytes(format.of_clickhouse())
                .map_err(broken)?;
            let first = rest.next().await.map_err(broken)?;
            Ok(Export { rows, first, rest, place })
        };
        let outcome = tokio::time::timeout(self.timeout, begin).await;
        outcome.unwrap_or(Err(HistoryError::Timeout(self.timeout)))
    }
}
