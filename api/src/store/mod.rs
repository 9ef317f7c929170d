//! What the API knows and where from: the live view (log), history (ClickHouse), and the operators' log it writes;
//! and telemetry that it passes on.

pub mod follow;
pub mod health;
pub mod history;
pub mod ingest;
pub mod live;
pub mod operator;
pub mod sessions;
pub mod stored;
