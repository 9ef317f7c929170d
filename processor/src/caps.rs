//! Limits of the service's own queues and loops, each with what happens at it; those of an instance are
//! `control_instance::caps`.

use std::time::Duration;

/// Records taken in one turn of the loop before deadlines are looked at.
pub const RECORDS_PER_TURN_MAX: usize = 5_000;

/// Message ids per log partition that the sink remembers to recognise duplicates; for older ones it asks ClickHouse.
pub const DEDUP_WINDOW: usize = 65_536;

/// Times of a device that the sink remembers for the same; likewise.
pub const DEDUP_TIMES_PER_DEVICE: usize = 64;

/// Bytes of records in a block of the sink; at this number it is written.
pub const SINK_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of records in all blocks of the sink, gathered and on their way; at this number nothing further is read from
/// the log.
pub const SINK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Inserts on their way to ClickHouse at the same time; further blocks wait.
pub const SINK_INSERTS_MAX: usize = 4;

/// Longest wait for ClickHouse to take a block; then it is sent again, and counts once.
pub const SINK_INSERT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long ClickHouse certainly knows the token of a block, ms: the tables remember 10 000 blocks.
pub const SINK_TOKEN_KNOWN_MS: i64 = 10 * 60 * 1_000;
