//! Decisions to the devices: reads them, publishes the setpoints of those that count, stores a position once the
//! broker has everything up to it.
//!
//! The group says which partitions are this bridge's; it is a hint. Two bridges that act on the same partition for
//! a moment publish the same messages with the same ids, and devices recognise them.

mod opening;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ids::DeviceId;
use schemas::mqtt::{Setpoint, Topics};
use schemas::records::decision::{Decision, LedgerRecord};
use schemas::topics::Topic;
use service_kit::clock::Clock;
use service_kit::log::{Group, GroupEvent, LogRecord, Reader, Start};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::commandable::commandable;
use crate::config::{Config, PartitionChoice};
use crate::metrics::{self, SetpointResult};
use crate::mqtt::Retained;
use crate::outbox::{Order, Outbox, Place, Tries};
use crate::partitions::{Partition, Reading};
use crate::publisher::{PublishError, Publisher};
use crate::registrar::Directory;
use crate::watchdog::Watchdog;

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

/// The end of a try to publish.
struct Tried {
    device_id: DeviceId,
    decided: Timestamp,
    took: Duration,
    outcome: Result<(), PublishError>,
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
}

impl Egress {
    pub(crate) fn new(parts: Parts) -> anyhow::Result<Self> {
        let config = &parts.config;
        Ok(Self {
            group: match config.partitions {
                PartitionChoice::Auto => Group::join(&config.log, GROUP, Topic::Decisions)?,
                PartitionChoice::All | PartitionChoice::These(_) => {
                    Group::positions_only(&config.log, GROUP, Topic::Decisions)?
                }
            },
            reader: Reader::new(&config.log, &[])?,
            open: BTreeMap::new(),
            leaving: BTreeMap::new(),
            left: Vec::new(),
            outbox: Outbox::new(Tries {
                retries: config.publish.retries,
                backoff: config.publish.backoff,
            }),
            watchdog: Watchdog::new(config.watchdog),
            flying: FuturesUnordered::new(),
            parts,
        })
    }

