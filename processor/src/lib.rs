//! The processor: the shell around the control core, and the sink into ClickHouse. Knows no HTTP server and no MQTT.

pub mod caps;
pub mod command;
pub mod config;
pub mod control;
pub mod decision_log;
pub mod metrics;
mod notes;
mod opening;
mod poison;
mod recovery;
pub mod replay;
pub mod run;
pub mod sink;

pub use config::Config;
pub use run::run;
