//! A bounded pace: so many at once, and then one each so often. Reads no clock: the time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use schemas::Timestamp;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// So many at once.
    pub(crate) burst: u32,
    /// Then one in this time, at least 1 ms.
    pub(crate) every: Duration,
}

impl Pace {
    fn every_ms(self) -> i64 {
        i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// What has been used of a pace: the time at which all of it is there again (a leaky bucket kept as one number).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Used {
    full_at_ms: i64,
}

impl Used {
    /// Uses one, if there is one.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn take(&mut self, pace: Pace, now: Timestamp) -> Result<(), Duration> {
        let every = pace.every_ms();
        let most = every.saturating_mul(i64::from(pace.burst));
        // A clock that was set back must not shut anything for long.
        let from = self.full_at_ms.clamp(now.0, now.0.saturating_add(most));
        self.full_at_ms = from;
        let next = from.saturating_add(every);
        let wait = next.saturating_sub(now.0.saturating_add(most));
        if wait > 0 {
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        self.full_at_ms = next;
        Ok(())
    }

    /// Gives back one that was not used in the end.
    pub(crate) fn give_back(&mut self, pace: Pace) {
        self.full_at_ms = self.full_at_ms.saturating_sub(pace.every_ms());
    }
}

/// A pace that several share.
#[derive(Debug)]
pub(crate) struct Shared {
    pace: Pace,
    used: Mutex<Used>,
}

impl Shared {
    /// Nothing of it is used yet.
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, used: Mutex::default() }
    }

    /// Uses one, if there is one.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn take(&self, now: Timestamp) -> Result<(), Duration> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).take(self.pace, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { burst: 3, every: Duration::from_secs(2) };

    #[test]
    fn a_burst_is_free_and_then_one_comes_each_so_often() {
        let mut used = Used::default();
        let start = Timestamp(1_800_000_000_000);
        for _ in 0..3 {
            assert_eq!(used.take(PACE, start), Ok(()));
        }
        assert_eq!(used.take(PACE, start), Err(Duration::from_secs(2)));
        assert_eq!(used.take(PACE, start.plus_ms(1_500)), Err(Duration::from_millis(500)));
        assert_eq!(used.take(PACE, start.plus_ms(2_000)), Ok(()));
        assert!(used.take(PACE, start.plus_ms(2_000)).is_err());
    }

    #[test]
    fn one_that_is_given_back_is_free_again_and_a_clock_set_back_shuts_nothing() {
        let mut used = Used::default();
        let start = Timestamp(1_800_000_000_000);
        for _ in 0..3 {
            assert_eq!(used.take(PACE, start), Ok(()));
        }
        used.give_back(PACE);
        assert_eq!(used.take(PACE, start), Ok(()));
        let back = start.plus_ms(-86_400_000);
        assert_eq!(used.take(PACE, back), Err(Duration::from_secs(2)));
        assert_eq!(used.take(PACE, back.plus_ms(2_000)), Ok(()));
    }
}