    /// Runs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let fixed = match &self.parts.config.partitions {
            PartitionChoice::Auto => None,
            PartitionChoice::All => Some((0..self.parts.partitions).collect()),
            PartitionChoice::These(these) => Some(these.clone()),
        };
        if let Some(partitions) = &fixed {
            self.take_over(partitions, &shutdown).await?;
        }
        let mut look = interval(caps::TICK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shutdown.is_cancelled() {
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

    /// Takes over partitions as the group says. One that is taken away is worked on until it is said who has what: when
    /// the log is away the group takes away everything, and somebody must still watch the trees.
    async fn membership(
        &mut self,
        event: GroupEvent,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        match event {
            GroupEvent::Revoked(partitions) => {
                self.store_positions();
                let now = Instant::now();
                self.leaving.extend(partitions.into_iter().map(|number| (number, now)));
                Ok(())
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

    fn give_up(&mut self, partitions: &[i32]) -> anyhow::Result<()> {
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
    async fn take_over(
        &mut self,
        wanted: &[i32],
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let new: Vec<i32> =
            wanted.iter().copied().filter(|number| !self.open.contains_key(number)).collect();
        tokio::select! {
            () = self.open_partitions(&new) => {}
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

    /// Reads a record, and those that are there already.
    fn read_ahead(&mut self, first: LogRecord) -> anyhow::Result<()> {
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
            Ok(entry) => match partition.read(record.offset, entry) {
                Reading::Decided(decision, from) => {
                    let place = Place { partition: record.partition, offset: from };
                    self.decided(&decision, place);
                }
                Reading::Void(void) => metrics::void(void),
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
        let now = self.parts.clock.now();
        let (devices, withheld) = commandable(decision);
        metrics::uncommanded(withheld);
        let fence = (decision.epoch, decision.seq);
        self.watchdog.heard(&decision.root, fence, &devices, place.partition, now);
        for device in devices.iter().filter(|device| device.is_sent()) {
            if let Some(setpoint) = device.setpoint(now) {
                self.outbox.offer(Order {
                    setpoint,
                    typed_layout: device.device().typed_layout,
                    decided: decision.header.at,
                    place: Some(place),
                });
            }
        }
    }

    /// Sends what is due, as much at once as may be.
    fn launch(&mut self) {
        let now = self.parts.clock.now();
        while self.flying.len() < caps::PUBLISHES_IN_FLIGHT_MAX {
            let Some(order) = self.outbox.next(now) else {
                break;
            };
            let config = &self.parts.config;
            let messages =
                messages(&config.topics, order.setpoint.clone(), order.typed_layout, now);
            let (publisher, bound) = (self.parts.publisher.clone(), config.publish.timeout);
            let started = Instant::now();
            self.flying.push(
                async move {
                    let mut outcome = Ok(());
                    for message in messages {
                        outcome = outcome.and(publisher.publish(message, bound).await);
                    }
                    Tried {
                        device_id: order.setpoint.envelope.device_id,
                        decided: order.decided,
                        took: started.elapsed(),
                        outcome,
                    }
                }
                .boxed(),
            );
        }
    }

    fn tried(&mut self, tried: &Tried) {
        let now = self.parts.clock.now();
        match &tried.outcome {
            Ok(()) => metrics::published(tried.took, now.since(tried.decided)),
            Err(error) => {
                metrics::publish_failed(error.as_str());
                tracing::debug!(device_id = %tried.device_id, %error, "a setpoint was not published");
            }
        }
        self.outbox.finished(&tried.device_id, tried.outcome.is_ok(), now);
    }

    fn settle(&mut self) {
        for settled in self.outbox.take_settled() {
            let envelope = &settled.order.setpoint.envelope;
            metrics::setpoint(settled.result, envelope.device_type);
            if settled.result == SetpointResult::Failed {
                tracing::warn!(device_id = %envelope.device_id, "a setpoint was given up after all tries");
            }
        }
        metrics::outbox(self.outbox.len());
    }

    /// The regular look: watchdog and positions.
    fn look(&mut self) -> anyhow::Result<()> {
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() {
            self.give_up(&left)?;
        }
        let now = self.parts.clock.now();
        let directory = Arc::clone(&self.parts.directory);
        let outcome =
            self.watchdog.tick(now, |device_id| directory.place(device_id).map(|place| place.root));
        metrics::silent_trees(outcome.silent);
        for root in &outcome.tripped {
            metrics::watchdog_tripped();
            tracing::error!(%root, rules = ?self.parts.config.watchdog, "no decisions are coming for a feeder tree");
        }
        for (order, action) in outcome.orders {
            metrics::watchdog_setpoint(action);
            self.outbox.offer(order);
        }
        self.store_positions();
        Ok(())
    }

    /// Positions that have moved since the last call.
    fn take_positions(&mut self) -> Vec<(i32, i64, String)> {
        let (leaving, outbox) = (&self.leaving, &self.outbox);
        self.open
            .iter_mut()
            // The position of a partition that was taken away is another bridge's business.
            .filter(|(number, _)| !leaving.contains_key(number))
            .filter_map(|(number, partition)| {
                let (position, holder) = partition.take_position(outbox.oldest_open(*number))?;
                Some((*number, position, holder))
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
        let positions: Vec<_> = self
            .open
            .iter_mut()
            .filter(|(number, _)| !self.leaving.contains_key(number))
            .map(|(number, partition)| {
                let (position, holder) = partition.position(self.outbox.oldest_open(*number));
                (*number, position, holder)
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

/// The messages of a setpoint: one, or two where the device speaks the predecessor's layout.
fn messages(
    topics: &Topics,
    mut setpoint: Setpoint,
    typed_layout: bool,
    now: Timestamp,
) -> Vec<Retained> {
    let left_ms = setpoint.valid_until.since(now).max(0);
    setpoint.envelope.timestamp = now;
    setpoint.envelope.sent_at = Some(now);
    setpoint.ttl_ms = Some(left_ms);
    // In whole seconds, at least one: a device that connects later finds it as long as it is valid.
    let expiry_s = u32::try_from(left_ms.saturating_add(999) / 1_000).unwrap_or(u32::MAX).max(1);
    let envelope = &setpoint.envelope;
    let typed = typed_layout.then(|| topics.setpoints(envelope.device_type, &envelope.device_id));
    let payload = setpoint.encode();
    [Some(topics.control(&envelope.device_id)), typed]
        .into_iter()
        .flatten()
        .map(|topic| Retained { topic, payload: payload.clone(), expiry_s: Some(expiry_s) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commandable::tests as make;
    use schemas::mqtt::decode_setpoint;

    #[test]
    fn a_setpoint_goes_out_with_what_is_left_of_its_lease() {
        let decision = make::decision(3, 10_000, vec![make::device("ev-1", "north", 7_000)]);
        let (devices, _) = commandable(&decision);
        let setpoint = devices[0].setpoint(Timestamp(10_000)).unwrap();
        let messages = messages(&Topics::default(), setpoint, true, Timestamp(12_500));
        let topics: Vec<_> = messages.iter().map(|m| m.topic.as_str()).collect();
        assert_eq!(topics, ["der/control/ev-1", "der/setpoints/ev/ev-1"]);
        for message in &messages {
            assert_eq!(message.expiry_s, Some(28));
            let id = DeviceId::new("ev-1").unwrap();
            let sent = decode_setpoint(&id, &message.payload, 10_000).unwrap();
            assert_eq!(sent.id(), decision.setpoint_id(&id));
            assert_eq!(sent.ttl_ms, Some(27_500));
            assert_eq!((sent.epoch, sent.seq), (Some(1), Some(3)));
        }
    }
}
