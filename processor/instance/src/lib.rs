//! One instance of the processor without its surroundings: which partitions are its own, how it takes them over, when it
//! decides, what it appends, whom it gives way to.
//!
//! Everything here is told and answers: records, answers of the log, the group's word and the clock come in; what is to
//! be read, appended and published comes out ([`Effect`], [`Ask`]). Nothing waits, reads a clock or draws a number, so
//! that `derms-processor` runs it on a real log, and `proving` runs the very same on a simulated one.
#![deny(missing_docs)]

mod difference;
mod driver;
mod instance;
mod note;
mod patience;
mod rebuild;
mod recovery;

pub mod caps;

pub use driver::{Driver, RegistryAt, ReplayRegistry, Standing};
pub use instance::{Effect, Instance, Owners, Rules};
pub use note::Note;
pub use patience::Patience;
pub use rebuild::{Base, Known, Snapshots, Unreadable, gather, next_epoch, stands};
pub use recovery::{Aim, Answer, Ask, Now, Outrun, Recovered, Recovery};
