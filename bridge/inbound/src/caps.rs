//! Limits of the way in, each with what happens at it.

/// Devices whose message rate is watched; at this number idle ones are forgotten, and if none is idle a new one is
/// refused (`rate_limited`).
pub const RATE_DEVICES_MAX: usize = 200_000;

/// Devices whose voices (clock, counter, power) and unit of charge are watched; at this number all is forgotten and learned
/// again.
pub const WATCHED_DEVICES_MAX: usize = 200_000;

/// Notices on their way into the registry; at this number further ones wait for a later message.
pub const NOTICES_ON_THEIR_WAY_MAX: usize = 1_000;

/// Statuses kept for devices that have not sent telemetry yet; at this number further ones are refused
/// (`unknown_device`).
pub const HELD_STATUSES_MAX: usize = 20_000;
