//! The bridge: what devices say goes from MQTT into the log, what is decided goes from the log to the devices.
//!
//! In: a message is acknowledged to the broker only after the log has it ([`ingress`]). Out: a position in the log is
//! stored only after the broker has every setpoint up to it ([`egress`]). Knows nothing of how decisions are made.
//!
//! The rules of the way in are [`bridge_inbound`]'s, those of the way out [`bridge_outbound`]'s: the simulation in `proving/`
//! runs them as they are.

pub mod caps;
pub mod command;
pub mod config;
mod egress;
mod inflight;
mod ingress;
mod metrics;
mod notes;
mod publisher;
mod receipts;
mod recorder;
pub mod redrive;
mod registrar;
mod run;
mod simulation;

pub use config::Config;
pub use metrics::SUBSCRIBED;
pub use run::run;
