//! What goes into the log and what comes out of it, as bytes with their place: the same for the log's client, for what runs
//! without one, and for the simulated log.

use crate::topics::Topic;
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

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
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
