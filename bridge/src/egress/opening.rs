//! Taking a partition over: from where to act, who holds it there, and what its devices were told before.

use anyhow::Context;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::decision::LedgerRecord;
use schemas::topics::Topic;
use service_kit::log::{LogConfig, LogRecord, Start, read_to_end};
use tokio::time::sleep;

use super::Egress;
use crate::caps;
use crate::commandable::commandable;
use crate::metrics;
use crate::partitions::{Partition, holder_of};

/// Each look back that did not find who holds the partition is followed by one so much longer.
const LONGER: i64 = 20;

impl Egress {
    /// Opens a partition; tries until the log answers.
    pub(super) async fn open_partition(&mut self, number: i32) -> Partition {
        loop {
            match self.try_open(number).await {
                Ok(partition) => return partition,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        partition = number,
                        "a partition of decisions cannot be opened yet"
                    );
                    sleep(caps::RECONNECT_PAUSE_MAX / 5).await;
                }
            }
        }
    }

    async fn try_open(&mut self, number: i32) -> anyhow::Result<Partition> {
        let stored = self.group.position(number).await.context("the group's position")?;
        let (first, end) =
            self.reader.bounds(Topic::Decisions, number).await.context("the partition's bounds")?;
        let mut back = caps::LOOK_BACK_RECORDS;
        loop {
            let base = stored.as_ref().map_or(end, |(position, _)| *position);
            let from = base.min(end).saturating_sub(back).max(first);
            let records = records(&self.parts.config.log, number, from).await?;
            // A position that is gone from the log, or ahead of it (the log was made anew), is none.
            let position = stored.as_ref().filter(|(position, _)| (first..=end).contains(position));
            let partition = match position {
                Some((position, text)) => {
                    let holder = holder_of(text);
                    self.act_from(number, *position, Ledger::resume(holder), records)
                }
                // Without a position: what is still valid of the last records goes out (newest per device, the rest
                // has expired), once it is known who held the partition.
                None => {
                    let claimed = from == first
                        || records.iter().any(|record| {
                            matches!(
                                LedgerRecord::decode(&record.value),
                                Ok(LedgerRecord::Claim(_))
                            )
                        });
                    if !claimed {
                        back = back.saturating_mul(LONGER);
                        continue;
                    }
                    self.act_from(number, from, Ledger::new(), records)
                }
            };
            return Ok(partition);
        }
    }

    /// Reads records up to `position` for what devices were told, and acts on those after it.
    fn act_from(
        &mut self,
        number: i32,
        position: i64,
        at_position: Ledger,
        records: Vec<LogRecord>,
    ) -> Partition {
        let now = self.parts.clock.now();
        let mut before = Ledger::new();
        let mut partition = Partition::new(at_position, position);
        for record in records {
            if record.offset >= position {
                self.open.insert(number, partition);
                self.read(record);
                partition = self.open.remove(&number).expect("inserted a moment ago");
                continue;
            }
            match LedgerRecord::decode(&record.value).map(|entry| before.read(entry)) {
                Ok(Verdict::Decided(decision)) => {
                    let (devices, _) = commandable(&decision);
                    let fence = (decision.epoch, decision.seq);
                    self.watchdog.heard(&decision.root, fence, &devices, number, now);
                    partition.note_seq(&decision.root, decision.seq);
                }
                Ok(_) => {}
                Err(_) => metrics::poison(Topic::Decisions.suffix()),
            }
        }
        partition
    }
}

/// The records of a partition from an offset to its present end.
async fn records(log: &LogConfig, number: i32, from: i64) -> anyhow::Result<Vec<LogRecord>> {
    let mut records = Vec::new();
    let from = [(Topic::Decisions, number, Start::Offset(from))];
    read_to_end(log, &from, |record| -> anyhow::Result<()> {
        records.push(record);
        Ok(())
    })
    .await?;
    Ok(records)
}
