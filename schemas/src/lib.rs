//! The contracts of Mini-DERMS: ids, units, the MQTT contract, the records of every log topic, the folds that
//! give those records their meaning, the ClickHouse tables and the GraphQL SDL; and the chance that tests draw.
//!
//! Knows no runtime: no tokio, no IO, no clock, no environment. Everything else may depend on it; it depends
//! on nothing of ours.
#![deny(missing_docs)]

pub mod belief;
pub mod caps;
pub mod clickhouse;
pub mod codec;
pub mod graphql;
pub mod identity;
pub mod ids;
pub mod ledger;
pub mod log;
pub mod mqtt;
pub mod records;
pub mod registry;
pub mod rng;
pub mod samples;
pub mod topics;
pub mod units;

pub use ids::{DeviceId, FeederId, IdError};
pub use units::{Soc, Timestamp, WattHours, Watts};
