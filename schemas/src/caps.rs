//! Limits of the contracts, each with what happens at it. Limits of a service's own queues live in that service.

/// Longest device or feeder id, in characters; a longer one is refused.
pub const ID_LEN_MAX: usize = 64;

/// Raw bytes of a refused message kept in its dead letter; the rest is cut off and its length noted.
pub const DEAD_LETTER_RAW_MAX: usize = 16 * 1024;

/// Longest free text (fault code, reason, name) kept from outside, in characters; longer is refused.
pub const TEXT_LEN_MAX: usize = 256;

/// Devices in one record of a decision; a larger tree is written in numbered parts.
pub const DECISION_PART_DEVICES_MAX: usize = 4_000;

/// Greatest depth of a feeder tree; a change that would pass it is refused.
pub const TREE_DEPTH_MAX: usize = 16;
