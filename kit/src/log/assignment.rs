//! Which partitions an instance works on, as it changes: what the consumer group gives and takes, or what the settings
//! give once and for all.
//!
//! It is a hint; data is read by a [`super::Reader`]. Who may write a partition of decisions is decided in the log (see
//! `schemas::ledger`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use schemas::topics::Topic;
use tokio::sync::mpsc;

use super::closing::Closing;
use super::positions::Positions;
use super::{LogConfig, Partitions, ReadError};

/// Longest wait for the log to take note of a leave; after it this member is taken for dead some time later.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(800);

/// A change of the partitions that an instance works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// These are its own, beside those it has.
    Gained(Vec<i32>),
    /// These are no longer. Nobody else gets them before [`Assignment::release`]: stop working on them, then release them.
    Lost(Vec<i32>),
}

pub(super) struct Context {
    events: mpsc::UnboundedSender<Assigned>,
    /// The member is leaving: nobody will release anything any more.
    leaving: Arc<AtomicBool>,
}

impl ClientContext for Context {}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements()
        .iter()
        .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
        .collect()
}

impl ConsumerContext for Context {
    /// Takes what is assigned at once; gives back what is revoked when its worker has stopped.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let assigned = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = if assigned {
            // Records are read elsewhere: membership fetches none.
            consumer.incremental_assign(list).and_then(|()| consumer.pause(list))
        } else if self.leaving.load(Ordering::SeqCst) {
            consumer.incremental_unassign(list)
        } else {
            Ok(())
        };
        if let Err(error) = done {
            tracing::warn!(%error, assigned, "the group's partitions could not be taken or given back");
        }
        let event = if assigned { Assigned::Gained } else { Assigned::Lost };
        // The receiver is gone only when the member is being dropped.
        drop(self.events.send(event(partitions(list))));
    }
}

pub(super) type Member = Arc<Closing<StreamConsumer<Context>>>;

/// A client of the group: a member of it, or one that only keeps its positions.
pub(super) struct Client {
    pub(super) consumer: Member,
    events: mpsc::UnboundedReceiver<Assigned>,
    leaving: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new(config: &LogConfig, group: &str) -> Result<Self, ReadError> {
        let (sender, events) = mpsc::unbounded_channel();
        let mut client = config.consumer();
        client
            .set("group.id", format!("{}{group}", config.prefix))
            .set("partition.assignment.strategy", "cooperative-sticky");
        if let Some(instance) = &config.instance {
            client.set("group.instance.id", format!("{group}-{instance}"));
        }
        let leaving = Arc::new(AtomicBool::new(false));
        let context = Context { events: sender, leaving: Arc::clone(&leaving) };
        let consumer: StreamConsumer<Context> = client.create_with_context(context)?;
        Ok(Self { consumer: Arc::new(Closing::new(consumer)), events, leaving })
    }

    async fn next(&mut self) -> Assigned {
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return event,
                polled = self.consumer.recv() => match polled {
                    // A record fetched between assignment and pause: its reader will read it.
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "membership waits for the log");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                },
            }
        }
    }
}

/// The partitions of an instance, as they come and go.
pub struct Assignment {
    topic: String,
    /// What the settings give, until it was said.
    given: Option<Vec<i32>>,
    /// None where the settings say all and no positions are kept.
    client: Option<Client>,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Assignment {
    /// Of the `count` partitions of a topic those that the settings give, or else those that the group gives, which is joined
    /// for that.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn new(
        config: &LogConfig,
        partitions: &Partitions,
        count: i32,
        (group, topic): (&str, Topic),
    ) -> Result<Self, ReadError> {
        let given = partitions.fixed(count);
        let client = given.is_none().then(|| Client::new(config, group)).transpose()?;
        Self::begin(config.topic_name(topic), given, client)
    }

