//! When a part is started, asked for work done, started again, given up. Pure: time is an argument, and what happens
//! is told. It knows nothing of parts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use service_kit::doubling::Doubling;

/// The bounds of one part's care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// From one question to the next.
    pub(crate) ask_every: Duration,
    /// The longest wait for an answer.
    pub(crate) answer_max: Duration,
    /// Questions in a row without a good answer after which the part is started again.
    pub(crate) misses_max: u32,
    /// How long it may take to start.
    pub(crate) start_max: Duration,
    /// How long it may take to end; then it is left behind.
    pub(crate) stop_max: Duration,
    /// The wait before it is started again; doubles with each failure within `within`.
    pub(crate) rest_min: Duration,
    /// The longest such wait.
    pub(crate) rest_max: Duration,
    /// So many failures within `within` are one too many.
    pub(crate) failures_max: usize,
    /// The time that failures are counted in.
    pub(crate) within: Duration,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Start it. What is told of this life carries its number.
    Start(u64),
    /// Ask it for work done; the answer carries the number.
    Ask(u64),
    /// End it, by force where it must be.
    Stop,
    /// It did not end: leave it behind.
    Abandon,
    /// It cannot be kept running.
    GiveUp,
}

/// What happened to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// It has started.
    Started,
    /// It answered the question of this number.
    Answered(u64),
    /// It answered badly.
    Missed(u64, String),
    /// It ended, and why.
    Ended(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting { until: Instant },
    Starting { until: Instant },
    Up { ask_at: Instant, asked: Option<(u64, Instant)> },
    Stopping { until: Instant },
    GivenUp,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It runs, and the last question was answered well or none has been asked.
    Well,
    /// It runs, and the last question was not answered well.
    Silent,
    /// It is being started, or ended, or waits to be started.
    Away,
}

/// The care for one part.
#[derive(Debug)]
pub(crate) struct Care {
    rules: Rules,
    phase: Phase,
    life: u64,
    question: u64,
    misses: u32,
    failures: VecDeque<Instant>,
    /// Whether it has ever answered: a part that never could is not tried again and again.
    proven: bool,
    why: String,
    excused: bool,
    ordered: bool,
}

impl Care {
    /// Care that begins with a start at once.
    pub(crate) fn new(rules: Rules, now: Instant) -> Self {
        Self {
            rules,
            phase: Phase::Resting { until: now },
            life: 0,
            question: 0,
            misses: 0,
            failures: VecDeque::new(),
            proven: false,
            why: String::new(),
            excused: false,
            ordered: false,
        }
    }

    /// Whether failures have a known cause outside of the part, such as a full disk: then it is not given up, and not
    /// ended for answering badly.
    pub(crate) fn excuse(&mut self, excused: bool) {
        self.excused = excused;
    }

    /// How it is.
    pub(crate) fn condition(&self) -> Condition {
        match self.phase {
            Phase::Up { .. } if self.misses == 0 => Condition::Well,
            Phase::Up { .. } => Condition::Silent,
            Phase::Resting { .. }
            | Phase::Starting { .. }
            | Phase::Stopping { .. }
            | Phase::GivenUp => Condition::Away,
        }
    }

    /// What was wrong with it last.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// Failures within the time that they are counted in.
    pub(crate) fn failures(&self) -> usize {
        self.failures.len()
    }

    /// When there is something to do, should nothing happen before.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until } | Phase::Starting { until } | Phase::Stopping { until } => {
                Some(until)
            }
            Phase::Up { asked: Some((_, until)), .. } => Some(until),
            Phase::Up { ask_at, asked: None } => Some(ask_at),
            Phase::GivenUp => None,
        }
    }

    /// What to do now; to be asked until there is nothing more.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Order> {
        match self.phase {
            Phase::Resting { until } if now >= until => {
                self.life += 1;
                self.misses = 0;
                self.phase = Phase::Starting { until: now + self.rules.start_max };
                Some(Order::Start(self.life))
            }
            Phase::Starting { until } if now >= until => {
                Some(self.stop(now, format!("did not start within {:?}", self.rules.start_max)))
            }
            Phase::Up { asked: Some((_, until)), .. } if now >= until => {
                let why = format!("did not answer within {:?}", self.rules.answer_max);
                self.missed(now, why);
                self.next(now)
            }
            Phase::Up { .. } if self.misses >= self.rules.misses_max && !self.excused => {
                let why = self.why.clone();
                Some(self.stop(now, why))
            }
            Phase::Up { ask_at, asked: None } if now >= ask_at => {
                self.question += 1;
                let asked = Some((self.question, now + self.rules.answer_max));
                self.phase = Phase::Up { ask_at: now + self.rules.ask_every, asked };
                Some(Order::Ask(self.question))
            }
            Phase::Stopping { until } if now >= until => {
                self.failed(now);
                Some(Order::Abandon)
            }
            Phase::GivenUp if !self.ordered => {
                self.ordered = true;
                Some(Order::GiveUp)
            }
            _ => None,
        }
    }

    /// Takes in what happened in a life; what comes from an earlier one is too late to matter.
    pub(crate) fn heard(&mut self, life: u64, event: Event, now: Instant) {
        if life != self.life {
            return;
        }
        match (event, self.phase) {
            (Event::Started, Phase::Starting { .. }) => {
                self.phase = Phase::Up { ask_at: now + self.rules.ask_every, asked: None };
            }
            (Event::Answered(question), Phase::Up { ask_at, asked: Some((open, _)) })
                if question == open =>
            {
                self.proven = true;
                self.misses = 0;
                self.phase = Phase::Up { ask_at, asked: None };
            }
            (Event::Missed(question, why), Phase::Up { asked: Some((open, _)), .. })
                if question == open =>
            {
                self.missed(now, why);
            }
            (Event::Ended(why), Phase::Starting { .. } | Phase::Up { .. }) => {
                self.why = why;
                self.failed(now);
            }
            // It was told to; why stands already.
            (Event::Ended(_), Phase::Stopping { .. }) => self.failed(now),
            _ => {}
        }
    }

    fn missed(&mut self, now: Instant, why: String) {
        self.misses += 1;
        self.why = why;
        self.phase = Phase::Up { ask_at: now + self.rules.ask_every, asked: None };
    }

    fn stop(&mut self, now: Instant, why: String) -> Order {
        self.why = why;
        self.phase = Phase::Stopping { until: now + self.rules.stop_max };
        Order::Stop
    }

    fn failed(&mut self, now: Instant) {
        if self.excused {
            self.phase = Phase::Resting { until: now + self.rules.rest_max };
            return;
        }
        self.failures.push_back(now);
        let within = self.rules.within;
        while self.failures.front().is_some_and(|at| now.duration_since(*at) > within) {
            self.failures.pop_front();
        }
        self.phase = if !self.proven || self.failures.len() >= self.rules.failures_max {
            Phase::GivenUp
        } else {
            let before = u32::try_from(self.failures.len() - 1).unwrap_or(u32::MAX);
            let rests = Doubling::new(self.rules.rest_min, self.rules.rest_max);
            Phase::Resting { until: now + rests.after(before) }
        };
    }
}

#[cfg(test)]
#[path = "care_tests.rs"]
mod tests;
