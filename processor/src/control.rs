//! The control loop of one instance: reads inputs, lets each partition's driver decide, appends what it decides, and acts
//! on what the log gives back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use control_core::feeder_states;
use futures::FutureExt;
use futures::future::try_join_all;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::Holder;
use schemas::records::decision::{Decision, DecisionPart, LedgerRecord};
use schemas::records::operator::OperatorRecord;
use schemas::records::state::{DeviceState, FeederState};
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{
    AppendError, Group, GroupEvent, LogRecord, Outgoing, Partitions, Producer, ReadError, Reader,
    Start,
};
use service_kit::pulse::Loop;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::caps::{RECORDS_PER_TURN_MAX, RECOVERY_PAUSE};
use crate::config::Config;
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::membership::next_event;
use crate::metrics;
use crate::patience::Patience;
use crate::recovery::{Recovered, Recovery, gather_input, report_difference};

const GROUP: &str = "processor";

/// A partition that this instance holds.
struct Held {
    driver: Driver,
    holder: Holder,
    /// Decisions before this hold were made with the registry up to here: none is made with less.
    operator_from: i64,
}

/// The control loop.
pub struct Control {
    config: Config,
    clock: SystemClock,
    producer: Producer,
    reader: Reader,
    partitions: i32,
    lineage: Option<Lineage>,
    registry: RegistryAt,
    reads_operator: bool,
    held: BTreeMap<i32, Held>,
    recovering: JoinSet<(i32, anyhow::Result<Recovered>)>,
    /// Recoveries on their way: one that is not wanted any more must not claim.
    recoveries: BTreeMap<i32, AbortHandle>,
    /// Partitions that are followed while others hold them, and how to say that one is wanted.
    standbys: BTreeMap<i32, (AbortHandle, oneshot::Sender<()>)>,
    wanted: BTreeSet<i32>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("held", &self.held.keys()).finish_non_exhaustive()
    }
}

