//! Taking partitions over: from where to act, who holds them there, and what their devices were told before.
//!
//! All at once and as a stream: a look back may be hundreds of large records.

use anyhow::Context;
use bridge_outbound::{LOOK_BACK_RECORDS, Opening};
use futures::future::try_join_all;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::records::decision::LedgerRecord;
use schemas::topics::Topic;
use service_kit::log::{LogConfig, Positions, ReadError, Reader, Start, read_to_end};
use tokio::time::sleep;

use super::Egress;
use crate::caps;

/// Each look back that did not find who holds a partition is followed by one so much longer.
const LONGER: i64 = 20;

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
            self.outbound.close(numbers);
            sleep(caps::RECONNECT_PAUSE_MAX / 5).await;
        }
        Ok(())
    }

    async fn try_open(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        let log = self.parts.config.log.clone();
        let (positions, reader) = (&self.positions, &self.reader);
        let lineage = self.parts.directory.lineage();
        self.outbound.know(lineage.clone());
        let openings = numbers
            .iter()
            .map(|number| opening(positions, reader, &log, *number, lineage.as_ref()));
        let openings = try_join_all(openings).await?;
        for (number, opening) in numbers.iter().zip(&openings) {
            self.outbound.open(*number, *opening);
        }
        let start = |(number, opening): (&i32, &Opening)| {
            (Topic::Decisions, *number, Start::Offset(opening.from))
        };
        let starts: Vec<_> = numbers.iter().zip(&openings).map(start).collect();
        read_to_end(&log, &starts, |record| -> anyhow::Result<()> {
            self.read(&record);
            Ok(())
        })
        .await
    }
}

async fn opening(
    positions: &Positions,
    reader: &Reader,
    log: &LogConfig,
    number: i32,
    lineage: Option<&Lineage>,
) -> anyhow::Result<Opening> {
    let place = (Topic::Decisions, number);
    let stored = positions.get(&[place]).await.context("the group's position")?.remove(&place);
    let bounds = reader.bounds(Topic::Decisions, number).await.context("its bounds")?;
    if let Some((position, text)) = stored {
        if let Some(opening) = Opening::at((position, &text), bounds, lineage) {
            return Ok(opening);
        }
        tracing::warn!(
            partition = number,
            position,
            text,
            "a stored position that is not of this log, or gone from it, is not used"
        );
    }
    // Without one, what is still valid of the last records goes out: the newest of each device; the rest has expired.
    // That takes a claim among them, to know whose records count.
    let (first, end) = bounds;
    let mut back = LOOK_BACK_RECORDS;
    loop {
        let from = end.saturating_sub(back).max(first);
        if from == first || has_claim(log, number, from).await? {
            return Ok(Opening::from(from));
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
