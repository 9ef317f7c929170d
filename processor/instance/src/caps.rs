//! Limits of an instance's queues and waits, each with what happens at it.

/// Inputs of one tree that wait for its decision; beyond it the oldest telemetry is dropped from control and counted. It
/// stays in the log and in history.
pub const PENDING_INPUTS_MAX: usize = 2_000_000;

/// Claims tried before a partition is given back: each failed one means that another instance was faster.
pub const CLAIM_TRIES_MAX: u32 = 5;

/// Pause before a partition that failed is recovered again, ms.
pub const RECOVERY_PAUSE_MS: i64 = 500;

/// Devices in one record of a snapshot.
pub const SNAPSHOT_PART_DEVICES_MAX: usize = 2_000;

/// A partition that others hold is looked at this often by one that stands by, ms.
pub const FOLLOW_EVERY_MS: i64 = 1_000;

/// Least time between two decisions of a tree that are not at a window's end: an overload, an operator's change.
pub const URGENT_PAUSE_MS: i64 = 500;
