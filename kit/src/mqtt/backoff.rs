//! How long to wait before a connection to the broker is made again, and what to say about why the last one ended.
//!
//! A connection that another client of the same name has taken is special: whoever comes back at once takes it from the
//! other, who does the same, for ever. So after that the pauses are long from the first on, and stay so until a connection
//! has stood undisturbed. Not every broker's reason can be read: where several connections in a row end soon after they
//! were made, another client is suspected, and the pauses are long because none of them stood for long enough. A function
//! of its calls; knows no connection.

use std::time::Duration;

use schemas::ids::stable_hash;
use uuid::Uuid;

use crate::doubling::Doubling;

/// The pause after a session was taken; spread, so that two that fight for it do not keep step.
const TAKEN_PAUSE: Duration = Duration::from_secs(4);
/// A connection that stood so long was a good one, and after so long without being taken again a fight is over. Well above
/// the pauses: of two that fight, each one's connection stands for as long as the other pauses.
pub const CALM_AFTER: Duration = Duration::from_secs(30);
/// So many connections that end in a row before they were good ones are no accident.
const CUT_MAX: u32 = 3;

/// What an operator is told when a session was taken.
pub const TAKEN: &str = "another client of the same name has taken this session (MQTT 5 reason 0x8E): give each its own client id (DERMS_MQTT_CLIENT_ID of a bridge), or let several bridges share the load with DERMS_MQTT_SHARE_GROUP";

/// What an operator is told when several connections in a row have ended soon after they were made.
pub const PERHAPS_TAKEN: &str = "three connections in a row have ended soon after they were made: perhaps another client under this id takes the session each time (the broker's own log says so then); give each its own client id (DERMS_MQTT_CLIENT_ID of a bridge), or let several bridges share the load with DERMS_MQTT_SHARE_GROUP";

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It broke, or could not be made.
    Lost,
    /// This side ended it: it was of no use.
    Left,
    /// Another client of the same name took its session.
    Taken,
}

/// The pauses of one connection.
#[derive(Debug)]
pub struct Backoff {
    pauses: Doubling,
    seed: Uuid,
    failures: u32,
    /// How many in a row broke before they were good ones.
    cut: u32,
    /// How many times the session was taken without a calm between.
    taken: u32,
}

impl Backoff {
    /// Pauses that double from `min` to `max` and begin anew after a good connection.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self {
            pauses: Doubling::new(min, max),
            seed: Uuid::new_v4(),
            failures: 0,
            cut: 0,
            taken: 0,
        }
    }

    /// The pause after a connection that stood for so long; none = it was never made.
    pub fn after(&mut self, ended: Ended, stood: Option<Duration>) -> Duration {
        // Twice the longest pause, where that is long: else two that fight would take each other's pauses for calm.
        if stood.is_some_and(|stood| stood >= CALM_AFTER.max(self.pauses.longest() * 2)) {
            (self.failures, self.cut, self.taken) = (0, 0, 0);
        } else {
            self.failures = self.failures.saturating_add(1);
            if ended == Ended::Lost && stood.is_some() {
                self.cut = self.cut.saturating_add(1);
            }
        }
        if ended == Ended::Taken {
            self.taken = self.taken.saturating_add(1);
        }
        let doubled = self.pauses.after(self.failures);
        let pause = if self.taken > 0 { doubled.max(TAKEN_PAUSE) } else { doubled };
        self.spread(pause)
    }

    /// Whether another client of the same name may be at work, though no broker has said so.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.taken == 0 && self.cut >= CUT_MAX
    }

    /// A quarter either way, so that a fleet does not come back as one.
    fn spread(&self, pause: Duration) -> Duration {
        let counts = [self.failures.to_le_bytes(), self.taken.to_le_bytes()].concat();
        let per_mille = 750 + stable_hash(&[self.seed.as_bytes(), &counts]) % 501;
        pause * u32::try_from(per_mille).unwrap_or(1000) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(5);

    fn backoff() -> Backoff {
        Backoff::new(MIN, MAX)
    }

    #[track_caller]
    fn about(pause: Duration, expected: Duration) {
        assert!(pause >= expected * 3 / 4 && pause <= expected * 5 / 4, "{pause:?}, {expected:?}");
    }

    #[test]
    fn pauses_double_and_begin_anew_after_a_good_connection() {
        let mut backoff = backoff();
        for expected in [200, 400, 800, 1600, 3200, 5000, 5000] {
            about(backoff.after(Ended::Lost, None), Duration::from_millis(expected));
        }
        about(backoff.after(Ended::Lost, Some(CALM_AFTER)), MIN);
    }

    #[test]
    fn two_that_fight_unknowingly_slow_down_and_suspect_each_other() {
        let mut backoff = backoff();
        // Each one's connection stands for as long as the other pauses: up to the longest pause, and a quarter.
        let mut pause = MIN;
        for round in 1..20 {
            pause = backoff.after(Ended::Lost, Some(pause));
            assert_eq!(backoff.is_suspicious(), round >= CUT_MAX, "round {round}");
        }
        for _ in 0..100 {
            pause = backoff.after(Ended::Lost, Some(pause));
            about(pause, MAX);
        }
        about(backoff.after(Ended::Lost, Some(CALM_AFTER)), MIN);
        assert!(!backoff.is_suspicious());
    }

    #[test]
    fn nor_does_a_long_pause_of_the_other_count_as_calm() {
        let max = Duration::from_secs(60);
        let mut backoff = Backoff::new(MIN, max);
        let mut pause = MIN;
        for _ in 0..100 {
            pause = backoff.after(Ended::Lost, Some(pause));
        }
        about(pause, max);
    }

    #[test]
    fn a_broker_that_is_away_or_of_no_use_is_nobody_elses_doing() {
        let mut backoff = backoff();
        for _ in 0..10 {
            backoff.after(Ended::Lost, None);
            backoff.after(Ended::Left, Some(MIN));
        }
        assert!(!backoff.is_suspicious());
    }

    #[test]
    fn two_that_fight_for_a_session_change_every_few_seconds_and_forget_it_after_a_calm() {
        let mut backoff = backoff();
        for _ in 0..100 {
            let pause = backoff.after(Ended::Taken, Some(Duration::from_secs(4)));
            assert!(pause >= TAKEN_PAUSE * 3 / 4 && pause <= MAX * 5 / 4, "{pause:?}");
        }
        // A broken connection in the middle of it does not speed it up.
        about(backoff.after(Ended::Lost, Some(Duration::from_secs(6))), MAX);
        about(backoff.after(Ended::Lost, Some(CALM_AFTER)), MIN);
        about(backoff.after(Ended::Lost, Some(CALM_AFTER)), MIN);
    }

    #[test]
    fn two_of_one_name_do_not_keep_step() {
        let (mut one, mut two) = (backoff(), backoff());
        let taken = |backoff: &mut Backoff| backoff.after(Ended::Taken, Some(MIN));
        assert!((0..20).any(|_| taken(&mut one) != taken(&mut two)));
    }
}
