//! Pumps the instance: reads what it follows, hands it over, and does what it says: appends, publishes, recovers, releases.
//! What it makes of what it hears is [`control_instance::Instance`]'s.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use control_instance::{Effect, Instance, Owners, Recovered, Recovery, Rules};
use futures::FutureExt;
use futures::future::try_join_all;
use schemas::identity::Lineage;
use schemas::log::Outgoing;
use schemas::records::decision::Decision;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{AppendError, Assigned, Assignment, Partitions, Producer, Reader};
use service_kit::pulse::Loop;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::caps::RECORDS_PER_TURN_MAX;
use crate::config::Config;
use crate::recovery::{Surroundings, Trouble};
use crate::{metrics, notes};

const GROUP: &str = "processor";
/// Longest wait of a turn without work, ms.
const TURN_MAX_MS: i64 = 1_000;

/// Something that was begun for the instance has ended.
enum Ended {
    Recovery(i32, u64, Result<Box<Recovered>, Trouble>),
    Append(i32, u64, Result<(), AppendError>),
}

/// A recovery on its way, and how to say that it is wanted.
type OnItsWay = (AbortHandle, Option<oneshot::Sender<()>>);

/// The control loop.
pub struct Control {
    config: Config,
    partitions: i32,
    surroundings: Surroundings,
    reader: Reader,
    instance: Instance,
    tasks: JoinSet<Ended>,
    recoveries: BTreeMap<u64, OnItsWay>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("instance", &self.instance).finish_non_exhaustive()
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
        let owners = match config.partitions {
            Partitions::Auto => Owners::Group,
            Partitions::All | Partitions::These(_) => Owners::Fixed,
        };
        let instance = Instance::new(Rules {
            partitions,
            owners,
            standby: config.standby,
            snapshot_decisions: config.snapshot_decisions,
            snapshot_part_devices: control_instance::caps::SNAPSHOT_PART_DEVICES_MAX,
            decision_part_devices: schemas::caps::DECISION_PART_DEVICES_MAX,
            lineage,
            id: Uuid::new_v4(),
            name: format!("process {}", std::process::id()),
        });
        let surroundings = Surroundings {
            log: config.log.clone(),
            producer,
            append_timeout: config.append_timeout,
            since: Instant::now(),
        };
        let (tasks, recoveries) = (JoinSet::new(), BTreeMap::new());
        Ok(Self { config, partitions, surroundings, reader, instance, tasks, recoveries })
    }

    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// When the log refuses for good.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Config { log, partitions, .. } = &self.config;
        let place = (GROUP, Topic::Telemetry);
        let mut assignment = Assignment::new(log, partitions, self.partitions, place)?;
        loop {
            self.act(&assignment)?;
            Loop::Control.turn();
            let wait = self.until_deadline();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                assigned = assignment.next() => self.on_assigned(&assigned),
                Some(joined) = self.tasks.join_next() => match joined {
                    Ok(ended) => self.on_ended(ended)?,
                    Err(ended) if ended.is_cancelled() => {}
                    Err(panicked) => return Err(panicked).context("a task panicked"),
                },
                record = self.reader.next() => {
                    self.instance.record(&record?);
                    self.drain()?;
                }
                () = tokio::time::sleep_until(wait) => {}
            }
            self.decide();
        }
        self.recoveries.values().for_each(|(handle, _)| handle.abort());
        self.surroundings.producer.flush().await;
        assignment.leave().await;
        Ok(())
    }

    /// Takes what is there already, so that a burst is gathered before it is decided on.
    fn drain(&mut self) -> anyhow::Result<()> {
        for _ in 0..RECORDS_PER_TURN_MAX {
            match self.reader.next().now_or_never() {
                Some(record) => self.instance.record(&record?),
                None => break,
            }
        }
        Ok(())
    }

    fn until_deadline(&self) -> Instant {
        let now = SystemClock.now();
        let wait_ms = self.instance.next_deadline(now).map_or(TURN_MAX_MS, |at| at.since(now));
        Instant::now() + millis(wait_ms.clamp(1, TURN_MAX_MS))
    }

    fn on_assigned(&mut self, assigned: &Assigned) {
        match assigned {
            Assigned::Gained(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                self.instance.assign(partitions);
            }
            Assigned::Lost(partitions) => {
                tracing::info!(?partitions, "partitions revoked");
                self.instance.revoke(partitions);
            }
        }
    }

    fn on_ended(&mut self, ended: Ended) -> anyhow::Result<()> {
        match ended {
            Ended::Recovery(partition, ticket, outcome) => {
                self.recoveries.remove(&ticket);
                let recovered = match outcome {
                    Ok(recovered) => Some(*recovered),
                    Err(trouble) if trouble.is_final() => return Err(trouble.into()),
                    Err(error) => {
                        tracing::warn!(partition, %error, "recovery failed; trying again");
                        None
                    }
                };
                self.instance.recovered(partition, ticket, recovered);
            }
            Ended::Append(partition, ticket, outcome) => {
                if let Err(error) = &outcome {
                    tracing::warn!(partition, %error, "an append failed");
                }
                let known = outcome.is_ok();
                if let Some(error) = outcome.err().filter(AppendError::is_fatal) {
                    let broken = "the producer is broken: a new process has a new one";
                    return Err(error).context(broken);
                }
                self.instance.appended(partition, ticket, known);
            }
        }
        Ok(())
    }

    fn decide(&mut self) {
        let started = Instant::now();
        if self.instance.decide(SystemClock.now()) > 0 {
            metrics::observe_cycle(started.elapsed().as_secs_f64());
        }
    }

    /// Does what the instance wants done.
    fn act(&mut self, assignment: &Assignment) -> anyhow::Result<()> {
        for effect in self.instance.take_effects() {
            match effect {
                Effect::Recover { ticket, pause_ms, recovery } => {
                    self.begin(ticket, millis(pause_ms), *recovery);
                }
                Effect::Want { ticket } => {
                    let on_its_way = self.recoveries.get_mut(&ticket);
                    let go = on_its_way.and_then(|(_, go)| go.take());
                    if go.is_some_and(|go| go.send(()).is_err()) {
                        tracing::debug!(ticket, "what is wanted has ended a moment ago");
                    }
                }
                Effect::Abandon { ticket } => {
                    if let Some((handle, _)) = self.recoveries.remove(&ticket) {
                        handle.abort();
                    }
                }
                Effect::Follow(places) => {
                    self.reader.add(&places)?;
                    metrics::set_partitions(self.instance.held().count());
                }
                Effect::Unfollow(places) => {
                    self.reader.remove(&places)?;
                    metrics::set_partitions(self.instance.held().count());
                }
                Effect::Append { ticket, partition, decisions, records } => {
                    let append = self.append(decisions, records);
                    self.tasks
                        .spawn(append.map(move |done| Ended::Append(partition, ticket, done)));
                }
                Effect::Publish { partition, records } => self.publish(partition, &records),
                Effect::Release(partitions) => assignment.release(&partitions)?,
                Effect::Note(note) => notes::take(note),
            }
        }
        Ok(())
    }

    fn begin(&mut self, ticket: u64, pause: Duration, recovery: Recovery) {
        let (surroundings, partition) = (self.surroundings.clone(), recovery.partition());
        let (go, wanted) = oneshot::channel();
        let handle = self.tasks.spawn(async move {
            tokio::time::sleep(pause).await;
            Ended::Recovery(partition, ticket, surroundings.pump(recovery, wanted).await)
        });
        self.recoveries.insert(ticket, (handle, Some(go)));
    }

    /// Appends all records of some decisions, of which each is worth saying then.
    fn append(
        &self,
        decisions: Vec<Decision>,
        records: Vec<Outgoing>,
    ) -> impl Future<Output = Result<(), AppendError>> + Send + 'static {
        let producer = self.surroundings.producer.clone();
        let (timeout, decision_log) = (self.config.append_timeout, self.config.decision_log);
        async move {
            let started = Instant::now();
            try_join_all(records.iter().map(|record| producer.append(record, timeout))).await?;
            for decision in &decisions {
                metrics::observe_append(decision, started.elapsed().as_secs_f64());
                decision_log.say(decision);
            }
            Ok(())
        }
    }

    fn publish(&self, partition: i32, records: &[Outgoing]) {
        for record in records {
            // Derived: the next decision writes them again.
            if self.surroundings.producer.send(record, Box::new(|_| {})).is_err() {
                tracing::warn!(partition, "the log is slow: derived states are left out");
                break;
            }
        }
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
}
