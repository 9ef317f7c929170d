//! The bridge's way out without its surroundings: from a record of decisions to the message for a device, and back to the
//! position up to which everything has been told; and what is recorded of it.
//!
//! Records, the clock and the broker's answers come in; setpoints to publish and positions to store come out
//! ([`Outbound`]). Nothing waits or reads a clock, so that `derms-bridge` runs it on a real log and broker, and `proving`
//! runs the very same on simulated ones.

mod commandable;
mod message;
mod outbound;
mod outbox;
mod partition;
mod position;
mod sent;
mod watchdog;

pub use commandable::{Commandable, commandable};
pub use message::Message;
pub use outbound::{LOOK_BACK_RECORDS, Looked, Opening, Outbound, Read, TICK_MS};
pub use outbox::{Attempt, Audience, Order, Outbox, Place, SetpointResult, Settled, Tries};
pub use position::Holding;
pub use sent::{Origin, Taken};
pub use watchdog::{OnSilence, Rules, Watchdog};
