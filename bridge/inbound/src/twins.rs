//! Notices two publishers under one id: a copied configuration, or a stranger.
//!
//! One publisher has one clock, one counter, one name for itself and one rhythm, and its power does not go to and fro
//! with each sample. What keeps changing between two values of one of these is two that take turns. It steers
//! nothing: it is a sign for an operator.

use std::collections::BTreeMap;

use schemas::ids::{DeviceId, stable_hash};
use schemas::mqtt::TelemetryMessage;
use schemas::{Timestamp, Watts};

/// So many turns in a row are no chance.
const TURNS: u8 = 8;
/// After so many samples of one voice the other is gone.
const ALONE: u8 = 20;
/// Clocks this far apart are two; closer than [`SAME_CLOCK_MS`] they are one.
const OTHER_CLOCK_MS: i64 = 5_000;
const SAME_CLOCK_MS: i64 = 1_000;
/// Counters this far apart are two.
const OTHER_COUNTER_WH: i64 = 500;
/// Powers this far apart, and by this part of the larger, are two.
const OTHER_POWER_W: i64 = 500;
const OTHER_POWER_PART: i64 = 5;
/// Shorter pauses come from one that sends two messages at once.
const PAUSE_MIN_MS: i64 = 300;

/// What one publisher says of itself without meaning to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Voice {
    /// How far its clock is behind; none where it may send old messages again.
    behind_ms: Option<i64>,
    counter_wh: Option<i64>,
    name: u64,
}

impl Voice {
    fn of(sample: &TelemetryMessage, arrival: Timestamp) -> Self {
        let envelope = &sample.envelope;
        let site = sample.site_id.as_deref().unwrap_or_default();
        let feeder = sample.feeder_id.as_ref().map_or("", |feeder| feeder.as_str());
        let layout = format!("{:?}", sample.layout);
        let words = [envelope.source.as_str(), site, feeder, layout.as_str()];
        Self {
            behind_ms: (!envelope.receipt).then(|| arrival.since(envelope.timestamp)),
            counter_wh: sample.readings.energy_wh.map(|energy| energy.0),
            name: stable_hash(&words.map(str::as_bytes)),
        }
    }

    fn differs(&self, other: &Self) -> bool {
        let apart = |one: Option<i64>, two: Option<i64>, most: i64| {
            one.zip(two).is_some_and(|(one, two)| one.abs_diff(two) > most.unsigned_abs())
        };
        self.name != other.name
            || apart(self.behind_ms, other.behind_ms, OTHER_CLOCK_MS)
            || apart(self.counter_wh, other.counter_wh, OTHER_COUNTER_WH)
    }

    fn is(&self, other: &Self) -> bool {
        let clocks = self.behind_ms.zip(other.behind_ms);
        !self.differs(other)
            && clocks.is_none_or(|(one, two)| one.abs_diff(two) <= SAME_CLOCK_MS.unsigned_abs())
    }
}

/// What was heard under one id.
#[derive(Debug, Clone)]
struct Heard {
    now: Voice,
    other: Option<Voice>,
    turns: u8,
    alone: u8,
    powers: To<Watts>,
    pauses: To<i64>,
    arrival: Timestamp,
}

/// The last two values of something, and how often in a row it has gone to and fro between them.
#[derive(Debug, Clone, Copy)]
struct To<T> {
    last: Option<T>,
    before: Option<T>,
    turns: u8,
}

impl<T: Copy> To<T> {
    const NOTHING: Self = Self { last: None, before: None, turns: 0 };

    fn take(&mut self, value: T, differs: impl Fn(T, T) -> bool) {
        let (Some(last), Some(before)) = (self.last, self.before) else {
            (self.before, self.last) = (self.last, Some(value));
            return;
        };
        let turns = differs(value, last) && !differs(value, before);
        self.turns = if turns { self.turns.saturating_add(1) } else { 0 };
        (self.before, self.last) = (Some(last), Some(value));
    }
}

/// What was heard under all ids.
#[derive(Debug)]
pub(crate) struct Twins {
    heard: BTreeMap<DeviceId, Heard>,
    devices_max: usize,
}

impl Twins {
    pub(crate) fn new(devices_max: usize) -> Self {
        Self { heard: BTreeMap::new(), devices_max }
    }

    /// Takes the next sample of a device; gives what shows that two speak, in words.
    pub(crate) fn hear(
        &mut self,
        sample: &TelemetryMessage,
        arrival: Timestamp,
    ) -> Option<&'static str> {
        let device = &sample.envelope.device_id;
        let voice = Voice::of(sample, arrival);
        if self.heard.len() >= self.devices_max && !self.heard.contains_key(device) {
            self.heard.clear();
        }
        let heard = self.heard.entry(device.clone()).or_insert_with(|| Heard {
            now: voice,
            other: None,
            turns: 0,
            alone: 0,
            powers: To::NOTHING,
            pauses: To::NOTHING,
            arrival,
        });
        heard.listen(voice);
        heard.powers.take(sample.readings.power_w, powers_differ);
        let pause = arrival.since(heard.arrival);
        heard.arrival = arrival;
        heard.pauses.take(pause, pauses_differ);
        if heard.turns >= TURNS {
            return Some("clock, energy counter, source or place change to and fro");
        }
        if heard.powers.turns >= TURNS {
            return Some("power goes to and fro with each sample");
        }
        (heard.pauses.turns >= 2 * TURNS).then_some("samples come in two rhythms")
    }
}

