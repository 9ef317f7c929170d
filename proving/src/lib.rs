//! The proving ground: the whole loop, from a device's physics to its next setpoint and back, on one thread, one seed and one
//! virtual clock, with a reference model that says what must hold after every step.
//!
//! The processor's instance and the bridge's ways in and out are the product's own crates, as shipped: they know no runtime,
//! no broker's client and no database's. What is simulated is the log, the broker, the network, the clock and the devices.
//! Nothing depends on this crate.

pub mod chart;
pub mod day;
pub mod recorded;
pub mod sim;
