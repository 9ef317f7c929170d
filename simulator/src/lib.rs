//! A simulated fleet over MQTT: devices of the shared model, spread over feeders and connections.
//!
//! Knows the MQTT contract and the device model; knows nothing of the controller, the log or the tables.

mod config;
mod fleet;
mod metrics;
mod run;
mod shard;
mod stats;

pub use config::Config;
pub use fleet::build as build_fleet;
pub use run::run;
pub use stats::Stats;
