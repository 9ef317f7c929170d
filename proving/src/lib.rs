//! The proving ground: the whole loop, from a device's physics to its next setpoint and back, on one thread, one seed and one
//! virtual clock, with a reference model that says what must hold after every step.
//!
//! The shell's rules (driver, recovery, void rule, outbox, watchdog) are the product's own sources, included by path
//! and not by dependency: so nothing here needs a runtime, a broker's client or a database's, and a changed line of the core is
//! proven within seconds. Nothing depends on this crate.
// The included sources bring no tests here: those run where the sources live.
#![cfg(not(test))]

// The processor's pure part.
#[path = "../../processor/src/caps.rs"]
pub mod caps;
#[path = "../../processor/src/difference.rs"]
pub mod difference;
#[path = "../../processor/src/driver.rs"]
pub mod driver;
#[path = "../../processor/src/patience.rs"]
pub mod patience;
#[path = "../../processor/src/rebuild.rs"]
pub mod rebuild;

// The bridge's pure part.
#[path = "../../bridge/src/commandable.rs"]
pub mod commandable;
mod metrics;
#[expect(dead_code, reason = "what only the bridge's metrics ask for")]
#[rustfmt::skip] // Formatted where it lives: rustfmt would look for its tests here.
#[path = "../../bridge/src/outbox.rs"]
pub mod outbox;
#[path = "../../bridge/src/partitions.rs"]
pub mod partitions;
#[rustfmt::skip] // Formatted where it lives: rustfmt would look for its tests here.
#[path = "../../bridge/src/watchdog.rs"]
pub mod watchdog;

// The demo's fleet.
#[path = "../../simulator/src/fleet.rs"]
pub mod fleet;

pub mod chart;
pub mod day;
pub mod sim;
