//! What tests of several crates share: real servers and our own services as child processes, and waiting on
//! conditions.

pub mod certificates;
pub mod curl;
pub mod faults;
pub mod fuzz;
pub mod kafka;
pub mod mishaps;
pub mod mosquitto;
pub mod mqtt;
pub mod place;
pub mod port;
pub mod predecessor;
pub mod service;
pub mod wait;
