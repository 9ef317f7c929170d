//! The simulation: world, chaos, reference, and what runs them.

pub mod bridge;
pub mod broker;
pub mod chaos;
pub mod errors;
pub mod log;
pub mod make;
pub mod member;
pub mod physics;
pub mod processor;
mod reads;
pub mod reference;
pub mod run;
pub mod trace;
pub mod world;
