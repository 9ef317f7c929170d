//! What every service needs and none should write twice: settings, logging, metrics, shutdown, supervised tasks,
//! the clock and the log client. Knows no rule of control, telemetry or setpoints.

pub mod clickhouse;
pub mod clock;
pub mod doubling;
pub mod log;
pub mod logging;
pub mod metrics;
pub mod mqtt;
pub mod notices;
pub mod outgoing;
pub mod pulse;
pub mod service;
pub mod settings;
pub mod shutdown;
pub mod task;

pub use service::{ServiceArgs, service_main};
