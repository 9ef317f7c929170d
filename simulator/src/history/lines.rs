//! Connections of devices to the bridge: they break off, samples are kept meanwhile, and all come at once afterwards.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::records::telemetry::Telemetry;

use super::plan::Plan;

/// Samples of one interruption, at most; the mean is half of it and a half.
const SAMPLES_MAX: u64 = 12;
/// One sample in twenty is late: so many of 100 000 samples begin an interruption.
const BREAKS_PER_100_000: u64 = 810;
/// So many of 100 samples come a second time.
const TWICE_PER_100: u64 = 5;

/// Kinds of numbers.
const BREAK: u64 = 11;
const DELAY: u64 = 12;
const TWICE: u64 = 13;

/// All connections.
#[derive(Debug)]
pub(super) struct Lines {
    /// Samples that each connection still keeps back.
    broken: Vec<u64>,
    /// Where the samples kept back arrive.
    kept: BTreeMap<(Timestamp, u64), (usize, Telemetry)>,
    taken: u64,
}

/// What becomes of a sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It arrives after so many ms.
    Open(i64),
    /// It is kept, and arrives after so many ms.
    Broken(i64),
}

impl Lines {
    pub(super) fn new(devices: usize) -> Self {
        Self { broken: vec![0; devices], kept: BTreeMap::new(), taken: 0 }
    }

    /// How the next sample of a device goes.
    pub(super) fn next(&mut self, plan: &Plan, device: usize) -> Line {
        self.taken += 1;
        let left = &mut self.broken[device];
        if *left == 0 && plan.number([BREAK, self.taken, 0]) % 100_000 < BREAKS_PER_100_000 {
            *left = 1 + plan.number([BREAK, self.taken, 1]) % SAMPLES_MAX;
        }
        let delay =
            |spread: u64| i64::try_from(plan.number([DELAY, self.taken, 0]) % spread).unwrap_or(0);
        if *left == 0 {
            return Line::Open(20 + delay(100));
        }
        let samples = i64::try_from(*left).unwrap_or(0);
        *left -= 1;
        Line::Broken(plan.interval_ms * samples + 500 + delay(1_500))
    }

    /// Keeps a sample until it arrives.
    pub(super) fn keep(&mut self, device: usize, sample: Telemetry) {
        self.kept.insert((sample.arrival, self.taken), (device, sample));
    }

    /// The samples that arrive up to a time, in order.
    pub(super) fn arrive(&mut self, until: Timestamp) -> Vec<(usize, Telemetry)> {
        let later = self.kept.split_off(&(until.plus_ms(1), 0));
        std::mem::replace(&mut self.kept, later).into_values().collect()
    }

    /// Whether the sample just taken comes a second time.
    pub(super) fn comes_twice(&self, plan: &Plan) -> bool {
        plan.number([TWICE, self.taken, 0]) % 100 < TWICE_PER_100
    }
}
