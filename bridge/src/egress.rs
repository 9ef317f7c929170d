//! Decisions to the devices: reads them, publishes the setpoints of those that count, stores a position once the
//! broker has everything up to it.
//!
//! The group, or the settings, say which partitions are this bridge's; it is a hint. Two bridges that act on the same partition for
//! a moment publish the same messages with the same ids, and devices recognise them.

mod membership;
mod opening;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bridge_outbound::{Outbound, Read, Tries};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{Assignment, LogRecord, Position, Positions, Reader};
use service_kit::pulse::Loop;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::config::Config;
use crate::metrics;
use crate::publisher::Publisher;
use crate::recorder::Recorder;
use crate::registrar::Directory;

use self::sending::Tried;

/// The bridges' group.
const GROUP: &str = "bridge";
/// Longest wait for the log to take the last positions.
const LAST_POSITIONS_MAX: Duration = Duration::from_millis(500);
/// Records read at once before any of their setpoints goes out, so that only the newest does.
const READ_AHEAD_MAX: usize = 1_000;
/// A partition that was taken away is worked on for at least so long.
const HANDOVER_MAX: Duration = Duration::from_secs(5);
/// No wait for a retry is longer than this.
const IDLE: Duration = Duration::from_secs(3_600);

/// What it works with.
pub(crate) struct Parts {
    pub(crate) config: Config,
    /// Partitions of the tree topics.
    pub(crate) partitions: i32,
    pub(crate) directory: Arc<Directory>,
    pub(crate) publisher: Publisher,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Arc<dyn Clock>,
}

pub(crate) struct Egress {
    parts: Parts,
    assignment: Assignment,
    positions: Positions,
    reader: Reader,
    outbound: Outbound,
    /// Partitions that it works on though the group has taken them away, and when it did.
    leaving: BTreeMap<i32, Instant>,
    /// Those among these that another bridge certainly has by now.
    left: Vec<i32>,
    flying: FuturesUnordered<BoxFuture<'static, Tried>>,
    /// Nothing is sent until the log has been read up.
    standstill: Option<Standstill>,
}

/// This process, or its way out, stood still.
#[derive(Debug, Clone, Copy)]
struct Standstill {
    since: Instant,
    /// When the log gave something last.
    read: Instant,
}

impl Egress {
    pub(crate) fn new(parts: Parts) -> anyhow::Result<Self> {
        let config = &parts.config;
        let place = (GROUP, Topic::Decisions);
        let (assignment, positions) =
            Assignment::with_positions(&config.log, &config.partitions, parts.partitions, place)?;
        Ok(Self {
            assignment,
            positions,
            reader: Reader::lasting(&config.log, "egress")?,
            outbound: Outbound::new(
                config.watchdog,
                Tries { retries: config.publish.retries, backoff: config.publish.backoff },
            ),
            leaving: BTreeMap::new(),
            left: Vec::new(),
            flying: FuturesUnordered::new(),
            standstill: None,
            parts,
        })
    }

    /// Runs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut look = interval(caps::TICK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn = Instant::now();
        while !shutdown.is_cancelled() {
            if turn.elapsed() > caps::STANDSTILL {
                tracing::warn!(stood = ?turn.elapsed(), "stood still: the log is read up before anything is sent");
                let now = Instant::now();
                self.standstill = Some(Standstill { since: now, read: now });
            }
            turn = Instant::now();
            Loop::Egress.turn();
            let retry = self.until_retry();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(tried) = self.flying.next(), if !self.flying.is_empty() => self.tried(&tried),
                assigned = self.assignment.next() => self.assigned(assigned, &shutdown).await?,
                _ = look.tick() => self.look()?,
                record = self.reader.next() => self.read_ahead(record?)?,
                () = sleep(retry) => {}
            }
            self.launch();
            self.settle();
        }
        self.drain().await;
        let Self { assignment, positions, .. } = self;
        drop(positions);
        assignment.leave().await;
        Ok(())
    }

    /// Reads a record, and those that are there already.
    fn read_ahead(&mut self, first: LogRecord) -> anyhow::Result<()> {
        if let Some(standstill) = &mut self.standstill {
            standstill.read = Instant::now();
        }
        self.outbound.know(self.parts.directory.lineage());
        self.read(&first);
        for _ in 1..READ_AHEAD_MAX {
            match self.reader.next().now_or_never() {
                Some(record) => self.read(&record?),
                None => break,
            }
        }
        Ok(())
    }

    fn read(&mut self, record: &LogRecord) {
        match self.outbound.read(record, self.parts.clock.now()) {
            Read::Decided(_, withheld) => {
                metrics::decided();
                metrics::uncommanded(withheld);
                // Decisions come, so the log is there, and whoever has the partition now reads them too.
                let leaving = self.leaving.get(&record.partition);
                if leaving.is_some_and(|since| since.elapsed() > HANDOVER_MAX) {
                    self.left.push(record.partition);
                }
            }
            Read::Void(void) => metrics::void(void, record.partition, record.offset),
            Read::Unreadable(why) => {
                metrics::poison(record.topic.suffix());
                let (partition, offset) = (record.partition, record.offset);
                tracing::error!(why, partition, offset, "a decision cannot be read");
            }
            Read::Nothing => {}
        }
    }

    /// The regular look: watchdog and positions.
    fn look(&mut self) -> anyhow::Result<()> {
        self.standstill = self.standstill.filter(|standstill| {
            standstill.read.elapsed() < caps::READ_UP_QUIET
                && standstill.since.elapsed() < caps::READ_UP_MAX
        });
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() {
            self.give_up(&left)?;
        }
        let directory = Arc::clone(&self.parts.directory);
        self.outbound.know(directory.lineage());
        let now = self.parts.clock.now();
        let looked = self.outbound.look(now, |device_id| directory.root_of_device(device_id));
        metrics::silent_trees(looked.silent);
        for root in &looked.tripped {
            metrics::watchdog_tripped();
            tracing::error!(%root, rules = ?self.parts.config.watchdog, "no decisions are coming for a feeder tree");
        }
        looked.sent.iter().for_each(|(action, _)| metrics::watchdog_setpoint(action));
        self.store_positions();
        Ok(())
    }

    /// Stores the positions that have moved since the last call.
    fn store_positions(&mut self) {
        for (number, position, text) in self.outbound.take_positions() {
            // The position of a partition that was taken away is another bridge's business.
            if self.leaving.contains_key(&number) {
                continue;
            }
            if let Err(error) = self.positions.note(&[(Topic::Decisions, number, position, text)]) {
                tracing::debug!(%error, partition = number, "a position was not stored");
            }
        }
    }

    fn until_retry(&self) -> Duration {
        let now = self.parts.clock.now();
        self.outbound
            .next_due()
            .map_or(IDLE, |due| Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0)))
    }

    /// Takes nothing new, and waits for the answers to what is on its way.
    async fn drain(&mut self) {
        let drained = timeout(caps::DRAIN_MAX, async {
            while let Some(tried) = self.flying.next().await {
                self.tried(&tried);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                "stopped before the broker had everything; it is sent again at the next start"
            );
        }
        self.settle();
        let own = self.outbound.positions().into_iter();
        let positions: Vec<Position> = own
            .filter(|(number, ..)| !self.leaving.contains_key(number))
            .map(|(number, position, text)| (Topic::Decisions, number, position, text))
            .collect();
        let stored = timeout(LAST_POSITIONS_MAX, self.positions.store(&positions)).await;
        if !matches!(stored, Ok(Ok(()))) {
            tracing::warn!(
                "the last positions were not stored; some setpoints are sent again at the next start"
            );
        }
    }
}