impl Control {
    /// A loop that holds nothing yet.
    ///
    /// # Errors
    /// When the log client cannot be made.
    pub fn new(
        config: Config,
        producer: Producer,
        partitions: i32,
        lineage: Option<Lineage>,
    ) -> anyhow::Result<Self> {
        let reader = Reader::lasting(&config.log, "control").context("making the reader")?;
        Ok(Self {
            config,
            clock: SystemClock,
            producer,
            reader,
            partitions,
            lineage,
            registry: RegistryAt::default(),
            reads_operator: false,
            held: BTreeMap::new(),
            recovering: JoinSet::new(),
            recoveries: BTreeMap::new(),
            standbys: BTreeMap::new(),
            wanted: BTreeSet::new(),
        })
    }

    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// When the log refuses for good.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut group = match self.config.partitions.fixed(self.partitions) {
            None => Some(Group::join(&self.config.log, GROUP, Topic::Telemetry)?),
            Some(fixed) => {
                self.want(fixed);
                None
            }
        };
        self.stand_by();
        loop {
            Loop::Control.turn();
            let wait = self.until_deadline();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                event = next_event(&mut group) => {
                    let revoked = self.on_group(event?)?;
                    if let Some(group) = group.as_ref().filter(|_| !revoked.is_empty()) {
                        group.release(&revoked)?;
                    }
                }
                Some(joined) = self.recovering.join_next() => match joined {
                    Ok((partition, outcome)) => self.on_recovered(partition, outcome)?,
                    Err(ended) if ended.is_cancelled() => {}
                    Err(panicked) => return Err(panicked).context("recovery panicked"),
                },
                record = self.reader.next() => {
                    self.on_record(record?).await?;
                    self.drain().await?;
                }
                () = tokio::time::sleep_until(wait) => {}
            }
            self.decide().await?;
        }
        self.recovering.abort_all();
        self.producer.flush().await;
        if let Some(group) = group {
            group.leave().await;
        }
        Ok(())
    }

    /// Takes what is there already, so that a burst is gathered before it is decided on.
    async fn drain(&mut self) -> anyhow::Result<()> {
        for _ in 0..RECORDS_PER_TURN_MAX {
            match self.reader.next().now_or_never() {
                Some(record) => self.on_record(record?).await?,
                None => break,
            }
        }
        Ok(())
    }

    fn until_deadline(&self) -> Instant {
        let now = self.clock.now();
        let registry = &self.registry.registry;
        let deadline =
            self.held.values().filter_map(|held| held.driver.next_deadline(registry, now)).min();
        let wait_ms = deadline.map_or(1_000, |deadline| deadline.since(now).clamp(1, 1_000));
        Instant::now() + std::time::Duration::from_millis(wait_ms.unsigned_abs())
    }

    fn want(&mut self, partitions: Vec<i32>) {
        for partition in partitions {
            self.wanted.insert(partition);
            self.start_recovery(partition, false);
        }
    }

    fn recovery(&self) -> Recovery<SystemClock> {
        Recovery {
            log: self.config.log.clone(),
            producer: self.producer.clone(),
            clock: self.clock,
            partitions: self.partitions,
            append_timeout: self.config.append_timeout,
            lineage: self.lineage.clone(),
        }
    }

    /// Another instance has taken a partition over that is still wanted here.
    fn give_way(&mut self, partition: i32) {
        match self.config.partitions {
            // The group still names us: then the other one is a mistake, and the log decides between us.
            Partitions::Auto => self.start_recovery(partition, true),
            // Nobody says which of us it shall be. To claim it back at once would go on for ever.
            Partitions::All | Partitions::These(_) => {
                let recovery = self.recovery();
                let patience = Patience::of(&self.registry.registry.settings);
                let handle = self.recovering.spawn(async move {
                    (partition, recovery.stand_back(partition, patience).await)
                });
                self.note_recovery(partition, handle);
            }
        }
    }

    fn note_recovery(&mut self, partition: i32, handle: AbortHandle) {
        if let Some(before) = self.recoveries.insert(partition, handle) {
            before.abort();
        }
    }

    /// Follows every partition that is not wanted, where the settings say so.
    fn stand_by(&mut self) {
        if !self.config.standby || self.config.partitions != Partitions::Auto {
            return;
        }
        for partition in 0..self.partitions {
            if self.wanted.contains(&partition) || self.standbys.contains_key(&partition) {
                continue;
            }
            let (recovery, (go, wanted)) = (self.recovery(), oneshot::channel());
            let handle = self
                .recovering
                .spawn(async move { (partition, recovery.stand_by(partition, wanted).await) });
            self.standbys.insert(partition, (handle, go));
        }
    }

    fn start_recovery(&mut self, partition: i32, after_failure: bool) {
        let standby = self.standbys.remove(&partition);
        let handle = match standby.and_then(|(handle, go)| go.send(()).is_ok().then_some(handle)) {
            Some(handle) => handle,
            None => {
                let recovery = self.recovery();
                self.recovering.spawn(async move {
                    if after_failure {
                        tokio::time::sleep(RECOVERY_PAUSE).await;
                    }
                    (partition, recovery.recover(partition).await)
                })
            }
        };
        self.note_recovery(partition, handle);
    }

    /// Takes on or lets go of partitions; gives those that it has let go of.
    fn on_group(&mut self, event: GroupEvent) -> anyhow::Result<Vec<i32>> {
        match event {
            GroupEvent::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                self.want(partitions);
                Ok(Vec::new())
            }
            GroupEvent::Revoked(partitions) => {
                tracing::info!(?partitions, "partitions revoked");
                for partition in &partitions {
                    self.wanted.remove(partition);
                    if let Some(recovery) = self.recoveries.remove(partition) {
                        recovery.abort();
                    }
                    self.let_go(*partition)?;
                }
                self.stand_by();
                Ok(partitions)
            }
        }
    }

    fn on_recovered(
        &mut self,
        partition: i32,
        outcome: anyhow::Result<Recovered>,
    ) -> anyhow::Result<()> {
        if !self.wanted.contains(&partition) {
            self.standbys.remove(&partition);
            self.stand_by();
            return Ok(());
        }
        if self.held.contains_key(&partition) {
            return Ok(());
        }
        let recovered = match outcome {
            Ok(recovered) => {
                self.recoveries.remove(&partition);
                recovered
            }
            Err(error) if ReadError::ends(&error) => return Err(error),
            Err(error) if is_fatal(&error) => {
                return Err(error.context("the producer is broken: a new process has a new one"));
            }
            Err(error) => {
                tracing::warn!(
                    partition,
                    error = format!("{error:#}"),
                    "recovery failed; trying again"
                );
                self.start_recovery(partition, true);
                return Ok(());
            }
        };
        let Recovered { mut driver, holder, decisions_next, registry, .. } = recovered;
        let operator_from = registry.next;
        if registry.next > self.registry.next && !self.reads_operator {
            self.registry = registry;
        }
        driver.note_roots(&self.registry.registry);
        let gathered = driver.gathered();
        let mut places = vec![
            (Topic::Acks, partition, Start::Offset(gathered.acks)),
            (Topic::Telemetry, partition, Start::Offset(gathered.telemetry)),
            (Topic::Decisions, partition, Start::Offset(decisions_next)),
        ];
        if !self.reads_operator {
            places.push((Topic::Operator, 0, Start::Offset(self.registry.next)));
            self.reads_operator = true;
        }
        self.reader.add(&places)?;
        self.held.insert(partition, Held { driver, holder, operator_from });
        metrics::set_partitions(self.held.len());
        Ok(())
    }

    /// Stops working on a partition at once.
    fn let_go(&mut self, partition: i32) -> anyhow::Result<()> {
        if self.held.remove(&partition).is_some() {
            let topics = [Topic::Acks, Topic::Telemetry, Topic::Decisions];
            self.reader.remove(&topics.map(|topic| (topic, partition)))?;
            metrics::set_partitions(self.held.len());
        }
        Ok(())
    }

    async fn on_record(&mut self, record: LogRecord) -> anyhow::Result<()> {
        match record.topic {
            Topic::Operator => self.on_operator(&record),
            Topic::Telemetry | Topic::Acks => {
                if let Some(held) = self.held.get_mut(&record.partition) {
                    gather_input(&mut held.driver, &record);
                }
            }
            Topic::Decisions => self.on_decision(record).await?,
            Topic::Snapshots | Topic::DeviceState | Topic::FeederState | Topic::DeadLetters => {}
        }
        Ok(())
    }

    fn on_operator(&mut self, record: &LogRecord) {
        let decoded = match OperatorRecord::decode(&record.value) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.registry.next = self.registry.next.max(record.offset + 1);
                return metrics::count_poison(record, &error);
            }
        };
        if !self.registry.read(record.offset, &decoded) {
            return;
        }
        let registry = &self.registry.registry;
        for held in self.held.values_mut() {
            if decoded.change.may_open_feeder() {
                held.driver.note_roots(registry);
            }
            held.driver.note_change(&decoded.change, registry);
        }
    }

    async fn on_decision(&mut self, record: LogRecord) -> anyhow::Result<()> {
        let partition = record.partition;
        let Some(held) = self.held.get_mut(&partition) else { return Ok(()) };
        let decoded = match LedgerRecord::decode(&record.value) {
            Ok(decoded) => decoded,
            Err(error) => {
                metrics::count_poison(&record, &error);
                return Ok(());
            }
        };
        let number = number_of_ours(held, &decoded);
        if number.is_some_and(|(seq, last)| seq > last) {
            return self.doubt(
                partition,
                record.offset,
                "a decision in our name that we did not make",
            );
        }
        // Live, a foreign decision that counts comes only after a foreign claim, and that ends our hold.
        let mut no_replay = ReplayRegistry::default();
        match held.driver.read_decision(decoded, &mut no_replay) {
            Standing::TakenOver(holder) if holder != held.holder => {
                tracing::warn!(
                    partition,
                    epoch = holder.epoch,
                    "another instance has taken the partition"
                );
                self.let_go(partition)?;
                if self.wanted.contains(&partition) {
                    self.give_way(partition);
                }
            }
            Standing::TakenOver(_) | Standing::Nothing => {}
            Standing::Void(void) => {
                metrics::count_void(void, partition, record.offset);
                if number.is_some_and(|(seq, last)| seq == last) {
                    return self.doubt(partition, record.offset, "our own decision does not count");
                }
            }
            Standing::Counts { decision, difference } => {
                report_difference(partition, record.offset, &decision.root, difference.as_deref());
                self.publish(partition, &decision, record.offset + 1);
            }
        }
        Ok(())
    }

    /// The log says of our decisions what we do not know: it is asked, by recovery.
    fn doubt(&mut self, partition: i32, offset: i64, why: &'static str) -> anyhow::Result<()> {
        tracing::warn!(partition, offset, why, "recovering from what counts");
        self.let_go(partition)?;
        self.start_recovery(partition, true);
        Ok(())
    }

    /// Writes what follows from a decision that counts: states for live views, and a snapshot when one is due.
    fn publish(&mut self, partition: i32, decision: &Decision, decisions_next: i64) {
        let every = self.config.snapshot_decisions;
        let Some(held) = self.held.get_mut(&partition) else { return };
        let snapshots = held.driver.snapshot_if_due(decision, decisions_next, every);
        let device = |state: DeviceState| Outgoing {
            topic: Topic::DeviceState,
            partition,
            key: state.device_id.to_string(),
            value: state.encode(),
        };
        let feeder = |state: FeederState| Outgoing {
            topic: Topic::FeederState,
            partition,
            key: state.node.feeder_id.to_string(),
            value: state.encode(),
        };
        let snapshot = snapshots.iter().map(|part| Outgoing {
            topic: Topic::Snapshots,
            partition,
            key: part.key(),
            value: part.encode(),
        });
        let feeders = feeder_states(decision).map(feeder);
        let devices = held.driver.device_states(decision, &self.registry.registry).map(device);
        for outgoing in feeders.chain(devices).chain(snapshot) {
            // Derived: the next decision writes them again.
            let on_delivery = Box::new(|_| {});
            if self.producer.send(&outgoing, on_delivery).is_err() {
                tracing::warn!(partition, "the log is slow: derived states are left out");
                break;
            }
        }
    }

    /// Appends every decision that is due.
    async fn decide(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let started = Instant::now();
        let mut failed = Vec::new();
        for (partition, held) in &mut self.held {
            if self.registry.next < held.operator_from {
                continue;
            }
            let due = held.driver.decide_due(&self.registry, held.holder, now);
            if due.is_empty() {
                continue;
            }
            metrics::observe_cycle(started.elapsed().as_secs_f64());
            if let Err(error) = append_all(&self.producer, &self.config, *partition, due).await {
                if is_fatal(&error) {
                    return Err(
                        error.context("the producer is broken: a new process has a new one")
                    );
                }
                // Nobody knows whether it is in the log: the log is asked, by recovery.
                tracing::warn!(partition, error = format!("{error:#}"), "an append failed");
                failed.push(*partition);
            }
        }
        for partition in failed {
            self.let_go(partition)?;
            self.start_recovery(partition, true);
        }
        Ok(())
    }
}

