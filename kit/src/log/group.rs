//! Membership of a consumer group: who works on which partition, and how far a worker has come.
//!
//! The group is a hint and a place for positions; data is read by a [`super::Reader`]. Who may write a partition of
//! decisions is decided in the log (see `schemas::ledger`).

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
use super::{LogConfig, ReadError};

/// Longest wait for the log to take note of a leave; after it this member is taken for dead some time later.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(800);

/// The group says who works on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are this member's, beside those it has.
    Assigned(Vec<i32>),
    /// These are no longer. Nobody else gets them before [`Group::release`]: stop working on them, then release them.
    Revoked(Vec<i32>),
}

pub(super) struct Context {
    events: mpsc::UnboundedSender<GroupEvent>,
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
        let event = if assigned { GroupEvent::Assigned } else { GroupEvent::Revoked };
        // The receiver is gone only when the member is being dropped.
        drop(self.events.send(event(partitions(list))));
    }
}

pub(super) type Member = Arc<Closing<StreamConsumer<Context>>>;

/// A member of a group on one topic.
pub struct Group {
    consumer: Member,
    events: mpsc::UnboundedReceiver<GroupEvent>,
    leaving: Arc<AtomicBool>,
    positions: Positions,
    topic: String,
    of: Topic,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Group {
    /// Joins the group `name` on a topic's partitions.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn join(config: &LogConfig, name: &str, topic: Topic) -> Result<Self, ReadError> {
        let group = Self::new(config, name, topic)?;
        group.consumer.subscribe(&[&group.topic])?;
        Ok(group)
    }

    /// The group's positions without membership, for who is told its partitions otherwise. The log takes positions from
    /// such a one as long as the group has no members.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn positions_only(config: &LogConfig, name: &str, topic: Topic) -> Result<Self, ReadError> {
        Self::new(config, name, topic)
    }

    fn new(config: &LogConfig, name: &str, topic: Topic) -> Result<Self, ReadError> {
        let (sender, events) = mpsc::unbounded_channel();
        let mut client = config.consumer();
        client
            .set("group.id", format!("{}{name}", config.prefix))
            .set("partition.assignment.strategy", "cooperative-sticky");
        if let Some(instance) = &config.instance {
            client.set("group.instance.id", format!("{name}-{instance}"));
        }
        let leaving = Arc::new(AtomicBool::new(false));
        let context = Context { events: sender, leaving: Arc::clone(&leaving) };
        let consumer: StreamConsumer<Context> = client.create_with_context(context)?;
        let consumer = Arc::new(Closing::new(consumer));
        let positions = Positions::new(Arc::clone(&consumer), config);
        Ok(Self {
            consumer,
            events,
            leaving,
            positions,
            topic: config.topic_name(topic),
            of: topic,
        })
    }

    /// Leaves the group, so that others take over at once. With static membership (`DERMS_INSTANCE`) the place is kept
    /// for the session time-out: a quick restart moves nothing.
    pub async fn leave(self) {
        let Self { consumer, leaving, positions, .. } = self;
        leaving.store(true, Ordering::SeqCst);
        drop(positions);
        // What was revoked and not released stands in the way of closing.
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "nothing was given back");
        }
        // A position that is still being asked for closes the consumer when it is done.
        if let Some(consumer) = Arc::into_inner(consumer) {
            consumer.close(LEAVE_TIMEOUT).await;
        }
    }

    /// Gives partitions back that were revoked: others may have them now.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn release(&self, partitions: &[i32]) -> Result<(), ReadError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, *partition);
        }
        Ok(self.consumer.incremental_unassign(&list)?)
    }

    /// The group's positions, on any topic.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.positions.clone()
    }

    /// The next change of this member's partitions. Must be awaited all the time: it keeps the membership alive.
    ///
    /// # Errors
    /// [`ReadError`] when the membership fails for good.
    pub async fn next(&mut self) -> Result<GroupEvent, ReadError> {
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Ok(event),
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

    /// The group's position in a partition of its topic and the text stored with it; none when nothing was stored.
    ///
    /// # Errors
    /// [`ReadError`] when the log does not answer within some seconds.
    pub async fn position(&self, partition: i32) -> Result<Option<(i64, String)>, ReadError> {
        let mut stored = self.positions.get(&[(self.of, partition)]).await?;
        Ok(stored.remove(&(self.of, partition)))
    }

    /// Stores the group's position in a partition: the next offset to work on, and a text with it. Does not wait.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn store(&self, partition: i32, next: i64, text: &str) -> Result<(), ReadError> {
        self.positions.note(&[(self.of, partition, next, text.to_owned())])
    }

    /// Stores positions and waits until the log has them.
    ///
    /// # Errors
    /// [`ReadError`] when the log refuses, for example because a partition is another member's by now.
    pub async fn store_all(&self, positions: &[(i32, i64, String)]) -> Result<(), ReadError> {
        let positions: Vec<_> = positions
            .iter()
            .map(|(partition, next, text)| (self.of, *partition, *next, text.clone()))
            .collect();
        self.positions.store(&positions).await
    }
}
