//! The bridge: what devices say goes from MQTT into the log, what is decided goes from the log to the devices.
//!
//! In: a message is acknowledged to the broker only after the log has it ([`ingress`]). Out: a position in the log is
//! stored only after the broker has every setpoint up to it ([`egress`]). Knows nothing of how decisions are made.
//!
//! The rules of the way out are [`bridge_outbound`]'s: the simulation in `proving/` runs them as they are.

pub mod admission;
pub mod caps;
pub mod command;
pub mod config;
mod dead_letters;
mod egress;
mod inflight;
mod ingress;
mod limiter;
mod mapping;
mod metrics;
mod publisher;
mod receipts;
mod recorder;
pub mod redrive;
mod registrar;
mod run;
mod simulation;
mod soc_units;
mod times;
mod twins;

pub use config::Config;
pub use metrics::SUBSCRIBED;
pub use run::run;
