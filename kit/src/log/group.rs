//! Membership of a consumer group: who works on which partition, and how far a worker has come.
//!
//! The group is a hint and a place for positions; data is read by a [`super::Reader`]. Who may write a partition of
//! decisions is decided in the log (see `schemas::ledger`).

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use schemas::topics::Topic;
use tokio::sync::mpsc;

use super::closing::Closing;
use super::{LogConfig, ReadError};

const COMMITTED_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the log to take note of a leave; after it this member is taken for dead some time later.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(800);

/// The group says who works on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are this member's, beside those it has.
    Assigned(Vec<i32>),
    /// These are no longer.
    Revoked(Vec<i32>),
}

struct Context {
    events: mpsc::UnboundedSender<GroupEvent>,
}

impl ClientContext for Context {}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements()
        .iter()
        .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
        .collect()
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            // The receiver is gone only when the member is being dropped.
            drop(self.events.send(GroupEvent::Revoked(partitions(list))));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // Records are read elsewhere: membership fetches none.
            if let Err(error) = consumer.pause(list) {
                tracing::warn!(%error, "membership could not pause its partitions");
            }
            drop(self.events.send(GroupEvent::Assigned(partitions(list))));
        }
    }
}

/// A member of a group on one topic.
pub struct Group {
    consumer: Arc<Closing<StreamConsumer<Context>>>,
    events: mpsc::UnboundedReceiver<GroupEvent>,
    topic: String,
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
        let consumer: StreamConsumer<Context> =
            client.create_with_context(Context { events: sender })?;
        let topic = config.topic_name(topic);
        Ok(Self { consumer: Arc::new(Closing::new(consumer)), events, topic })
    }

    /// Leaves the group, so that others take over at once.
    pub async fn leave(self) {
        // A position that is still being asked for closes the consumer when it is done.
        if let Some(consumer) = Arc::into_inner(self.consumer) {
            consumer.close(LEAVE_TIMEOUT).await;
        }
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

    /// The group's position in a partition and the text stored with it; none when nothing was stored.
    ///
    /// # Errors
    /// [`ReadError`] when the log does not answer within some seconds.
    pub async fn position(&self, partition: i32) -> Result<Option<(i64, String)>, ReadError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let consumer = Arc::clone(&self.consumer);
        let asked = tokio::task::spawn_blocking(move || {
            consumer.committed_offsets(list, COMMITTED_TIMEOUT)
        });
        let committed = asked.await.expect("fetching positions does not panic")?;
        Ok(committed.elements().first().and_then(|element| match element.offset() {
            Offset::Offset(offset) => Some((offset, element.metadata().to_owned())),
            _ => None,
        }))
    }

    /// Stores the group's position in a partition: the next offset to work on, and a text with it. Does not wait.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn store(&self, partition: i32, next: i64, text: &str) -> Result<(), ReadError> {
        let list = self.position_list(&[(partition, next, text.to_owned())])?;
        Ok(self.consumer.commit(&list, CommitMode::Async)?)
    }

    /// Stores positions and waits until the log has them.
    ///
    /// # Errors
    /// [`ReadError`] when the log refuses, for example because a partition is another member's by now.
    pub async fn store_all(&self, positions: &[(i32, i64, String)]) -> Result<(), ReadError> {
        if positions.is_empty() {
            return Ok(());
        }
        let list = self.position_list(positions)?;
        let consumer = Arc::clone(&self.consumer);
        let stored =
            tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync)).await;
        Ok(stored.expect("storing positions does not panic")?)
    }

    fn position_list(
        &self,
        positions: &[(i32, i64, String)],
    ) -> Result<TopicPartitionList, ReadError> {
        let mut list = TopicPartitionList::new();
        for (partition, next, text) in positions {
            let mut element = list.add_partition(&self.topic, *partition);
            element.set_offset(Offset::Offset(*next))?;
            element.set_metadata(text);
        }
        Ok(list)
    }
}
