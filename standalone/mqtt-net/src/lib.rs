//! What rmqtt asks of its network layer, over connections that its owner has accepted.
//!
//! rmqtt takes this crate by its name (`[patch.crates-io]`). The one it replaces accepts by itself, waits for the first
//! packet without a bound, lets a stranger send a packet of the full size before it has logged in, and closes an MQTT 5
//! connection before it says why. Here connections come through a channel, whoever accepts them bounds them, and
//! everything up to the login is small and timed. It must not know users, topics or payloads.

mod config;
mod error;
mod inbound;
mod listener;
mod stream;
pub mod v3;
pub mod v5;

pub use config::Builder;
pub use error::MqttError;
pub use inbound::Inbound;
pub use listener::{Acceptor, Dispatcher, Duplex, Incoming, Io, Listener, ListenerType};
pub use stream::MqttStream;

/// Any error.
pub type Error = anyhow::Error;

/// A result with any error.
pub type Result<T> = anyhow::Result<T, Error>;
