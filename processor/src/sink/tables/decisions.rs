//! Decisions that count, each in four tables: its feeders, its devices, the setpoints that it sends, its alarms.

use schemas::ledger::{Ledger, Verdict};
use schemas::records::decision::{Decision, LedgerRecord};
use service_kit::clickhouse::rows::{self, Place};

use super::super::seen::Novelty;
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// Which decisions count.
#[derive(Debug)]
pub(super) struct Decisions(Ledger);

impl Table for Decisions {
    type Record = LedgerRecord;
    /// Whole decisions with the place of their last record: their rows are made when they are written.
    type Row = (i64, Decision);
    const POSITIONS: &'static str = "decisions";

    fn new(beginning: Beginning) -> Self {
        Self(Ledger::new().of(beginning.lineage))
    }

    fn prepare(&mut self, record: LedgerRecord, place: Place) -> Outcome<Self::Row> {
        match self.0.read(record) {
            Verdict::Decided(decision) => {
                let time = decision.header.at;
                Ok(Some(Prepared { time, novelty: Novelty::New, row: (place.offset, decision) }))
            }
            Verdict::Void(void) => Err(void),
            Verdict::Claimed(_) | Verdict::Partial => Ok(None),
        }
    }

    async fn write(decisions: &[Self::Row], block: &Destination<'_>) -> anyhow::Result<()> {
        let setpoints = all(decisions, block, rows::setpoints);
        block.write("setpoints", &setpoints).await?;
        let devices = all(decisions, block, rows::decision_devices);
        block.write("decision_devices", &devices).await?;
        let alarms = all(decisions, block, rows::alarms);
        block.write("decision_alarms", &alarms).await?;
        // Last: its positions say where the topic goes on.
        let nodes = all(decisions, block, rows::decision);
        block.write("decisions", &nodes).await
    }
}

fn all<R>(
    decisions: &[(i64, Decision)],
    block: &Destination<'_>,
    rows: impl Fn(&Decision, Place) -> Vec<R>,
) -> Vec<R> {
    let of = |(offset, decision): &(i64, Decision)| rows(decision, block.place(*offset));
    decisions.iter().flat_map(of).collect()
}
