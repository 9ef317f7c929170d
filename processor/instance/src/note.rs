//! What an instance found out that somebody should know: the service counts and logs it, the simulation checks it.

use std::fmt::Display;

use schemas::FeederId;
use schemas::ledger::Void;
use schemas::log::LogRecord;
use schemas::topics::Topic;

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A record cannot be read and is passed over.
    Unreadable {
        /// Its topic.
        topic: Topic,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Why.
        why: String,
    },
    /// A record of decisions does not count.
    Void {
        /// Why.
        void: Void,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// The log holds another decision than this core makes of the same inputs; the log wins.
    Differs {
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Its tree.
        root: FeederId,
        /// The first difference.
        difference: String,
    },
    /// Decisions were replayed.
    Replayed(u64),
    /// A partition was taken over.
    Recovered {
        /// Which.
        partition: i32,
        /// In which epoch.
        epoch: i64,
        /// Its trees.
        trees: usize,
        /// Decisions replayed since it was wanted.
        replayed: u64,
        /// How long it took, ms.
        took_ms: i64,
    },
    /// Another instance has taken a partition.
    Lost {
        /// Which.
        partition: i32,
        /// The other one's epoch.
        epoch: i64,
    },
    /// The log says of our decisions what we do not know: the partition is recovered from what counts.
    Doubted {
        /// Which.
        partition: i32,
        /// Where.
        offset: i64,
        /// What it says.
        why: &'static str,
    },
}

impl Note {
    pub(crate) fn unreadable(record: &LogRecord, why: &dyn Display) -> Self {
        Self::Unreadable {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            why: why.to_string(),
        }
    }
}
