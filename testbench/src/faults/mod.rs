//! The fault harness: real servers, the services as processes, a fleet that counts, a seeded schedule of faults, and a
//! judge that compares what was promised with what came of it.
//!
//! It knows the product as its users do: programs, MQTT, SQL, and the log's topics.

pub mod chance;
pub mod device;
pub mod findings;
pub mod fleet;
pub mod judge;
pub mod ledger;
pub mod options;
pub mod proxy;
pub mod report;
pub mod run;
pub mod schedule;
pub mod stored;
pub mod system;
pub mod target;