    /// The same, for one that keeps the group's positions. Where the settings give the partitions, the log takes positions as
    /// long as the group has no members.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn with_positions(
        config: &LogConfig,
        partitions: &Partitions,
        count: i32,
        (group, topic): (&str, Topic),
    ) -> Result<(Self, Positions), ReadError> {
        let client = Client::new(config, group)?;
        let positions = Positions::new(Arc::clone(&client.consumer), config);
        let own = Self::begin(config.topic_name(topic), partitions.fixed(count), Some(client))?;
        Ok((own, positions))
    }

    fn begin(
        topic: String,
        given: Option<Vec<i32>>,
        client: Option<Client>,
    ) -> Result<Self, ReadError> {
        if let Some(client) = client.as_ref().filter(|_| given.is_none()) {
            client.consumer.subscribe(&[&topic])?;
        }
        Ok(Self { topic, given, client })
    }

    /// The next change. Must be awaited all the time: it keeps the membership alive.
    pub async fn next(&mut self) -> Assigned {
        if let Some(given) = self.given.take() {
            return Assigned::Gained(given);
        }
        match &mut self.client {
            Some(client) => client.next().await,
            None => std::future::pending().await,
        }
    }

    /// Gives partitions back that were lost: others may have them now.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn release(&self, partitions: &[i32]) -> Result<(), ReadError> {
        let Some(client) = &self.client else { return Ok(()) };
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, *partition);
        }
        Ok(client.consumer.incremental_unassign(&list)?)
    }

    /// Leaves the group, so that others take over at once. With static membership (`DERMS_INSTANCE`) the place is kept
    /// for the session time-out: a quick restart moves nothing. Whoever still holds [`Positions`] leaves it when these go.
    pub async fn leave(self) {
        let Some(Client { consumer, leaving, .. }) = self.client else { return };
        leaving.store(true, Ordering::SeqCst);
        // What was lost and not released stands in the way of closing.
        let all = consumer.assignment();
        if let Err(error) = all.and_then(|all| consumer.incremental_unassign(&all)) {
            tracing::debug!(%error, "nothing was given back");
        }
        if let Some(consumer) = Arc::into_inner(consumer) {
            consumer.close(LEAVE_TIMEOUT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Service, Settings};
    use futures::FutureExt;

    const PLACE: (&str, Topic) = ("processor", Topic::Telemetry);

    /// A log that nobody serves: what the settings give needs none.
    fn config() -> LogConfig {
        let pairs = [("DERMS_KAFKA_BROKERS", "127.0.0.1:9")];
        LogConfig::from_settings(&Settings::from_pairs(Service::Processor, &pairs).unwrap())
    }

    #[tokio::test]
    async fn what_the_settings_give_is_gained_once_and_never_lost() {
        let these = Partitions::These(vec![0, 2]);
        let (with_positions, positions) =
            Assignment::with_positions(&config(), &these, 4, PLACE).unwrap();
        for mut own in [Assignment::new(&config(), &these, 4, PLACE).unwrap(), with_positions] {
            assert_eq!(own.next().await, Assigned::Gained(vec![0, 2]));
            assert_eq!(own.next().now_or_never(), None);
        }
        drop(positions);
        let mut all = Assignment::new(&config(), &Partitions::All, 3, PLACE).unwrap();
        assert_eq!(all.next().await, Assigned::Gained(vec![0, 1, 2]));
    }

    #[tokio::test]
    async fn no_client_is_made_for_what_the_settings_give_where_no_positions_are_kept() {
        let all = Assignment::new(&config(), &Partitions::All, 3, PLACE).unwrap();
        assert!(all.client.is_none());
        assert!(all.release(&[0]).is_ok());
        let auto = Assignment::new(&config(), &Partitions::Auto, 3, PLACE).unwrap();
        assert!(auto.client.is_some());
        auto.leave().await;
    }

    #[tokio::test]
    async fn a_group_is_asked_only_where_the_settings_give_nothing() {
        let mut auto = Assignment::new(&config(), &Partitions::Auto, 3, PLACE).unwrap();
        assert_eq!(auto.next().now_or_never(), None);
        let joined = |own: &Assignment| {
            let consumer = own.client.as_ref().map(|client| Arc::clone(&client.consumer));
            consumer.is_some_and(|consumer| consumer.subscription().unwrap().count() > 0)
        };
        assert!(joined(&auto));
        let (fixed, _positions) =
            Assignment::with_positions(&config(), &Partitions::All, 3, PLACE).unwrap();
        assert!(!joined(&fixed));
    }
}
