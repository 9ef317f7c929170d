//! The MQTT broker as one of the listeners that are attacked side by side.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::packets::{connect, publish};
use super::{Login, Target, Version, attack};
use crate::faults::chance::Chance;
use crate::fuzz::{Listener, Outcome, Playing, Target as Address};
use crate::predecessor;

/// The packet types of a CONNACK and a PUBACK, in their first byte.
const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;

/// The broker's protocol.
#[derive(Debug)]
pub struct Mqtt {
    /// The login of the well-behaved client; a guest without one.
    pub other: Option<(String, String)>,
}

impl Listener for Mqtt {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn play<'a>(&'a self, target: &'a Address, mut chance: Chance) -> Playing<'a, Outcome> {
        Box::pin(async move {
            let (mut target, seed) = (as_attacked(target), chance.draw());
            // A device with an account, or a stranger.
            if chance.between(0, 1) == 0 {
                target.login = None;
            }
            // Attacks read and write as threads do.
            let made = tokio::task::spawn_blocking(move || attack(&target, seed)).await;
            made.map_or(Outcome::Closed, |made| made.map_or(Outcome::Closed, |_| Outcome::Refused))
        })
    }

    fn ask<'a>(&'a self, target: &'a Address) -> Playing<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut stream = TcpStream::connect(target.address).await.context("connecting")?;
            let login = as_login(self.other.clone());
            let id = login.as_ref().map_or("well-behaved", |login| login.user.as_str());
            let hello = connect(Version::Five, id, login.as_ref(), 0);
            stream.write_all(&hello).await.context("saying CONNECT")?;
            let connack = packet(&mut stream).await.context("reading the CONNACK")?;
            ensure!(
                connack.0 == CONNACK && connack.1.get(1) == Some(&0),
                "the CONNECT was refused: {connack:?}"
            );
            let topic = format!("der/telemetry/{id}");
            let sample = predecessor::simulator("ev", id, "well-behaved", 1.0, None);
            let report = publish(Version::Five, topic.as_bytes(), sample.as_bytes(), 1, false);
            stream.write_all(&report).await.context("reporting")?;
            let puback = packet(&mut stream).await.context("reading the PUBACK")?;
            // A reason below 0x80, or none, is a success.
            let taken = puback.1.get(2).is_none_or(|reason| *reason < 0x80);
            ensure!(puback.0 == PUBACK && taken, "the report was refused: {puback:?}");
            Ok(())
        })
    }
}

/// A packet that comes: its first byte, and what follows its length, which is below 128.
async fn packet(stream: &mut TcpStream) -> anyhow::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    ensure!(head[1] < 128, "longer than was expected");
    let mut rest = vec![0; usize::from(head[1])];
    stream.read_exact(&mut rest).await?;
    Ok((head[0], rest))
}

fn as_attacked(target: &Address) -> Target {
    Target { address: target.address, login: as_login(target.login.clone()) }
}

fn as_login(login: Option<(String, String)>) -> Option<Login> {
    login.map(|(user, password)| Login { user, password })
}
