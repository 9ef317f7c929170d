//! `derms-sim history`: years of a fleet in minutes, straight into ClickHouse's tables.
//!
//! The fleet is the simulator's own; a simple water-fill decides for it. Rows are made by what the sink makes them with and are
//! written as it writes them. The same arguments give the same rows.

mod allocation;
mod blocks;
mod control;
mod lines;
mod plan;
mod world;
mod writing;

pub use plan::HistoryArgs;
pub use writing::write;
