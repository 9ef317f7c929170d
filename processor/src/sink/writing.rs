//! Writing one block: its name is stored first, then its rows go out under that name until ClickHouse has them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use schemas::topics::Topic;
use service_kit::clickhouse::rows::{self, Place};
use service_kit::clickhouse::why;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::Positions;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::block::Planned;
use super::gathered::Gathered;
use super::service::{Before, BlockId, Store};
use super::stream::Block;
use super::trouble::{Step, Troubles};
use crate::caps::SINK_INSERT_TIMEOUT;
use crate::metrics;

const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);

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
        let mut wait = RETRY_FIRST;
        // A position that is being stored when the partition is taken away is waited for: what comes after must know it.
        while let Err(error) = self.plan().await {
            metrics::count_sink_error("position");
            self.troubles.failed(self.step(), &error, SystemClock.now());
            tracing::debug!(%error, "the log did not take the sink's position; trying again");
            if !self.pause(wait).await {
                return false;
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
        wait = RETRY_FIRST;
        let abandoned = self.abandoned.clone();
        loop {
            let attempt = tokio::select! {
                biased;
                () = abandoned.cancelled() => return false,
                attempt = self.insert() => attempt,
            };
            let Err(error) = attempt else { break };
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
            wait = (wait * 2).min(RETRY_MAX);
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
        let Block { partition, first, last, rows, log, .. } = &self.block;
        let (partition, first, last, log) = (*partition, *first, *last, *log);
        let block = |table| BlockId { table, partition, first, last, log };
        let store = &self.store;
        match &rows.gathered {
            Gathered::Telemetry(rows) => store.write(block("telemetry"), rows).await,
            Gathered::Acks(rows) => store.write(block("acks"), rows).await,
            Gathered::Operator(rows) => store.write(block("operator_log"), rows).await,
            Gathered::DeadLetters(rows) => store.write(block("dead_letters"), rows).await,
            Gathered::Sent(rows) => store.write(block("sent"), rows).await,
            Gathered::Decisions(decisions) => {
                let of = self.log;
                let place = |offset: &i64| Place { log: of, partition, offset: *offset };
                let setpoints: Vec<_> = decisions
                    .iter()
                    .flat_map(|(offset, decision)| rows::setpoints(decision, place(offset)))
                    .collect();
                store.write(block("setpoints"), &setpoints).await?;
                let devices: Vec<_> = decisions
                    .iter()
                    .flat_map(|(offset, decision)| rows::decision_devices(decision, place(offset)))
                    .collect();
                store.write(block("decision_devices"), &devices).await?;
                let alarms: Vec<_> = decisions
                    .iter()
                    .flat_map(|(offset, decision)| rows::alarms(decision, place(offset)))
                    .collect();
                store.write(block("decision_alarms"), &alarms).await?;
                // Last: its positions say where the topic goes on.
                let nodes: Vec<_> = decisions
                    .iter()
                    .flat_map(|(offset, decision)| rows::decision(decision, place(offset)))
                    .collect();
                store.write(block("decisions"), &nodes).await
            }
        }
    }

    /// Asks ClickHouse about messages that may have come longer ago than anybody remembers.
    async fn drop_stored(&mut self) -> anyhow::Result<()> {
        let Block { topic, partition, first, rows, .. } = &mut self.block;
        if rows.unsure.is_empty() {
            return Ok(());
        }
        let before = Before { log: self.log, partition: *partition, first: *first };
        let stored: HashSet<String> = match &rows.gathered {
            Gathered::Telemetry(_) => {
                self.store.stored_moments(&rows.unsure_samples(), &before).await?
            }
            Gathered::Acks(_) => self.store.stored_acks(&rows.unsure_acks(), &before).await?,
            Gathered::Operator(_)
            | Gathered::DeadLetters(_)
            | Gathered::Sent(_)
            | Gathered::Decisions(_) => HashSet::new(),
        };
        for _ in 0..rows.drop_stored(&stored) {
            metrics::count_duplicate(*topic);
        }
        Ok(())
    }
}
