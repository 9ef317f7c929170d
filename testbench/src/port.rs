//! Ports of loopback for servers that are ended and begin again under the same one.
//!
//! A port that the system chooses is one that it also gives to whoever connects outwards: while its server is away, any
//! connection of this machine may come to sit on it, and the server cannot begin again. So these lie below that range,
//! and each is one process's alone while it lives.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::{fs, process};

use anyhow::bail;

/// The first of them.
const FIRST: u16 = 16_000;
/// Linux gives outgoing connections ports from here on, unless it is told otherwise.
const OUTGOING: u16 = 32_768;
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The port over UDP of the same number as each that was given: nobody serves on it, and it falls free with its process.
static GIVEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A loopback port on which nobody listens and that nobody else is given.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let count = outgoing().saturating_sub(FIRST);
    // Processes begin at different places, so that they seldom try what another holds.
    let began = process::id().wrapping_mul(131) % u32::from(count.max(1));
    let mut candidates = (0..u32::from(count))
        .filter_map(|n| u16::try_from((began + n) % u32::from(count)).ok())
        .map(|n| FIRST + n);
    let found = candidates.find_map(|port| {
        let ticket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some((port, ticket))
    });
    let Some((port, ticket)) = found else {
        bail!("no port from {FIRST} to {} of 127.0.0.1 is free", outgoing());
    };
    given.push(ticket);
    Ok(port)
}

/// The first port that an outgoing connection may be given.
fn outgoing() -> u16 {
    let range = fs::read_to_string(RANGE).ok();
    let first = range.as_deref().and_then(|text| text.split_whitespace().next()?.parse().ok());
    first.filter(|first| *first > FIRST).unwrap_or(OUTGOING)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MANY: usize = 300;

    #[test]
    fn no_port_is_given_twice_or_to_a_connection_that_goes_out() {
        let ports: BTreeSet<u16> = (0..MANY).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), MANY);
        assert!(ports.iter().all(|port| *port < outgoing()), "{ports:?}");
    }
}
