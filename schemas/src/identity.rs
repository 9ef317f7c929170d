//! Which log this is. A log gets an identity when it is made, and another one when a copy of it is put back: two logs
//! that hold different records under the same positions never have the same one.
//!
//! Identities are UUIDs of version 7, ordered by when they were made: who has seen a newer log ignores an older one.

use uuid::Uuid;

use crate::records::operator::LogMade;
use crate::topics::Topic;
use crate::units::Timestamp;

/// A log's identity and those that it had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    newest: LogMade,
    before: Vec<Uuid>,
    /// Records from before the first identity belong to it.
    adopted: bool,
}

impl Lineage {
    /// The lineage of a log that has had no identity before.
    #[must_use]
    pub fn new(made: LogMade) -> Self {
        Self { adopted: made.adopted, newest: made, before: Vec::new() }
    }

    /// Goes on where a copy of the log was put back; false where that was another log.
    pub fn restore(&mut self, made: &LogMade) -> bool {
        let continues = made.restored_from == Some(self.current()) && made.log_id > self.current();
        if continues {
            self.before.push(self.newest.log_id);
            self.newest = made.clone();
        }
        continues
    }

    /// The identity now.
    #[must_use]
    pub fn current(&self) -> Uuid {
        self.newest.log_id
    }

    /// Whether what names this log belongs to it. What was written before logs had identities names none.
    #[must_use]
    pub fn knows(&self, log: Option<Uuid>) -> bool {
        log.map_or(self.adopted, |log| log == self.current() || self.before.contains(&log))
    }

    /// Whether what names this log was written under its present identity.
    #[must_use]
    pub fn is_current(&self, log: Option<Uuid>) -> bool {
        log == Some(self.current())
    }

    /// The identities that it had before, oldest first.
    #[must_use]
    pub fn before(&self) -> &[Uuid] {
        &self.before
    }

    /// Whether records from before the first identity belong to it.
    #[must_use]
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Where the copy ended that was put back: what stands from here on was never in the log before. None where none
    /// was.
    #[must_use]
    pub fn restored_to(&self, topic: Topic, partition: i32) -> Option<i64> {
        self.newest.restored_from?;
        let same = |end: &&crate::records::operator::LogEnd| {
            end.topic == topic.suffix() && end.partition == partition
        };
        Some(self.newest.ends.iter().find(same).map_or(0, |end| end.next))
    }

    /// When it was made, as its identity says.
    #[must_use]
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.current().get_timestamp()?.to_unix();
        let ms = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
        Some(Timestamp(ms.checked_add(i64::from(nanos / 1_000_000))?))
    }
}
