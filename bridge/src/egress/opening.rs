//! Taking partitions over: from where to act, who holds them there, and what their devices were told before.
//!
//! All at once and as a stream: a look back may be hundreds of large records.

use std::collections::BTreeMap;

use anyhow::Context;
use futures::future::try_join_all;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::{Holder, Ledger, Verdict};
use schemas::records::decision::LedgerRecord;
use schemas::topics::Topic;
use service_kit::log::{Group, LogConfig, LogRecord, ReadError, Reader, Start, read_to_end};
use tokio::time::sleep;
use uuid::Uuid;

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
    ///
    /// # Errors
    /// When that would be of no use.
    pub(super) async fn open_partitions(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        while let Err(error) = self.try_open(numbers).await {
            if ReadError::ends(&error) {
                return Err(error);
            }
            tracing::warn!(error = format!("{error:#}"), "decisions cannot be read yet");
            for number in numbers {
                self.open.remove(number);
            }
            sleep(caps::RECONNECT_PAUSE_MAX / 5).await;
        }
        Ok(())
    }

    async fn try_open(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        let log = self.parts.config.log.clone();
        let (group, reader) = (&self.group, &self.reader);
        let lineage = self.parts.directory.lineage();
        let plans =
            numbers.iter().map(|number| plan(group, reader, &log, *number, lineage.as_ref()));
        let plans = try_join_all(plans).await?;
        let mut before = BTreeMap::new();
        for plan in &plans {
            let ledger = plan.holder.map_or_else(Ledger::new, |held| Ledger::resume(Some(held)));
            let ledger = ledger.of(lineage.clone());
            self.open.insert(plan.number, Partition::new(ledger, plan.act_from));
            before.insert(plan.number, (Ledger::new().of(lineage.clone()), plan.act_from));
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
                    partition.learn(&decision.root, ledger);
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
    lineage: Option<&Lineage>,
) -> anyhow::Result<Plan> {
    let stored = group.position(number).await.context("the group's position")?;
    let (first, end) = reader.bounds(Topic::Decisions, number).await.context("its bounds")?;
    // A position that is gone from the log, ahead of it, or of another log is none.
    if let Some((position, text)) = stored.filter(|(at, _)| (first..=end).contains(at)) {
        let (holder, log) = unstamped(&text);
        if lineage.is_none_or(|lineage| is_of(lineage, log)) {
            return Ok(Plan {
                number,
                from: position.saturating_sub(caps::LOOK_BACK_RECORDS).max(first),
                act_from: position,
                holder: holder_of(holder),
            });
        }
        tracing::warn!(
            partition = number,
            ?log,
            "the log was made anew: a stored position of another one is not used"
        );
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

/// Whether a position was stored in this very log, or before logs had identities.
fn is_of(lineage: &Lineage, log: Option<Uuid>) -> bool {
    lineage.is_current(log) || (log.is_none() && lineage.adopted())
}

/// The text of a position with the log that it is of.
pub(super) fn stamped(holder: &str, log: Option<Uuid>) -> String {
    log.map_or_else(|| holder.to_owned(), |log| format!("{holder}@{log}"))
}

fn unstamped(text: &str) -> (&str, Option<Uuid>) {
    text.split_once('@').map_or((text, None), |(holder, log)| (holder, Uuid::parse_str(log).ok()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::records::operator::LogMade;

    #[test]
    fn a_position_counts_in_the_log_that_it_was_stored_in() {
        let id = Uuid::from_u128;
        let made = |log, adopted, from| LogMade {
            log_id: id(log),
            adopted,
            restored_from: from,
            ends: Vec::new(),
        };
        let text = |log: Option<u128>| stamped("3/writer", log.map(id));
        let counts = |lineage: &Lineage, log| {
            let text = text(log);
            let (holder, log) = unstamped(&text);
            assert_eq!(holder, "3/writer");
            is_of(lineage, log)
        };
        let fresh = Lineage::new(made(5, false, None));
        assert_eq!([Some(5), Some(4), None].map(|log| counts(&fresh, log)), [true, false, false]);
        let mut adopted = Lineage::new(made(5, true, None));
        assert!(counts(&adopted, None), "from before logs had identities");
        assert!(adopted.restore(&made(6, false, Some(id(5)))));
        assert_eq!([Some(6), Some(5)].map(|log| counts(&adopted, log)), [true, false]);
    }
}
