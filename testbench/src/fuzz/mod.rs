//! Hostile traffic for every listener of `derms up`, made from a seed: structured mutations of what each protocol
//! says. It owns the plan, the pace and the verdict; a file per listener knows its protocol. It must not know how the
//! product guards itself: what it asks is whether the listener still serves a well-behaved client, whether control
//! goes on, and what memory it takes.

mod api;
pub mod clickhouse;
mod graphql;
pub mod http;
pub mod kafka;
mod kafka_login;
pub mod mqtt;
pub mod options;
pub mod run;
pub mod watch;
pub mod websocket;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::faults::chance::Chance;

/// Where hostile traffic goes, and what is known of its owner's secrets.
#[derive(Debug, Clone)]
pub struct Target {
    /// The listener's address, on loopback.
    pub address: SocketAddr,
    /// A user and a password that the listener accepts, for the cases that come in by the front door.
    pub login: Option<(String, String)>,
}

/// What became of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The listener did what it was asked.
    Served,
    /// The listener said no in its protocol's words.
    Refused,
    /// The listener closed the connection.
    Closed,
    /// Nothing came within the bound of the case.
    Silent,
}

/// A future of a listener's own making.
pub type Playing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One listener's protocol: how it is asked badly, and how it is asked well.
pub trait Listener: std::fmt::Debug + Send + Sync {
    /// Its name, as on the command line.
    fn name(&self) -> &'static str;

    /// Plays one hostile case; everything that it does follows from `chance`. Bounded in bytes and in time by itself.
    fn play<'a>(&'a self, target: &'a Target, chance: Chance) -> Playing<'a, Outcome>;

    /// Asks as a well-behaved client does.
    ///
    /// # Errors
    /// When it is not served as such a client should be.
    fn ask<'a>(&'a self, target: &'a Target) -> Playing<'a, anyhow::Result<()>>;
}
