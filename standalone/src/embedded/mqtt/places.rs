//! How many connections there may be: in all, from one address, and how fast an address may make them; and which address
//! has guessed at passwords. A state machine of its calls and the times in them: it must not know sockets.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered; beyond it those without a connection are forgotten.
const ADDRESSES_MAX: usize = 10_000;
/// An address without a connection is forgotten after this.
const MEMORY: Duration = Duration::from_secs(60);
/// Wrong logins from one address within [`MEMORY`] after which no password of it is looked at. Clients of this machine
/// are not held to it: they share one address.
const WRONG_LOGINS_MAX: u32 = 30;
/// Connections that an address may make at once before its rate counts.
const BURST: f64 = 1_000.0;
/// Connections a second of one address after that.
const RATE: f64 = 50.0;
/// The same for this machine's own clients.
const LOOPBACK_BURST: f64 = 5_000.0;
const LOOPBACK_RATE: f64 = 1_000.0;

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// As many as there may be.
    Total,
    /// As many as there may be from this address.
    Address,
    /// Too many from this address in a short time.
    Rate,
}

impl Full {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Total => "connections",
            Self::Address => "connections_of_address",
            Self::Rate => "connect_rate",
        }
    }
}

/// All places.
pub(super) struct Places {
    total_max: usize,
    address_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: usize,
    addresses: HashMap<IpAddr, Address>,
}

struct Address {
    open: usize,
    tokens: f64,
    wrong_logins: u32,
    wrong_since: Instant,
    seen: Instant,
}

/// The place of one connection; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.open -= 1;
        if let Some(address) = state.addresses.get_mut(&self.address) {
            address.open -= 1;
        }
    }
}

impl Places {
    pub(super) fn new(total_max: usize, address_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max, address_max, state: Mutex::default() })
    }

    /// A place for a connection from this address, or why there is none.
    pub(super) fn admit(self: &Arc<Self>, from: IpAddr, now: Instant) -> Result<Place, Full> {
        let key = counted_as(from);
        let (rate, burst) =
            if key.is_loopback() { (LOOPBACK_RATE, LOOPBACK_BURST) } else { (RATE, BURST) };
        let address_max = if key.is_loopback() { self.total_max } else { self.address_max };
        let mut state = self.lock();
        if state.addresses.len() >= ADDRESSES_MAX && !state.addresses.contains_key(&key) {
            state.forget(now);
        }
        let total_full = state.open >= self.total_max;
        let address = state.addresses.entry(key).or_insert(Address {
            open: 0,
            tokens: burst,
            wrong_logins: 0,
            wrong_since: now,
            seen: now,
        });
        let elapsed = now.saturating_duration_since(address.seen).as_secs_f64();
        address.tokens = (address.tokens + elapsed * rate).min(burst);
        address.seen = now;
        if address.tokens < 1.0 {
            return Err(Full::Rate);
        }
        address.tokens -= 1.0;
        if total_full {
            return Err(Full::Total);
        }
        if address.open >= address_max {
            return Err(Full::Address);
        }
        address.open += 1;
        state.open += 1;
        Ok(Place { places: Arc::clone(self), address: key })
    }

    /// Connections now.
    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    /// Notes a login that was refused.
    pub(super) fn wrong_login(&self, from: IpAddr, now: Instant) {
        if let Some(address) = self.lock().addresses.get_mut(&counted_as(from)) {
            if now.saturating_duration_since(address.wrong_since) > MEMORY {
                (address.wrong_logins, address.wrong_since) = (0, now);
            }
            address.wrong_logins = address.wrong_logins.saturating_add(1);
        }
    }

    /// Whether an address has guessed so often that its passwords are not looked at for a while.
    pub(super) fn is_barred(&self, from: IpAddr, now: Instant) -> bool {
        let key = counted_as(from);
        !key.is_loopback()
            && self.lock().addresses.get(&key).is_some_and(|address| {
                address.wrong_logins >= WRONG_LOGINS_MAX
                    && now.saturating_duration_since(address.wrong_since) <= MEMORY
            })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        self.addresses.retain(|_, address| {
            address.open > 0 || now.saturating_duration_since(address.seen) < MEMORY
        });
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.retain(|_, address| address.open > 0);
        }
    }
}

/// One network of IPv6 is one address: whoever has one has all of it.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_come_back() {
        let places = Places::new(3, 2);
        let now = Instant::now();
        let first = places.admit(FAR, now).ok().unwrap();
        let _second = places.admit(FAR, now).ok().unwrap();
        assert_eq!(places.admit(FAR, now).err(), Some(Full::Address));
        let _third = places.admit(NEAR, now).ok().unwrap();
        assert_eq!(places.admit(NEAR, now).err(), Some(Full::Total));
        assert_eq!(places.open(), 3);
        drop(first);
        assert!(places.admit(FAR, now).is_ok());
    }

    #[test]
    fn an_address_makes_connections_at_a_rate() {
        let places = Places::new(usize::MAX, usize::MAX);
        let now = Instant::now();
        let taken = |at| (0..10_000).take_while(|_| places.admit(FAR, at).is_ok()).count();
        assert_eq!(taken(now), 1_000);
        assert_eq!(places.admit(FAR, now).err(), Some(Full::Rate));
        assert_eq!(taken(now + Duration::from_secs(1)), 50);
        assert_eq!(taken(now + Duration::from_secs(3600)), 1_000, "and never saves up more");
    }

    #[test]
    fn who_guesses_is_barred_for_a_while_but_never_this_machine() {
        let places = Places::new(10, 10);
        let now = Instant::now();
        for from in [FAR, NEAR] {
            let _place = places.admit(from, now).ok().unwrap();
            for _ in 0..WRONG_LOGINS_MAX {
                assert!(!places.is_barred(from, now));
                places.wrong_login(from, now);
            }
        }
        assert!(places.is_barred(FAR, now) && !places.is_barred(NEAR, now));
        assert!(!places.is_barred(FAR, now + Duration::from_secs(61)));
    }

    #[test]
    fn the_memory_of_addresses_is_bounded() {
        let places = Places::new(10, 10);
        let now = Instant::now();
        let kept = places.admit(FAR, now).ok().unwrap();
        for number in 0..3 * u32::try_from(ADDRESSES_MAX).unwrap() {
            drop(places.admit(IpAddr::from(number.to_be_bytes()), now));
        }
        assert!(places.lock().addresses.len() <= ADDRESSES_MAX + 1);
        assert!(places.lock().addresses.contains_key(&FAR));
        drop(kept);
        // One network of IPv6 is one address.
        let near = |last| counted_as(IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, last]));
        assert_eq!(near(1), near(2));
    }
}
