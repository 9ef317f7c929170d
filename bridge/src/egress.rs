//! Decisions to the devices: reads them, publishes the setpoints of those that count, stores a position once the
//! broker has everything up to it.
//!
//! The group says which partitions are this bridge's; it is a hint. Two bridges that act on the same partition for
//! a moment publish the same messages with the same ids, and devices recognise them.

mod membership;
mod opening;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use schemas::codec::Record;
use schemas::records::decision::{Decision, LedgerRecord};
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{Group, LogRecord, Partitions, Reader};
use service_kit::pulse::Loop;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::commandable::commandable;
use crate::config::Config;
use crate::metrics;
use crate::outbox::{Order, Outbox, Place, Tries};
use crate::partitions::{Partition, Reading};
use crate::publisher::Publisher;
use crate::registrar::Directory;
use crate::watchdog::Watchdog;

use self::opening::stamped;
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
    pub(crate) clock: Arc<dyn Clock>,
}

pub(crate) struct Egress {
    parts: Parts,
    group: Group,
    reader: Reader,
    open: BTreeMap<i32, Partition>,
    /// Those among them that the group has taken away, and when.
    leaving: BTreeMap<i32, Instant>,
    /// Those among these that another bridge certainly has by now.
    left: Vec<i32>,
    outbox: Outbox,
    watchdog: Watchdog,
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
        Ok(Self {
            group: match config.partitions {
                Partitions::Auto => Group::join(&config.log, GROUP, Topic::Decisions)?,
                Partitions::All | Partitions::These(_) => {
                    Group::positions_only(&config.log, GROUP, Topic::Decisions)?
                }
            },
            reader: Reader::lasting(&config.log, "egress")?,
            open: BTreeMap::new(),
            leaving: BTreeMap::new(),
            left: Vec::new(),
            outbox: Outbox::new(Tries {
                retries: config.publish.retries,
                backoff: config.publish.backoff,
            }),
            watchdog: Watchdog::new(config.watchdog),
            flying: FuturesUnordered::new(),
            standstill: None,
            parts,
        })
    }

    /// Runs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let fixed = self.parts.config.partitions.fixed(self.parts.partitions);
        if let Some(partitions) = &fixed {
            self.take_over(partitions, &shutdown).await?;
        }
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
                event = self.group.next() => {
                    let event = event?;
                    if fixed.is_none() {
                        self.membership(event, &shutdown).await?;
                    }
                }
                _ = look.tick() => self.look()?,
                record = self.reader.next() => self.read_ahead(record?)?,
                () = sleep(retry) => {}
            }
            self.launch();
            self.settle();
        }
        self.drain().await;
        self.group.leave().await;
        Ok(())
    }

    /// Reads a record, and those that are there already.
    fn read_ahead(&mut self, first: LogRecord) -> anyhow::Result<()> {
        if let Some(standstill) = &mut self.standstill {
            standstill.read = Instant::now();
        }
        self.read(first);
        for _ in 1..READ_AHEAD_MAX {
            match self.reader.next().now_or_never() {
                Some(record) => self.read(record?),
                None => break,
            }
        }
        Ok(())
    }

    fn read(&mut self, record: LogRecord) {
        let Some(partition) = self.open.get_mut(&record.partition) else {
            return;
        };
        if record.offset < partition.next() {
            return;
        }
        match LedgerRecord::decode(&record.value) {
            Ok(entry) => match read_entry(partition, record.offset, entry, &self.parts.directory) {
                Reading::Decided(decision, from) => {
                    let place = Place { partition: record.partition, offset: from };
                    self.decided(&decision, place);
                }
                Reading::Void(void) => metrics::void(void, record.partition, record.offset),
                Reading::Nothing => {}
            },
            Err(error) => {
                partition.skip(record.offset);
                metrics::poison(record.topic.suffix());
                tracing::error!(%error, partition = record.partition, offset = record.offset, "a decision cannot be read");
            }
        }
    }

    fn decided(&mut self, decision: &Decision, place: Place) {
        metrics::decided();
        // Decisions come, so the log is there, and whoever has the partition now reads them too.
        if self.leaving.get(&place.partition).is_some_and(|since| since.elapsed() > HANDOVER_MAX) {
            self.left.push(place.partition);
        }
        let (now, log) = (self.parts.clock.now(), self.parts.directory.log_id());
        let (devices, withheld) = commandable(decision);
        metrics::uncommanded(withheld);
        let fence = (decision.epoch, decision.seq);
        self.watchdog.heard(&decision.root, fence, &devices, place.partition, now);
        for order in devices.iter().filter_map(|device| Order::of(device, place, log, now)) {
            self.outbox.offer(order);
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
        let now = self.parts.clock.now();
        let directory = Arc::clone(&self.parts.directory);
        let outcome = self.watchdog.tick(now, |device_id| directory.root_of_device(device_id));
        metrics::silent_trees(outcome.silent);
        for root in &outcome.tripped {
            metrics::watchdog_tripped();
            tracing::error!(%root, rules = ?self.parts.config.watchdog, "no decisions are coming for a feeder tree");
        }
        for (order, action) in outcome.orders {
            metrics::watchdog_setpoint(action);
            let setpoint = order.setpoint.of_log(directory.log_id());
            self.outbox.offer(Order { setpoint, ..order });
        }
        self.store_positions();
        Ok(())
    }

    /// Positions that have moved since the last call.
    fn take_positions(&mut self) -> Vec<(i32, i64, String)> {
        let (leaving, outbox) = (&self.leaving, &self.outbox);
        let log = self.parts.directory.log_id();
        self.open
            .iter_mut()
            // The position of a partition that was taken away is another bridge's business.
            .filter(|(number, _)| !leaving.contains_key(number))
            .filter_map(|(number, partition)| {
                let (position, holder) = partition.take_position(outbox.oldest_open(*number))?;
                Some((*number, position, stamped(&holder, log)))
            })
            .collect()
    }

    fn store_positions(&mut self) {
        for (number, position, holder) in self.take_positions() {
            if let Err(error) = self.group.store(number, position, &holder) {
                tracing::debug!(%error, partition = number, "a position was not stored");
            }
        }
    }

    fn until_retry(&self) -> Duration {
        let now = self.parts.clock.now();
        self.outbox
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
        let log = self.parts.directory.log_id();
        let positions: Vec<_> = self
            .open
            .iter_mut()
            .filter(|(number, _)| !self.leaving.contains_key(number))
            .map(|(number, partition)| {
                let (position, holder) = partition.position(self.outbox.oldest_open(*number));
                (*number, position, stamped(&holder, log))
            })
            .collect();
        let stored = timeout(LAST_POSITIONS_MAX, self.group.store_all(&positions)).await;
        if !matches!(stored, Ok(Ok(()))) {
            tracing::warn!(
                "the last positions were not stored; some setpoints are sent again at the next start"
            );
        }
    }
}

/// Reads an entry; a claim is measured by the log as it is known by now.
fn read_entry(
    partition: &mut Partition,
    offset: i64,
    entry: LedgerRecord,
    directory: &Directory,
) -> Reading {
    if matches!(entry, LedgerRecord::Claim(_)) {
        partition.know(directory.lineage());
    }
    partition.read(offset, entry)
}
