//! The log's topics: names, what a key is, how long a record is kept, and which partition it goes to.

use crate::ids::FeederId;

/// Prefix of all topics, unless told otherwise.
pub const DEFAULT_PREFIX: &str = "derms.";

/// The topics, one line each: name after the prefix, how long a record stays, and over what it is spread.
macro_rules! topics {
    ($($(#[$doc:meta])+ $topic:ident = $suffix:literal, $retention:expr, $spread:ident;)+) => {
        /// One topic of the log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Topic {
            $($(#[$doc])+ $topic,)+
        }

        impl Topic {
            /// Every topic.
            pub const ALL: [Self; [$($suffix),+].len()] = [$(Self::$topic),+];

            /// The name after the prefix.
            #[must_use]
            pub fn suffix(self) -> &'static str {
                match self {
                    $(Self::$topic => $suffix,)+
                }
            }

            /// How long its records stay. Inputs of decisions are never compacted: replay needs them.
            #[must_use]
            pub fn retention(self) -> Retention {
                match self {
                    $(Self::$topic => $retention,)+
                }
            }

            fn spread(self) -> Spread {
                match self {
                    $(Self::$topic => Spread::$spread,)+
                }
            }
        }
    };
}

topics! {
    /// Validated samples.
    Telemetry = "telemetry.v1", Retention::Days(7), Trees;
    /// Acks and online/offline.
    Acks = "acks.v1", Retention::Days(7), Trees;
    /// Everything people decide.
    Operator = "operator.v1", Retention::Forever, Nothing;
    /// The only output of control.
    Decisions = "decisions.v1", Retention::Days(30), Trees;
    /// The core's state at a position.
    Snapshots = "snapshots.v1", Retention::Compacted, Trees;
    /// The latest state of each device.
    DeviceState = "device-state.v1", Retention::Compacted, Trees;
    /// The latest state of each feeder.
    FeederState = "feeder-state.v1", Retention::Compacted, Trees;
    /// Refused messages.
    DeadLetters = "dead-letters.v1", Retention::Days(30), Nothing;
    /// Changed setpoints that the broker has.
    Sent = "sent.v1", Retention::Days(7), Trees;
}

/// How long records stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// For so many days.
    Days(i64),
    /// For ever.
    Forever,
    /// The last record of each key.
    Compacted,
}

/// Over what a topic's records are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Over partitions, by feeder tree.
    Trees,
    /// They stand in one partition.
    Nothing,
}

impl Topic {
    /// The whole name under a prefix.
    #[must_use]
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}{}", self.suffix())
    }

    /// The topic of a whole name under a prefix.
    #[must_use]
    pub fn from_name(name: &str, prefix: &str) -> Option<Self> {
        let suffix = name.strip_prefix(prefix)?;
        Self::ALL.into_iter().find(|topic| topic.suffix() == suffix)
    }

    /// How many partitions it has where trees are spread over `tree_partitions`.
    #[must_use]
    pub fn partitions(self, tree_partitions: i32) -> i32 {
        match self.spread() {
            Spread::Trees => tree_partitions,
            Spread::Nothing => 1,
        }
    }
}

/// The partition of a feeder tree: murmur2 of the root's id, as Java clients hash keys.
///
/// Everything that is decided together lives in this partition of telemetry, acks, decisions and snapshots.
#[must_use]
pub fn tree_partition(root: &FeederId, partitions: i32) -> i32 {
    let positive = murmur2(root.as_str().as_bytes()) & 0x7fff_ffff;
    i32::try_from(positive % partitions.max(1).unsigned_abs())
        .expect("a remainder of an i32 fits an i32")
}

/// Kafka's murmur2 (seed 0x9747b28c), the hash of its Java clients' default partitioner.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    #[expect(clippy::cast_possible_truncation, reason = "keys are at most 64 bytes long")]
    let mut hash = SEED ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let word = u32::from_le_bytes(chunk.try_into().expect("chunks of four")).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> R)).wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_gives_the_values_of_kafkas_own_tests() {
        for (text, expected) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()), expected.cast_unsigned(), "{text}");
        }
    }

    #[test]
    fn names_go_both_ways() {
        for topic in Topic::ALL {
            assert_eq!(Topic::from_name(&topic.name("x."), "x."), Some(topic));
        }
        assert_eq!(Topic::from_name("telemetry.v1", "x."), None);
    }
}
