//! The brake on guessing passwords. Four things are counted: failures of a user from an address, of an address, of a user
//! from anywhere; and who has logged in from where.
//!
//! A brake is also a way to lock others out, so: one user's failures never stop another user behind the same address; a
//! stranger's failures elsewhere never stop a user at an address they have logged in from before; an address with many
//! failures is slowed down, not shut; and a try that was never verified does not count.

mod kept;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemas::Timestamp;
use thiserror::Error;

use crate::caps::{
    FAILURES_PER_ADDRESS, FAILURES_PER_ADDRESS_EVERY, FAILURES_PER_USER,
    FAILURES_PER_USER_AND_ADDRESS, KNOWN_LOGINS_MAX, LOGIN_COUNTERS_MAX, LOGIN_WINDOW,
};
use crate::network::Network;
use crate::pace::{Pace, Used};
use kept::Kept;

/// The pace of one address.
const ADDRESS_PACE: Pace = Pace { burst: FAILURES_PER_ADDRESS, every: FAILURES_PER_ADDRESS_EVERY };

/// Too many failures.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("too many failed logins; try again in {} s", .retry_after.as_secs().max(1))]
pub struct Throttled {
    /// When to try again.
    pub retry_after: Duration,
}

/// A user's name as typed, and where it was typed.
type Pair = (String, Network);

/// When to ask again while others' tries with the same name are being verified.
const UNDER_WAY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Counter {
    since: Timestamp,
    /// Tries that failed, and those that are being verified.
    failures: u32,
    under_way: u32,
}

impl Counter {
    /// What is left of its window.
    fn left(&self, now: Timestamp) -> Duration {
        let passed = Duration::from_millis(now.since(self.since).max(0).unsigned_abs());
        LOGIN_WINDOW.saturating_sub(passed)
    }

    /// One more is being verified; it counts as failed until it turns out otherwise.
    fn begin(&mut self, now: Timestamp) {
        if self.left(now) == Duration::ZERO {
            *self = fresh(now);
        }
        self.failures = self.failures.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
    }

    /// One of those has its verdict, or never gets one.
    fn end(&mut self, failed: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        self.failures = self.failures.saturating_sub(u32::from(!failed));
    }
}

#[derive(Debug)]
struct Counters {
    pairs: Kept<Pair, Counter>,
    users: Kept<String, Counter>,
    addresses: Kept<Network, Used>,
    known: Kept<Pair, ()>,
}

/// The counters.
#[derive(Debug)]
pub(super) struct Throttle(Mutex<Counters>);

impl Default for Throttle {
    fn default() -> Self {
        Self(Mutex::new(Counters {
            pairs: Kept::new(LOGIN_COUNTERS_MAX),
            users: Kept::new(LOGIN_COUNTERS_MAX),
            addresses: Kept::new(LOGIN_COUNTERS_MAX),
            known: Kept::new(KNOWN_LOGINS_MAX),
        }))
    }
}

impl Throttle {
    /// Lets a try through, counted as failed until it turns out otherwise: many at the same time do not slip through
    /// together.
    ///
    /// # Errors
    /// [`Throttled`] with the time to wait.
    pub(super) fn begin(
        self: &Arc<Self>,
        username: &str,
        network: Network,
        now: Timestamp,
    ) -> Result<Attempt, Throttled> {
        let pair = (username.to_owned(), network);
        let mut counters = self.lock();
        let known = counters.known.get(&pair).is_some();
        check(counters.pairs.get(&pair), FAILURES_PER_USER_AND_ADDRESS, now)?;
        if !known {
            check(counters.users.get(username), FAILURES_PER_USER, now)?;
            counters
                .addresses
                .entry(network, now, Used::default)
                .take(ADDRESS_PACE, now)
                .map_err(|retry_after| Throttled { retry_after })?;
            counters.users.entry(username.to_owned(), now, || fresh(now)).begin(now);
        }
        counters.pairs.entry(pair.clone(), now, || fresh(now)).begin(now);
        drop(counters);
        Ok(Attempt { throttle: Arc::clone(self), pair, known, now, failed: false })
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(now: Timestamp) -> Counter {
    Counter { since: now, failures: 0, under_way: 0 }
}

fn check(counter: Option<&Counter>, limit: u32, now: Timestamp) -> Result<(), Throttled> {
    let Some(counter) = counter.filter(|counter| counter.left(now) > Duration::ZERO) else {
        return Ok(());
    };
    if counter.failures.saturating_sub(counter.under_way) >= limit {
        Err(Throttled { retry_after: counter.left(now) })
    } else if counter.failures >= limit {
        Err(Throttled { retry_after: UNDER_WAY })
    } else {
        Ok(())
    }
}

/// A try under way. Dropped without a verdict (nobody waited for it any more) it does not count.
#[derive(Debug)]
pub(super) struct Attempt {
    throttle: Arc<Throttle>,
    pair: Pair,
    known: bool,
    now: Timestamp,
    failed: bool,
}

impl Attempt {
    /// The password was wrong.
    pub(super) fn failed(mut self) {
        self.failed = true;
    }

    /// The password was right: the user starts afresh here, and is known here.
    pub(super) fn succeeded(self) {
        let mut counters = self.throttle.lock();
        counters.pairs.remove(&self.pair);
        counters.known.entry(self.pair.clone(), self.now, || ());
        drop(counters);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut counters = self.throttle.lock();
        if let Some(pair) = counters.pairs.get_mut(&self.pair) {
            pair.end(self.failed);
        }
        if self.known {
            return;
        }
        if let Some(user) = counters.users.get_mut(&self.pair.0) {
            user.end(self.failed);
        }
        if let Some(used) = counters.addresses.get_mut(&self.pair.1)
            && !self.failed
        {
            used.give_back(ADDRESS_PACE);
        }
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
