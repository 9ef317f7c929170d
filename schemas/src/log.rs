//! What goes into the log and what comes out of it, as bytes with their place: the same for the log's client, for what runs
//! without one, and for the simulated log.

use crate::codec::Record;
use crate::ids::FeederId;
use crate::topics::{Topic, tree_partition};
use crate::units::Timestamp;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first record there is.
    Beginning,
    /// After the last one there is.
    End,
    /// At this offset.
    Offset(i64),
}

/// A partition of a topic, and where in it reading begins.
pub type ReadFrom = (Topic, i32, Start);

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// When it was appended, as its producer or the log says.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; empty for a tombstone.
    pub value: Vec<u8>,
}

impl LogRecord {
    /// Where it stands: topic, partition, offset.
    #[must_use]
    pub fn place(&self) -> (Topic, i32, i64) {
        (self.topic, self.partition, self.offset)
    }
}

/// A record to append. [`Outgoing::of`] alone makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing {
    /// Where to.
    pub topic: Topic,
    /// Which partition; topics of one partition have 0.
    pub partition: i32,
    /// The key.
    pub key: String,
    /// The encoded value.
    pub value: Vec<u8>,
}

impl Outgoing {
    /// A record on its way into its topic, in the partition that its lane says, under its key.
    #[must_use]
    pub fn of<R: Record>(record: &R, lane: R::Lane) -> Self {
        Self {
            topic: R::TOPIC,
            partition: lane.partition(),
            key: record.key(&lane),
            value: record.encode(),
        }
    }
}

/// What says the partition of a record.
pub trait Lane {
    /// The partition.
    fn partition(&self) -> i32;
}

/// The only partition of a topic that is not spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Only;

impl Lane for Only {
    fn partition(&self) -> i32 {
        0
    }
}

/// A partition whose number its writer knows: of what is decided, and of what follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPartition(pub i32);

impl Lane for InPartition {
    fn partition(&self) -> i32 {
        self.0
    }
}

/// The feeder tree in which a device stands, which its messages do not say: the registry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTree {
    /// The root of the tree.
    pub root: FeederId,
    /// Over how many partitions trees are spread.
    pub partitions: i32,
}

impl Lane for InTree {
    fn partition(&self) -> i32 {
        tree_partition(&self.root, self.partitions)
    }
}
