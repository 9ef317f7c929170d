//! Which partitions this bridge acts on: taking them over and giving them up.

use schemas::topics::Topic;
use service_kit::log::{GroupEvent, Start};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Egress;
use crate::metrics;

impl Egress {
    /// Takes over partitions as the group says. One that is taken away is worked on until it is said who has what: when
    /// the log is away the group takes away everything, and somebody must still watch the trees.
    pub(super) async fn membership(
        &mut self,
        event: GroupEvent,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        match event {
            GroupEvent::Revoked(partitions) => {
                self.store_positions();
                let now = Instant::now();
                self.leaving.extend(partitions.iter().map(|number| (*number, now)));
                Ok(self.group.release(&partitions)?)
            }
            GroupEvent::Assigned(partitions) => {
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
            if self.open.remove(number).is_some() {
                self.reader.remove(&[(Topic::Decisions, *number)])?;
            }
        }
        let kept: Vec<i32> = self.open.keys().copied().collect();
        self.watchdog.keep_partitions(&kept);
        metrics::partitions(kept.len());
        Ok(())
    }

    /// Works on these partitions too from now on.
    pub(super) async fn take_over(
        &mut self,
        wanted: &[i32],
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let new: Vec<i32> =
            wanted.iter().copied().filter(|number| !self.open.contains_key(number)).collect();
        tokio::select! {
            opened = self.open_partitions(&new) => opened?,
            () = shutdown.cancelled() => {
                // What was not read to its end is not acted on.
                self.open.retain(|number, _| !new.contains(number));
                return Ok(());
            }
        }
        let starts: Vec<_> = new
            .iter()
            .filter_map(|number| {
                let next = self.open.get(number)?.next();
                Some((Topic::Decisions, *number, Start::Offset(next)))
            })
            .collect();
        self.reader.add(&starts)?;
        metrics::partitions(self.open.len());
        tracing::info!(partitions = ?self.open.keys(), "acting on decisions");
        Ok(())
    }
}