fn is_fatal(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<AppendError>());
    causes.any(AppendError::is_fatal)
}

async fn append_all(
    producer: &Producer,
    config: &Config,
    partition: i32,
    due: Vec<Decision>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut appends = Vec::new();
    for decision in &due {
        let parts = decision.clone().into_parts(schemas::caps::DECISION_PART_DEVICES_MAX);
        for part in parts {
            let outgoing = Outgoing {
                topic: Topic::Decisions,
                partition,
                key: part.root.to_string(),
                value: LedgerRecord::DecisionPart(part).encode(),
            };
            appends.push(append(producer, outgoing, config.append_timeout));
        }
    }
    try_join_all(appends).await?;
    for decision in &due {
        metrics::observe_append(decision, started.elapsed().as_secs_f64());
        config.decision_log.say(decision);
    }
    Ok(())
}

async fn append(
    producer: &Producer,
    outgoing: Outgoing,
    timeout: std::time::Duration,
) -> anyhow::Result<i64> {
    producer.append(&outgoing, timeout).await.context("appending a decision")
}

/// The number of a decision that is written in the name of this hold, and the last one that it has made of that tree.
fn number_of_ours(held: &Held, record: &LedgerRecord) -> Option<(i64, i64)> {
    let LedgerRecord::DecisionPart(DecisionPart { epoch, writer, root, seq, .. }) = record else {
        return None;
    };
    let ours = Holder { epoch: *epoch, writer: *writer } == held.holder;
    ours.then(|| (*seq, held.driver.last_seq(root)))
}
