//! How a device behaves: its physics, its wishes, and how it obeys setpoints and their leases.
//!
//! Pure: time and message ids are arguments, chance comes from a seed, nothing is read or sent. Power is in kW in
//! the signs of the MQTT contract: a PV's + is generation, everybody else's + is consumption. Knows nothing of
//! the controller but the contract.

mod battery;
mod chance;
mod command;
mod device;
mod ev;
pub mod fleet;
mod pv;
mod sky;
mod unit;

pub use battery::Battery;
pub use chance::Chance;
pub use command::{Drive, Report};
pub use device::{Device, Identity};
pub use ev::{Charger, EvHabits};
pub use pv::Pv;
pub use sky::Conditions;
pub use unit::Unit;
