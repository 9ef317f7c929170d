//! Acks: a row each, once.

use std::collections::HashSet;

use schemas::ids::stable_hash;
use schemas::records::ack::Ack;
use service_kit::clickhouse::rows::{self, AckRow, Place};

use super::super::seen::Seen;
use super::super::service::{Before, Store};
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// What is remembered of acks.
#[derive(Debug)]
pub(super) struct Acks(Seen);

impl Table for Acks {
    type Record = Ack;
    type Row = AckRow;
    const POSITIONS: &'static str = "acks";
    // They come soon after their time: those of a day more are looked at.
    const NEWEST: Option<&'static str> = Some(
        "SELECT toString(device_id), toUnixTimestamp64Milli(max(ts)) + 1 FROM acks \
         WHERE ts >= toDateTime({since:Int64}, 'UTC') \
         AND arrival >= toDateTime({since:Int64} - 86400, 'UTC') GROUP BY device_id",
    );

    fn new(beginning: Beginning) -> Self {
        Self(Seen::new(beginning.past))
    }

    fn prepare(&mut self, ack: Ack, place: Place) -> Outcome<AckRow> {
        // Several acks of a device may speak of the same moment.
        let tag = stable_hash(&[ack.message_id.as_bytes()]);
        let novelty = self.0.note(ack.message_id, &ack.device_id, ack.ts, tag);
        Ok(Some(Prepared { time: ack.arrival, novelty, row: rows::ack(ack, place) }))
    }

    fn name(row: &AckRow) -> Option<String> {
        Some(row.message_id.to_string())
    }

    async fn stored(
        rows: &[&AckRow],
        store: &Store,
        before: &Before,
    ) -> anyhow::Result<HashSet<String>> {
        store.stored_acks(rows, before).await
    }

    async fn write(rows: &[AckRow], block: &Destination<'_>) -> anyhow::Result<()> {
        block.write("acks", rows).await
    }
}
