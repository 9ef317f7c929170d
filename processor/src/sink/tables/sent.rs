//! Setpoints that the broker has. What is sent twice is said twice: the first time counts, for whoever asks.

use schemas::records::sent::Sent;
use service_kit::clickhouse::rows::{self, Place, SentRow};

use super::super::seen::Novelty;
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// Nothing is remembered of them.
#[derive(Debug)]
pub(super) struct SentSetpoints;

impl Table for SentSetpoints {
    type Record = Sent;
    type Row = SentRow;
    const POSITIONS: &'static str = "sent";

    fn new(_: Beginning) -> Self {
        Self
    }

    fn prepare(&mut self, sent: Sent, place: Place) -> Outcome<SentRow> {
        let time = sent.decided_at;
        Ok(Some(Prepared { time, novelty: Novelty::New, row: rows::sent(sent, place) }))
    }

    async fn write(rows: &[SentRow], block: &Destination<'_>) -> anyhow::Result<()> {
        block.write("sent", rows).await
    }
}
