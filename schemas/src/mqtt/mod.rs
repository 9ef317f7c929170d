//! The v1 MQTT contract: topics, the envelope, and what each message means, for both ends of the wire.
//!
//! Whoever speaks MQTT (bridge, simulator, agent) builds and reads messages here and nowhere else. Power is in
//! load convention on our side of these functions and in the contract's signs on the other; [`edge`] is the
//! only place that turns them. Knows nothing of a client library, a clock or the log.

pub mod ack;
pub mod edge;
mod envelope;
mod fields;
mod json;
pub mod profile;
pub mod receipt;
pub mod rejection;
pub mod setpoint;
pub mod status;
pub mod telemetry;
pub mod topics;

pub use ack::{AckMessage, decode_ack};
pub use envelope::{Envelope, Source};
pub use profile::{Profile, ProfileMessage};
pub use receipt::{Asking, HandedIn, ReceiptMessage, decode_receipt, hand_in, receipt_asked};
pub use rejection::{RejectReason, Rejection};
pub use setpoint::{Fence, Mode, Setpoint, decode_setpoint};
pub use status::{StatusMessage, StatusWord, decode_status};
pub use telemetry::{Readings, SocUnit, TelemetryMessage, decode_telemetry, decode_telemetry_with};
pub use topics::{Inbound, PrefixError, TelemetryTopic, Topics};

#[cfg(test)]
mod tests;
