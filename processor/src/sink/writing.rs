//! Writing one block: its name is stored first, then its rows go out under that name until ClickHouse has them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use schemas::topics::Topic;
use service_kit::clickhouse::why;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::Positions;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::PAUSES;
use super::block::Planned;
use super::service::{Before, Store};
use super::stream::Block;
use super::tables::Destination;
use super::trouble::{Step, Troubles};
use crate::caps::SINK_INSERT_TIMEOUT;
use crate::metrics;

/// A block on its way.
pub(super) struct Writing {
    pub(super) block: Block,
    pub(super) store: Store,
    pub(super) positions: Positions,
    /// The log that its rows name.
    pub(super) log: Uuid,
    /// Inserts at the same time, of all streams.
    pub(super) turns: Arc<Semaphore>,
    pub(super) troubles: Troubles,
    /// The partition is another's: stop where no harm is done.
    pub(super) abandoned: CancellationToken,
}

/// What became of it.
pub(super) struct Written {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    pub(super) bytes: usize,
    /// False where it was abandoned; whoever has the partition now writes it.
    pub(super) done: bool,
}

impl Writing {
    /// Writes it, however long that takes.
    pub(super) async fn run(mut self) -> Written {
        let (topic, partition) = (self.block.topic, self.block.partition);
        let done = self.work().await;
        // Done, or another's business.
        self.troubles.over(self.step(), SystemClock.now());
        Written { topic, partition, bytes: self.block.bytes, done }
    }

    fn step(&self) -> Step {
        Step::Block(self.block.topic, self.block.partition)
    }

    async fn work(&mut self) -> bool {
        let mut pauses = PAUSES;
        // A position that is being stored when the partition is taken away is waited for: what comes after must know it.
        while let Err(error) = self.plan().await {
            metrics::count_sink_error("position");
            self.troubles.failed(self.step(), &error, SystemClock.now());
            tracing::debug!(%error, "the log did not take the sink's position; trying again");
            if !self.pause(pauses.failed()).await {
                return false;
            }
        }
        pauses.begin_anew();
        let abandoned = self.abandoned.clone();
        loop {
            let attempt = tokio::select! {
                biased;
                () = abandoned.cancelled() => return false,
                attempt = self.insert() => attempt,
            };
            let Err(error) = attempt else { break };
            let wait = pauses.failed();
            metrics::count_sink_error("write");
            self.troubles.failed(self.step(), &error, SystemClock.now());
            tracing::warn!(
                error = why(error.as_ref()),
                ?wait,
                "ClickHouse did not take a block; trying again"
            );
            if !self.pause(wait).await {
                return false;
            }
        }
        // Only a hint, so nobody waits for it: without it the block is written again, and counts once.
        let Block { topic, partition, last, .. } = self.block;
        if let Err(error) = self.positions.note(&[(topic, partition, last + 1, String::new())]) {
            tracing::debug!(%error, "the sink's position was not noted");
        }
        true
    }

    /// Waits; false where the block has been abandoned.
    async fn pause(&self, wait: Duration) -> bool {
        tokio::select! {
            () = self.abandoned.cancelled() => false,
            () = sleep(wait) => true,
        }
    }

    async fn plan(&self) -> anyhow::Result<()> {
        let Block { topic, partition, first, last, log, .. } = self.block;
        let planned = Planned { first, last, at: SystemClock.now(), log };
        Ok(self.positions.store(&[(topic, partition, first, planned.text())]).await?)
    }

    async fn insert(&mut self) -> anyhow::Result<()> {
        let turns = Arc::clone(&self.turns);
        let _turn = turns.acquire().await.context("the semaphore is never closed")?;
        timeout(SINK_INSERT_TIMEOUT, self.insert_all())
            .await
            .with_context(|| format!("no answer within {SINK_INSERT_TIMEOUT:?}"))?
    }

    async fn insert_all(&mut self) -> anyhow::Result<()> {
        self.drop_stored().await?;
        let Block { partition, first, last, log: named, ref rows, .. } = self.block;
        let (store, log) = (&self.store, self.log);
        rows.write(&Destination { store, log, partition, first, last, named }).await
    }

    /// Asks ClickHouse about messages that may have come longer ago than anybody remembers.
    async fn drop_stored(&mut self) -> anyhow::Result<()> {
        let Block { topic, partition, first, rows, .. } = &mut self.block;
        if !rows.is_unsure() {
            return Ok(());
        }
        let before = Before { log: self.log, partition: *partition, first: *first };
        for _ in 0..rows.drop_stored(&self.store, &before).await? {
            metrics::count_duplicate(*topic);
        }
        Ok(())
    }
}