impl Heard {
    fn listen(&mut self, voice: Voice) {
        if !voice.differs(&self.now) {
            self.alone = self.alone.saturating_add(1);
            if self.alone >= ALONE {
                (self.other, self.turns) = (None, 0);
            }
            self.now = voice;
            return;
        }
        let returns = self.other.is_some_and(|other| voice.is(&other));
        self.turns = if returns { self.turns.saturating_add(1) } else { 0 };
        self.alone = 0;
        self.other = Some(self.now);
        self.now = voice;
    }
}

fn powers_differ(one: Watts, two: Watts) -> bool {
    let apart = (one - two).0.abs();
    apart > OTHER_POWER_W && apart > one.0.abs().max(two.0.abs()) / OTHER_POWER_PART
}

fn pauses_differ(one: i64, two: i64) -> bool {
    let (short, long) = (one.min(two), one.max(two));
    short >= PAUSE_MIN_MS && long > short + short / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use schemas::mqtt::{Topics, decode_telemetry};

    fn sample(ts: i64, kw: f64, more: &str) -> TelemetryMessage {
        let payload = format!(
            r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-000000000001",
            "deviceId":"ev-1","deviceType":"ev","timestampMs":{ts},
            "payload":{{"readings":{{"powerKw":{kw}}},"status":{{"online":true}}{more}}}}}"#
        );
        let topic = Topics::default().parse_telemetry("der/telemetry/ev-1").unwrap();
        decode_telemetry(&topic, payload.as_bytes(), 10_000).unwrap()
    }

    /// Whether two are noticed in samples of (arrival, time, kW, further fields).
    fn noticed<'t>(samples: impl Iterator<Item = (i64, i64, f64, &'t str)>) -> bool {
        let mut twins = Twins::new(10);
        let mut all = samples.map(|(arrival, ts, kw, more)| {
            twins.hear(&sample(ts, kw, more), Timestamp(arrival)).is_some()
        });
        all.any(|noticed| noticed)
    }

    const START: i64 = 1_700_000_000_000;

    #[test]
    fn two_clocks_powers_places_or_rhythms_are_noticed() {
        let turn = |n: i64| n % 2;
        let at = |n: i64| START + n * 2_500;
        assert!(noticed((0..40).map(|n| (at(n), at(n) - turn(n) * 20_000, 3.0, ""))), "clocks");
        let kw = |n| if turn(n) == 0 { 9.0 } else { 3.0 };
        assert!(noticed((0..40).map(|n| (at(n), at(n), kw(n), ""))), "powers");
        let place = |n| if turn(n) == 0 { r#","siteId":"a""# } else { r#","siteId":"b""# };
        assert!(noticed((0..40).map(|n| (at(n), at(n), 3.0, place(n)))), "places");
        // One each 5 s, the other as often, 1 s behind.
        let rhythm = |n: i64| START + n / 2 * 5_000 + turn(n) * 1_000;
        assert!(noticed((0..40).map(|n| (rhythm(n), rhythm(n), 3.0, ""))), "rhythms");
        // One speaks five times as often as the other.
        let rare = |n: i64| if n % 6 == 5 { 20_000 } else { 0 };
        assert!(noticed((0..100).map(|n| (at(n), at(n) - rare(n), 3.0, ""))), "unequal");
    }

    #[test]
    fn a_device_that_moves_once_or_whose_clock_is_set_is_one() {
        let at = |n: i64| START + n * 5_000;
        let moved = |n| if n < 50 { r#","siteId":"a""# } else { r#","siteId":"b""# };
        assert!(!noticed((0..100).map(|n| (at(n), at(n), 3.0, moved(n)))));
        let set = |n| if n < 50 { 60_000 } else { 0 };
        assert!(!noticed((0..100).map(|n| (at(n), at(n) - set(n), 3.0, ""))));
    }

    proptest! {
        /// One device: its own period with jitter, a clock that is off and drifts, power that walks or jumps at random.
        #[test]
        fn one_publisher_is_not_taken_for_two(
            period in 1_000_i64..60_000,
            off in -600_000_i64..600_000,
            steps in prop::collection::vec((0_i64..400, 0.0_f64..11.0, 0_u8..10), 60..200),
        ) {
            let mut kw = 5.0;
            let mut now = START;
            let samples = steps.into_iter().map(move |(jitter, jump, luck)| {
                now += period + jitter;
                if luck == 0 { kw = jump; } else { kw = (kw + jump / 20.0).min(11.0); }
                (now, now - off + jitter, kw, "")
            });
            prop_assert!(!noticed(samples));
        }
    }
}
