//! Where a request comes from: the network that counts as one client, and the proxies whose word on it is taken.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client: an IPv4 address, or a /64 of IPv6, which is what one household or machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// Addresses of a network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    prefix: u32,
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(widest), |prefix| prefix.parse().ok())?;
        (prefix <= widest).then_some(Self { address, prefix })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The proxies in front of the API (`DERMS_TRUSTED_PROXIES`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Block>);

impl Proxies {
    /// Reads the setting: addresses and networks, comma separated.
    ///
    /// # Errors
    /// The entry that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| Block::parse(entry).ok_or_else(|| entry.to_owned()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(address))
    }

    /// The client of a request: the peer, unless that is one of the proxies. Then the last address that they added which
    /// is none of them; what a client itself wrote before it is not looked at.
    pub fn client<'h>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'h str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded_for.flat_map(|value| value.split(',')).map(str::trim).rev();
        while self.contain(client) {
            match hops.next().and_then(address) {
                Some(before) => client = before.to_canonical(),
                None => break,
            }
        }
        client
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let socket = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_client_is_an_ipv4_address_or_a_64_of_ipv6() {
        assert_eq!(Network::of(ip("10.0.0.1")), Network::of(ip("::ffff:10.0.0.1")));
        assert_ne!(Network::of(ip("10.0.0.1")), Network::of(ip("10.0.0.2")));
        assert_eq!(Network::of(ip("2001:db8:1:2::1")), Network::of(ip("2001:db8:1:2:3:4:5:6")));
        assert_ne!(Network::of(ip("2001:db8:1:2::1")), Network::of(ip("2001:db8:1:3::1")));
    }

    #[test]
    fn blocks_hold_what_their_prefix_says() {
        let proxies = Proxies::parse(" 10.0.0.0/8, 192.0.2.7,2001:db8::/32 ").expect("fine");
        for (text, held) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(proxies.contain(ip(text)), held, "{text}");
        }
        assert!(Proxies::parse("0.0.0.0/0").expect("fine").contain(ip("1.2.3.4")));
        for bad in ["10.0.0.0/33", "proxy.example", "10.0.0.0/", "::/129", "1.2.3"] {
            assert_eq!(Proxies::parse(bad), Err(bad.to_owned()));
        }
    }

    #[test]
    fn only_trusted_proxies_say_who_the_client_is_and_only_what_they_saw_themselves() {
        let none = Proxies::default();
        let proxies = Proxies::parse("10.0.0.0/8").expect("fine");
        let client = |proxies: &Proxies, peer, headers: &[&str]| {
            proxies.client(ip(peer), headers.iter().copied())
        };
        assert_eq!(client(&none, "127.0.0.1", &["203.0.113.9"]), ip("127.0.0.1"));
        assert_eq!(client(&proxies, "192.0.2.1", &["203.0.113.9"]), ip("192.0.2.1"));
        assert_eq!(client(&proxies, "10.0.0.1", &["203.0.113.9"]), ip("203.0.113.9"));
        assert_eq!(
            client(&proxies, "10.0.0.1", &["1.1.1.1, 203.0.113.9", "10.9.9.9"]),
            ip("203.0.113.9")
        );
        assert_eq!(client(&proxies, "10.0.0.1", &["203.0.113.9, nonsense"]), ip("10.0.0.1"));
        assert_eq!(client(&proxies, "10.0.0.1", &["[2001:db8::1]:4711"]), ip("2001:db8::1"));
        assert_eq!(client(&proxies, "10.0.0.1", &[]), ip("10.0.0.1"));
    }
}
