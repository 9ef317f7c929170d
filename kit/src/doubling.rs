//! Pauses that double: how long to wait before something that failed is tried again. It knows nothing of what is tried,
//! and reads no clock.

use std::time::Duration;

/// Doublings after which any pause is the longest one.
const DOUBLINGS_MAX: u32 = 16;

/// Pauses from the first to the longest, each twice the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubling {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Doubling {
    /// Pauses that double from `first` to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The longest pause.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The pause that comes next.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.after(self.failures)
    }

    /// The pause after so many failures before this one.
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        self.first.saturating_mul(1 << failures.min(DOUBLINGS_MAX)).min(self.longest)
    }

    /// It has failed: the pause now. The next one is longer.
    pub fn failed(&mut self) -> Duration {
        let pause = self.pause();
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// It has not: the next pause is the first one.
    pub fn begin_anew(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let ms = Duration::from_millis;
        let mut pauses = Doubling::new(ms(250), ms(5_000));
        for expected in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            assert_eq!(pauses.failed(), ms(expected));
        }
        pauses.begin_anew();
        assert_eq!((pauses.pause(), pauses.after(u32::MAX)), (ms(250), ms(5_000)));
    }
}
