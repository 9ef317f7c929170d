//! Positions of a group: the next offset to work on in each partition, and a text with it.
//!
//! Only a member of the group's present generation may store one; so a member that was taken for dead cannot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use schemas::topics::Topic;

use super::assignment::{Client, Member};
use super::{LogConfig, ReadError};

const COMMITTED_TIMEOUT: Duration = Duration::from_secs(5);

/// A topic, a partition of it, the next offset to work on, and a text.
pub type Position = (Topic, i32, i64, String);

/// Reads and stores a group's positions. Cheap to clone.
#[derive(Clone)]
pub struct Positions {
    consumer: Member,
    prefix: Arc<str>,
}

impl std::fmt::Debug for Positions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Positions").finish_non_exhaustive()
    }
}

impl Positions {
    /// A group's positions for one that is no member of it and works on nothing.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn of_group(config: &LogConfig, group: &str) -> Result<Self, ReadError> {
        Ok(Self::new(Client::new(config, group)?.consumer, config))
    }

    pub(super) fn new(consumer: Member, config: &LogConfig) -> Self {
        Self { consumer, prefix: config.prefix.as_str().into() }
    }

    /// The positions in these partitions, with their texts; those where nothing was stored are left out.
    ///
    /// # Errors
    /// [`ReadError`] when the log does not answer within some seconds.
    pub async fn get(
        &self,
        places: &[(Topic, i32)],
    ) -> Result<BTreeMap<(Topic, i32), (i64, String)>, ReadError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in places {
            list.add_partition(&topic.name(&self.prefix), *partition);
        }
        let consumer = Arc::clone(&self.consumer);
        let asked = tokio::task::spawn_blocking(move || {
            consumer.committed_offsets(list, COMMITTED_TIMEOUT)
        });
        let committed = asked.await.expect("fetching positions does not panic")?;
        let mut found = BTreeMap::new();
        for element in committed.elements() {
            element.error()?;
            let topic = Topic::from_name(element.topic(), &self.prefix);
            if let (Some(topic), Offset::Offset(offset)) = (topic, element.offset()) {
                let place = (topic, element.partition());
                found.insert(place, (offset, element.metadata().to_owned()));
            }
        }
        Ok(found)
    }

    /// Stores positions without waiting.
    ///
    /// # Errors
    /// [`ReadError`] when the client library refuses.
    pub fn note(&self, positions: &[Position]) -> Result<(), ReadError> {
        Ok(self.consumer.commit(&self.list(positions)?, CommitMode::Async)?)
    }

    /// Stores positions and waits until the log has them.
    ///
    /// # Errors
    /// [`ReadError`] when the log refuses, for example because this member is none any more.
    pub async fn store(&self, positions: &[Position]) -> Result<(), ReadError> {
        if positions.is_empty() {
            return Ok(());
        }
        let list = self.list(positions)?;
        let consumer = Arc::clone(&self.consumer);
        let stored =
            tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync)).await;
        Ok(stored.expect("storing positions does not panic")?)
    }

    fn list(&self, positions: &[Position]) -> Result<TopicPartitionList, ReadError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition, next, text) in positions {
            let mut element = list.add_partition(&topic.name(&self.prefix), *partition);
            element.set_offset(Offset::Offset(*next))?;
            element.set_metadata(text);
        }
        Ok(list)
    }
}
