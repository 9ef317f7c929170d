//! What tests of several crates share: real servers as child processes, and waiting on conditions.

pub mod mosquitto;
pub mod mqtt;
