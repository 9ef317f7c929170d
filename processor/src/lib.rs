//! The processor: the shell around the control core, and the sink into ClickHouse. Knows no HTTP server and no MQTT.

pub mod caps;
pub mod config;
pub mod control;
pub mod driver;
mod membership;
pub mod metrics;
pub mod rebuild;
pub mod recovery;
pub mod run;
pub mod sink;

pub use config::Config;
pub use run::run;
