//! One device at an MQTT broker, as a Raspberry Pi runs it: samples out, setpoints in, acks out.
//!
//! Knows the MQTT contract and the device model; knows nothing of the controller.

mod agent;
mod config;
mod unreceipted;

pub use agent::run;
pub use config::{AgentConfig, ConfigProblems};
