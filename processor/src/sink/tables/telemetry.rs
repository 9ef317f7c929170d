//! Samples: a row each, once.

use std::collections::HashSet;

use schemas::records::telemetry::Telemetry;
use service_kit::clickhouse::rows::{self, Place, TelemetryRow};

use super::super::seen::Seen;
use super::super::service::{Before, Store};
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// What is remembered of samples.
#[derive(Debug)]
pub(super) struct Samples(Seen);

impl Table for Samples {
    type Record = Telemetry;
    type Row = TelemetryRow;
    const POSITIONS: &'static str = "telemetry";
    // By the rollup: a row for each minute of a device.
    const NEWEST: Option<&'static str> = Some(
        "SELECT toString(device_id), toInt64(toUnixTimestamp(max(minute)) + 60) * 1000 \
         FROM telemetry_1m WHERE minute >= toDateTime({since:Int64}, 'UTC') GROUP BY device_id",
    );

    fn new(beginning: Beginning) -> Self {
        Self(Seen::new(beginning.past))
    }

    fn prepare(&mut self, sample: Telemetry, place: Place) -> Outcome<TelemetryRow> {
        let novelty = self.0.note(sample.message_id, &sample.device_id, sample.ts, 0);
        let time = sample.arrival;
        Ok(Some(Prepared { time, novelty, row: rows::telemetry(sample, place) }))
    }

    fn name(row: &TelemetryRow) -> Option<String> {
        Some(row.moment())
    }

    async fn stored(
        rows: &[&TelemetryRow],
        store: &Store,
        before: &Before,
    ) -> anyhow::Result<HashSet<String>> {
        store.stored_moments(rows, before).await
    }

    async fn write(rows: &[TelemetryRow], block: &Destination<'_>) -> anyhow::Result<()> {
        block.write("telemetry", rows).await
    }
}
