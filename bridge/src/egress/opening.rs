//! Taking partitions over: from where to act, who holds them there, and what their devices were told before.
//!
//! All at once and as a stream: a look back may be hundreds of large records.

use std::collections::BTreeMap;

use anyhow::Context;
use futures::future::try_join_all;
use schemas::codec::Record;
use schemas::ledger::{Holder, Ledger, Verdict};
use schemas::records::decision::LedgerRecord;
use schemas::topics::Topic;
use service_kit::log::{Group, LogConfig, LogRecord, Reader, Start, read_to_end};
use tokio::time::sleep;

use super::Egress;
use crate::caps;
use crate::commandable::commandable;
use crate::metrics;
use crate::partitions::{Partition, holder_of};

/// Each look back that did not find who holds a partition is followed by one so much longer.
const LONGER: i64 = 20;

/// Where to begin with a partition.
#[derive(Debug, Clone, Copy)]
struct Plan {
    number: i32,
    /// Records from here on are read.
    from: i64,
    /// Those from here on are acted on.
    act_from: i64,
    /// Who holds it at `act_from`; none where the records will tell.
    holder: Option<Holder>,
}

impl Egress {
    /// Opens partitions and reads them up to their present end; tries until the log answers.
    pub(super) async fn open_partitions(&mut self, numbers: &[i32]) {
        while let Err(error) = self.try_open(numbers).await {
            tracing::warn!(error = format!("{error:#}"), "decisions cannot be read yet");
            for number in numbers {
                self.open.remove(number);
            }
            sleep(caps::RECONNECT_PAUSE_MAX / 5).await;
        }
    }

    async fn try_open(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        let log = self.parts.config.log.clone();
        let (group, reader) = (&self.group, &self.reader);
        let plans =
            try_join_all(numbers.iter().map(|number| plan(group, reader, &log, *number))).await?;
        let mut before = BTreeMap::new();
        for plan in &plans {
            let ledger = plan.holder.map_or_else(Ledger::new, |held| Ledger::resume(Some(held)));
            self.open.insert(plan.number, Partition::new(ledger, plan.act_from));
            before.insert(plan.number, (Ledger::new(), plan.act_from));
        }
        let starts: Vec<_> = plans
            .iter()
            .map(|plan| (Topic::Decisions, plan.number, Start::Offset(plan.from)))
            .collect();
        read_to_end(&log, &starts, |record| -> anyhow::Result<()> {
            match before.get_mut(&record.partition) {
                Some((ledger, act_from)) if record.offset < *act_from => {
                    self.look_back(&record, ledger);
                }
                _ => self.read(record),
            }
            Ok(())
        })
        .await
    }

    /// Notes what devices were told before the position from which this bridge acts.
    fn look_back(&mut self, record: &LogRecord, ledger: &mut Ledger) {
        match LedgerRecord::decode(&record.value).map(|entry| ledger.read(entry)) {
            Ok(Verdict::Decided(decision)) => {
                let (devices, _) = commandable(&decision);
                let (fence, now) = ((decision.epoch, decision.seq), self.parts.clock.now());
                self.watchdog.heard(&decision.root, fence, &devices, record.partition, now);
                if let Some(partition) = self.open.get_mut(&record.partition) {
                    partition.note_seq(&decision.root, decision.seq);
                }
            }
            Ok(_) => {}
            Err(_) => metrics::poison(Topic::Decisions.suffix()),
        }
    }
}

async fn plan(
    group: &Group,
    reader: &Reader,
    log: &LogConfig,
    number: i32,
) -> anyhow::Result<Plan> {
    let stored = group.position(number).await.context("the group's position")?;
    let (first, end) = reader.bounds(Topic::Decisions, number).await.context("its bounds")?;
    // A position that is gone from the log, or ahead of it (the log was made anew), is none.
    if let Some((position, text)) = stored.filter(|(at, _)| (first..=end).contains(at)) {
        return Ok(Plan {
            number,
            from: position.saturating_sub(caps::LOOK_BACK_RECORDS).max(first),
            act_from: position,
            holder: holder_of(&text),
        });
    }
    // Without one, what is still valid of the last records goes out: the newest of each device; the rest has expired.
    // That takes a claim among them, to know whose records count.
    let mut back = caps::LOOK_BACK_RECORDS;
    loop {
        let from = end.saturating_sub(back).max(first);
        if from == first || has_claim(log, number, from).await? {
            return Ok(Plan { number, from, act_from: from, holder: None });
        }
        back = back.saturating_mul(LONGER);
    }
}

/// Whether a claim stands in a partition from an offset on.
async fn has_claim(log: &LogConfig, number: i32, from: i64) -> anyhow::Result<bool> {
    let mut found = false;
    let start = [(Topic::Decisions, number, Start::Offset(from))];
    read_to_end(log, &start, |record| -> anyhow::Result<()> {
        found |= matches!(LedgerRecord::decode(&record.value), Ok(LedgerRecord::Claim(_)));
        Ok(())
    })
    .await?;
    Ok(found)
}
