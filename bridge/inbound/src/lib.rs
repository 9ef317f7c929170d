//! The bridge's way in without its surroundings: from a device's message to the record that it becomes, or to the letter
//! that says why it becomes none; who may be a device, and as what.
//!
//! Messages, the registry and the clock come in; records to append and messages to acknowledge come out ([`Intake`]).
//! Nothing waits, counts or reads a clock, so that `derms-bridge` runs it on a real broker and log, and `proving` runs the
//! very same on simulated ones.

pub mod admission;
pub mod caps;
mod doorman;
mod intake;
mod known;
mod letters;
mod limiter;
mod mapping;
mod note;
mod soc_units;
pub mod times;
mod twins;

pub use doorman::Doorman;
pub use intake::{Effect, Incoming, Intake, Rules};
pub use known::{Known, Place};
pub use mapping::{Kind, Message, Receipt, Refused, read};
pub use note::Note;
