//! A simulated fleet over MQTT: devices of the shared model, spread over feeders and connections.
//!
//! Knows the MQTT contract and the device model; knows nothing of the controller and the log. The history that it
//! makes up goes into the tables as the sink would write it.

mod config;
mod history;
mod metrics;
mod run;
mod shard;
mod stats;

pub use config::Config;
pub use history::{HistoryArgs, write as write_history};
pub use run::run;
pub use stats::Stats;
