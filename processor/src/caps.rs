//! Limits of the processor's own queues and loops, each with what happens at it.

use std::time::Duration;

/// Inputs of one tree that wait for its decision; beyond it the oldest telemetry is dropped from control and counted. It stays in
/// the log and in history.
pub const PENDING_INPUTS_MAX: usize = 2_000_000;

/// Claims tried before a partition is given back: each failed one means that another instance was faster.
pub const CLAIM_TRIES_MAX: u32 = 5;

/// Pause before a partition that failed is recovered again.
pub const RECOVERY_PAUSE: Duration = Duration::from_millis(500);

/// Devices in one record of a snapshot.
pub const SNAPSHOT_PART_DEVICES_MAX: usize = 2_000;

/// Records taken in one turn of the loop before deadlines are looked at.
pub const RECORDS_PER_TURN_MAX: usize = 5_000;

/// A partition that others hold is looked at this often by one that stands by.
pub const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Least time between two decisions of a tree that are not at a window's end: an overload, an operator's change.
pub const URGENT_PAUSE_MS: i64 = 500;

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
