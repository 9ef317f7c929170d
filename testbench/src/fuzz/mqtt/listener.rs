//! The MQTT broker as one of the listeners that are attacked side by side.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::packets::connect;
use super::{Login, Target, Version, attack, client_id};
use crate::faults::chance::Chance;
use crate::fuzz::{Listener, Outcome, Playing, Target as Address};

/// The packet type of a CONNACK, in its first byte.
const CONNACK: u8 = 0x20;

/// The broker's protocol.
#[derive(Debug)]
pub struct Mqtt;

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
            let login = as_attacked(target).login;
            let id = client_id(login.as_ref(), "fuzz-well-behaved");
            let hello = connect(Version::Five, &id, login.as_ref(), 0);
            stream.write_all(&hello).await.context("saying CONNECT")?;
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await.context("reading the CONNACK")?;
            ensure!(answer[0] == CONNACK && answer[3] == 0, "the CONNECT was refused: {answer:?}");
            Ok(())
        })
    }
}

fn as_attacked(target: &Address) -> Target {
    let login = target.login.clone();
    let login = login.map(|(user, password)| Login { user, password });
    Target { address: target.address, login }
}
