//! The face of the system: GraphQL, a few REST routes, and the dashboard's files.
//!
//! Reads the log (operator.v1 and the compacted state topics) and ClickHouse; writes operator.v1 only. Knows neither
//! consumer groups of others nor how decisions are made.

pub mod auth;
pub mod caps;
mod config;
pub mod graphql;
pub mod http;
mod metrics;
pub mod network;
mod pace;
mod places;
mod run;
pub mod store;
#[cfg(test)]
mod test_data;

pub use config::{Config, HttpConfig, TlsConfig};
pub use run::{run, serve};
