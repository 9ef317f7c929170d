//! The control core: windows, estimate, allocation, safety, as one pure state machine per feeder tree.
//!
//! Knows no runtime, no log client, no clock, no environment, no files, and uses no floating point in power
//! arithmetic. The same inputs give the same bytes, on any machine. What it guarantees stands in docs/control.md.
#![deny(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod adopt;
pub mod alarms;
mod belief;
mod bounds;
mod certify;
mod claims;
mod compliance;
mod correction;
mod device;
mod devices;
mod estimate;
mod limits;
mod overshoot;
mod plan;
pub mod policy;
#[cfg(test)]
mod recorded;
pub mod release;
mod report;
#[cfg(test)]
mod samples;
mod shape;
mod snapshot;
mod soc;
#[cfg(test)]
mod stage;
mod standing;
mod states;
mod topology;
mod tree;
mod wants;
mod watch;
mod window;

pub use states::feeder_states;
pub use tree::{Input, Tick, Tree};
pub use watch::Watch;
