//! Operators' changes: a row each.

use schemas::records::operator::OperatorRecord;
use service_kit::clickhouse::rows::{self, OperatorRow, Place};

use super::super::seen::Novelty;
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// Nothing is remembered of them.
#[derive(Debug)]
pub(super) struct Changes;

impl Table for Changes {
    type Record = OperatorRecord;
    type Row = OperatorRow;
    const POSITIONS: &'static str = "operator_log";

    fn new(_: Beginning) -> Self {
        Self
    }

    fn prepare(&mut self, record: OperatorRecord, place: Place) -> Outcome<OperatorRow> {
        let time = record.at;
        Ok(Some(Prepared { time, novelty: Novelty::New, row: rows::operator(record, place) }))
    }

    async fn write(rows: &[OperatorRow], block: &Destination<'_>) -> anyhow::Result<()> {
        block.write("operator_log", rows).await
    }
}
