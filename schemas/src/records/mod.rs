//! The value of every log topic, one file each. The Avro schema of a record stands in `avro/`, its codec in
//! [`crate::codec`]. Fields added later carry a default on both sides, so old bytes stay readable.

pub mod ack;
pub mod dead_letter;
pub mod decision;
pub mod lifecycle;
pub mod operator;
pub mod sent;
pub mod snapshot;
pub mod state;
pub mod telemetry;
