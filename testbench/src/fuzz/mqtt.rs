//! Attacks on an MQTT broker, with and without a login: packets whole and hurt, connections that are never finished, and
//! floods of sessions, subscriptions, retained and waiting messages. Each attack is one short connection or a bounded
//! bundle of them, named by its seed. Knows what to send, not what the broker must make of it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub use self::listener::Mqtt;
pub use self::packets::{Login, Version};

use self::packets::{any, any_text, connect, publish, subscribe};
use crate::faults::chance::Chance;

mod listener;
pub mod packets;

/// How long an attack waits for the broker at each step.
const STEP: Duration = Duration::from_millis(300);
/// As much of an answer is read, in pieces.
const ANSWERS_MAX: usize = 1_000;
/// Connections of one bundle.
const BUNDLE: u64 = 200;

/// What to attack, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// The broker.
    pub address: SocketAddr,
    /// A login that it accepts, for the attacks that need one.
    pub login: Option<Login>,
}

/// The kinds of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Any packets, before a login.
    Unasked,
    /// Any packets after a CONNECT that is accepted.
    LoggedIn,
    /// Connections that send nothing, or half of a CONNECT, and stay.
    HalfOpen,
    /// Most of a packet of the largest size, on many connections.
    HalfPackets,
    /// Sessions that are to be kept for ever.
    Sessions,
    /// Subscriptions without end.
    Subscriptions,
    /// Retained messages without end.
    Retained,
    /// Messages without end, large ones.
    Messages,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unasked,
        Self::LoggedIn,
        Self::HalfOpen,
        Self::HalfPackets,
        Self::Sessions,
        Self::Subscriptions,
        Self::Retained,
        Self::Messages,
    ];
}

/// A client id that a broker accepts: a device's begins with its user name.
fn client_id(login: Option<&Login>, name: &str) -> String {
    login.map_or_else(|| name.to_owned(), |login| format!("{}:{name}", login.user))
}

/// Makes one attack, chosen by its seed.
///
/// # Errors
/// When no connection can be made at all: the broker has gone.
pub fn attack(target: &Target, seed: u64) -> std::io::Result<Attack> {
    let mut chance = Chance::new(seed);
    // Single packets far more often than floods.
    let kind = match chance.between(0, 19) {
        0..=9 => Attack::Unasked,
        10..=13 => Attack::LoggedIn,
        _ => chance.one_of(&Attack::ALL).copied().unwrap_or(Attack::Unasked),
    };
    run(target, kind, &mut chance)?;
    Ok(kind)
}

/// Makes an attack of this kind.
///
/// # Errors
/// As for [`attack`].
pub fn run(target: &Target, kind: Attack, chance: &mut Chance) -> std::io::Result<()> {
    let version = if chance.between(0, 1) == 0 { Version::Three } else { Version::Five };
    let mut first = Peer::connect(target)?;
    match kind {
        Attack::Unasked => {
            for _ in 0..chance.between(1, 4) {
                first.send(&any(chance, version));
            }
            first.hear();
        }
        Attack::LoggedIn => {
            first.log_in(target, version, &format!("fuzz-{}", chance.between(0, 999)), 0);
            for _ in 0..chance.between(1, 30) {
                first.send(&any(chance, version));
            }
            first.hear();
        }
        Attack::HalfOpen => {
            let whole = connect(version, "fuzz-half", target.login.as_ref(), 0);
            let peers = bundle(target, |number, peer| {
                peer.send(&whole[..usize::try_from(number).unwrap_or(0) % whole.len()]);
            });
            drop(peers);
        }
        Attack::HalfPackets => {
            let part = vec![b'x'; 400_000];
            let peers = bundle(target, |number, peer| {
                peer.log_in(target, version, &format!("fuzz-large-{number}"), 0);
                let mut packet = publish(version, b"der/telemetry/ev-1", &part, 1, false);
                packet.truncate(packet.len() - 1);
                peer.send(&packet);
            });
            drop(peers);
        }
        Attack::Sessions => {
            let round = chance.draw();
            drop(bundle(target, |number, peer| {
                peer.log_in(target, version, &format!("fuzz-{round:x}-{number}"), u32::MAX);
                peer.send(&subscribe(version, &[b"der/simulation/profile".to_vec()]));
            }));
        }
        Attack::Subscriptions => {
            first.log_in(target, version, "fuzz-subscriber", u32::MAX);
            for _ in 0..200 {
                let filters: Vec<_> = (0..100).map(|_| any_text(chance)).collect();
                first.send(&subscribe(version, &filters));
            }
            first.hear();
        }
        Attack::Retained | Attack::Messages => {
            let retain = kind == Attack::Retained;
            first.log_in(target, version, "fuzz-talker", 0);
            let payload = vec![b'x'; if retain { 1_000 } else { 200_000 }];
            for number in 0..if retain { 5_000 } else { 100 } {
                let topic = format!("der/status/fuzz-{}-{number}", chance.between(0, 1 << 20));
                first.send(&publish(version, topic.as_bytes(), &payload, 1, retain));
            }
            first.hear();
        }
    }
    Ok(())
}

/// Many connections at once; those that are refused are left out.
fn bundle(target: &Target, mut each: impl FnMut(u64, &mut Peer)) -> Vec<Peer> {
    (0..BUNDLE)
        .filter_map(|number| {
            let mut peer = Peer::connect(target).ok()?;
            each(number, &mut peer);
            Some(peer)
        })
        .collect()
}

/// One connection. That the broker ends it is what it may do.
struct Peer(TcpStream);

impl Peer {
    fn connect(target: &Target) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STEP))?;
        stream.set_write_timeout(Some(STEP))?;
        Ok(Self(stream))
    }

    fn log_in(&mut self, target: &Target, version: Version, name: &str, session_s: u32) {
        let client_id = client_id(target.login.as_ref(), name);
        self.send(&connect(version, &client_id, target.login.as_ref(), session_s));
        let mut answer = [0; 64];
        drop(self.0.read(&mut answer));
    }

    fn send(&mut self, bytes: &[u8]) {
        drop(self.0.write_all(bytes));
    }

    /// Reads what the broker says until it has nothing more to say.
    fn hear(&mut self) {
        let mut rest = [0; 4096];
        for _ in 0..ANSWERS_MAX {
            match self.0.read(&mut rest) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    }
}
