//! The topics that ClickHouse keeps.

use schemas::topics::Topic;

/// A topic that is kept. Of the others the log itself holds all that anybody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Telemetry,
    Acks,
    Decisions,
    Sent,
    Operator,
    DeadLetters,
}

impl Kept {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::Telemetry,
        Self::Acks,
        Self::Decisions,
        Self::Sent,
        Self::Operator,
        Self::DeadLetters,
    ];

    pub(super) fn topic(self) -> Topic {
        match self {
            Self::Telemetry => Topic::Telemetry,
            Self::Acks => Topic::Acks,
            Self::Decisions => Topic::Decisions,
            Self::Sent => Topic::Sent,
            Self::Operator => Topic::Operator,
            Self::DeadLetters => Topic::DeadLetters,
        }
    }

    /// The table whose highest stored place says where the topic goes on.
    pub(super) fn position_table(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Acks => "acks",
            // Written last of the four that a decision goes into.
            Self::Decisions => "decisions",
            Self::Sent => "sent",
            Self::Operator => "operator_log",
            Self::DeadLetters => "dead_letters",
        }
    }

    /// Those with a partition of this number: a topic that has but one goes with the first of the others.
    pub(super) fn of_partition(partition: i32) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |kept| partition < kept.topic().partitions(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_partition_has_all_and_the_others_what_is_spread() {
        let of = |partition| Kept::of_partition(partition).collect::<Vec<_>>();
        assert_eq!(of(0), Kept::ALL);
        assert_eq!(of(7), [Kept::Telemetry, Kept::Acks, Kept::Decisions, Kept::Sent]);
    }
}
