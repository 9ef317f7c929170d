//! Which partitions this bridge acts on: taking them over and giving them up.

use schemas::topics::Topic;
use service_kit::log::{Assigned, Start};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Egress;
use crate::metrics;

impl Egress {
    /// Takes over partitions as is said. One that is taken away is worked on until it is said who has what: when
    /// the log is away the group takes away everything, and somebody must still watch the trees.
    pub(super) async fn assigned(
        &mut self,
        assigned: Assigned,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        match assigned {
            Assigned::Lost(partitions) => {
                self.store_positions();
                let now = Instant::now();
                self.leaving.extend(partitions.iter().map(|number| (*number, now)));
                Ok(self.assignment.release(&partitions)?)
            }
            Assigned::Gained(partitions) => {
                let leaving = std::mem::take(&mut self.leaving);
                let given_away: Vec<i32> =
                    leaving.into_keys().filter(|number| !partitions.contains(number)).collect();
                self.give_up(&given_away)?;
                self.take_over(&partitions, shutdown).await
            }
        }
    }

    pub(super) fn give_up(&mut self, partitions: &[i32]) -> anyhow::Result<()> {
        for number in partitions {
            self.leaving.remove(number);
            if self.outbound.has(*number) {
                self.reader.remove(&[(Topic::Decisions, *number)])?;
            }
        }
        self.outbound.close(partitions);
        metrics::partitions(self.outbound.numbers().count());
        Ok(())
    }

    /// Works on these partitions too from now on.
    async fn take_over(
        &mut self,
        wanted: &[i32],
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let new: Vec<i32> =
            wanted.iter().copied().filter(|number| !self.outbound.has(*number)).collect();
        tokio::select! {
            opened = self.open_partitions(&new) => opened?,
            () = shutdown.cancelled() => {
                // What was not read to its end is not acted on.
                self.outbound.close(&new);
                return Ok(());
            }
        }
        let starts: Vec<_> = new
            .iter()
            .filter_map(|number| {
                let next = self.outbound.next_offset(*number)?;
                Some((Topic::Decisions, *number, Start::Offset(next)))
            })
            .collect();
        self.reader.add(&starts)?;
        let partitions: Vec<i32> = self.outbound.numbers().collect();
        metrics::partitions(partitions.len());
        tracing::info!(?partitions, "acting on decisions");
        Ok(())
    }
}
