//! The brake on guessing passwords: failures per user and address, per address, and per user, over a sliding window.
//!
//! One user from one address is stopped soon; a user from anywhere only much later, so that a stranger cannot
//! easily lock somebody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use schemas::Timestamp;
use thiserror::Error;

use crate::caps::{
    FAILURES_PER_ADDRESS, FAILURES_PER_USER, FAILURES_PER_USER_AND_ADDRESS, LOGIN_COUNTERS_MAX,
    LOGIN_WINDOW,
};

/// Too many failures.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("too many failed logins; try again in {} s", .retry_after.as_secs())]
pub struct Throttled {
    /// When to try again.
    pub retry_after: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    UserAndAddress(String, IpAddr),
    Address(IpAddr),
    User(String),
}

impl Key {
    fn limit(&self) -> u32 {
        match self {
            Self::UserAndAddress(..) => FAILURES_PER_USER_AND_ADDRESS,
            Self::Address(_) => FAILURES_PER_ADDRESS,
            Self::User(_) => FAILURES_PER_USER,
        }
    }

    fn all(username: &str, address: IpAddr) -> [Self; 3] {
        [
            Self::UserAndAddress(username.to_owned(), address),
            Self::Address(address),
            Self::User(username.to_owned()),
        ]
    }
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    since: Timestamp,
    failures: u32,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    counters: Mutex<HashMap<Key, Counter>>,
}

impl Throttle {
    /// Whether another try is allowed.
    ///
    /// # Errors
    /// [`Throttled`] with the time to wait.
    pub(super) fn check(
        &self,
        username: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), Throttled> {
        let counters = self.lock();
        for key in Key::all(username, address) {
            let Some(counter) = counters.get(&key) else {
                continue;
            };
            let left = left(counter, now);
            if counter.failures >= key.limit() && left > Duration::ZERO {
                return Err(Throttled { retry_after: left });
            }
        }
        Ok(())
    }

    /// Counts a try as failed until it is forgiven.
    pub(super) fn count(&self, username: &str, address: IpAddr, now: Timestamp) {
        let mut counters = self.lock();
        for key in Key::all(username, address) {
            let counter = counters.entry(key).or_insert(Counter { since: now, failures: 0 });
            if left(counter, now) == Duration::ZERO {
                *counter = Counter { since: now, failures: 0 };
            }
            counter.failures = counter.failures.saturating_add(1);
        }
        if counters.len() > LOGIN_COUNTERS_MAX {
            counters.retain(|_, counter| left(counter, now) > Duration::ZERO);
        }
        while counters.len() > LOGIN_COUNTERS_MAX {
            let Some(oldest) = counters
                .iter()
                .min_by_key(|(_, counter)| counter.since)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            counters.remove(&oldest);
        }
    }

    /// The try was good: it does not count, and the user starts afresh at this address.
    pub(super) fn forgive(&self, username: &str, address: IpAddr) {
        let mut counters = self.lock();
        for key in Key::all(username, address) {
            match &key {
                Key::UserAndAddress(..) => {
                    counters.remove(&key);
                }
                Key::Address(_) | Key::User(_) => {
                    if let Some(counter) = counters.get_mut(&key) {
                        counter.failures = counter.failures.saturating_sub(1);
                    }
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Counter>> {
        self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What is left of a counter's window.
fn left(counter: &Counter, now: Timestamp) -> Duration {
    let passed = Duration::from_millis(now.since(counter.since).max(0).unsigned_abs());
    LOGIN_WINDOW.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn fail(throttle: &Throttle, user: &str, address: IpAddr, times: u32) {
        for _ in 0..times {
            throttle.count(user, address, Timestamp(0));
        }
    }

    #[test]
    fn one_user_at_one_address_is_stopped_after_five_failures_and_nobody_else() {
        let throttle = Throttle::default();
        fail(&throttle, "ada", HOME, 4);
        assert!(throttle.check("ada", HOME, Timestamp(1)).is_ok());
        fail(&throttle, "ada", HOME, 1);
        assert_eq!(
            throttle.check("ada", HOME, Timestamp(60_000)),
            Err(Throttled { retry_after: Duration::from_secs(14 * 60) })
        );
        assert!(throttle.check("ada", AWAY, Timestamp(1)).is_ok());
        assert!(throttle.check("bob", HOME, Timestamp(1)).is_ok());
    }

    #[test]
    fn the_window_ends() {
        let throttle = Throttle::default();
        fail(&throttle, "ada", HOME, 5);
        assert!(throttle.check("ada", HOME, Timestamp(15 * 60_000)).is_ok());
        throttle.count("ada", HOME, Timestamp(15 * 60_000));
        assert!(throttle.check("ada", HOME, Timestamp(15 * 60_000)).is_ok());
    }

    #[test]
    fn one_address_is_stopped_whatever_names_it_tries() {
        let throttle = Throttle::default();
        for n in 0..30 {
            fail(&throttle, &format!("user-{n}"), HOME, 1);
        }
        assert!(throttle.check("fresh", HOME, Timestamp(1)).is_err());
        assert!(throttle.check("fresh", AWAY, Timestamp(1)).is_ok());
    }

    #[test]
    fn a_good_login_starts_afresh() {
        let throttle = Throttle::default();
        fail(&throttle, "ada", HOME, 5);
        throttle.forgive("ada", HOME);
        assert!(throttle.check("ada", HOME, Timestamp(1)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..LOGIN_COUNTERS_MAX {
            let time = Timestamp(i64::try_from(n).unwrap_or(0) / 100);
            throttle.count(&format!("user-{n}"), HOME, time);
        }
        assert!(throttle.lock().len() <= LOGIN_COUNTERS_MAX);
    }
}
