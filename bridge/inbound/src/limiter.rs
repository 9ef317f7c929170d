//! How many messages a device may send: a token bucket for each.
//!
//! A device that was cut off sends its backlog at once, and must lose none of it: its bucket fills by the time that its
//! messages speak of, not only by the time of the wall. What is caught is a device that sends too often in any
//! time, its own included.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::ids::DeviceId;

/// The bucket holds so many seconds' worth.
const BURST_S: i64 = 2;
/// A token in thousandths: refill per millisecond is then the rate itself.
const TOKEN: i64 = 1_000;
/// How far ahead of arrival a device's own clock counts.
const CLOCK_AHEAD_MAX_MS: i64 = 30_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    milli_tokens: i64,
    /// The latest arrival.
    arrival: Timestamp,
    /// The latest time that a message spoke of.
    spoken: Timestamp,
}

/// Buckets of all devices.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_s: i64,
    devices_max: usize,
    buckets: BTreeMap<DeviceId, Bucket>,
}

impl Limiter {
    pub(crate) fn new(per_s: u32, devices_max: usize) -> Self {
        Self { per_s: i64::from(per_s), devices_max, buckets: BTreeMap::new() }
    }

    /// Whether a message that arrived now and speaks of `spoken` may pass.
    pub(crate) fn admit(
        &mut self,
        device: &DeviceId,
        arrival: Timestamp,
        spoken: Timestamp,
    ) -> bool {
        let full = self.full();
        let spoken = spoken.min(arrival.plus_ms(CLOCK_AHEAD_MAX_MS));
        if !self.buckets.contains_key(device) && !self.make_room(arrival) {
            return false;
        }
        let bucket = self.buckets.entry(device.clone()).or_insert(Bucket {
            milli_tokens: full,
            arrival,
            spoken,
        });
        let elapsed = arrival.since(bucket.arrival).max(spoken.since(bucket.spoken)).max(0);
        bucket.arrival = bucket.arrival.max(arrival);
        bucket.spoken = bucket.spoken.max(spoken);
        bucket.milli_tokens =
            elapsed.saturating_mul(self.per_s).saturating_add(bucket.milli_tokens).min(full);
        if bucket.milli_tokens < TOKEN {
            return false;
        }
        bucket.milli_tokens -= TOKEN;
        true
    }

    fn full(&self) -> i64 {
        self.per_s * BURST_S * TOKEN
    }

    /// Forgets devices whose bucket would be full again, when there are too many.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.buckets.len() >= self.devices_max {
            let idle_ms = BURST_S * 1_000;
            self.buckets.retain(|_, bucket| now.since(bucket.arrival) < idle_ms);
        }
        self.buckets.len() < self.devices_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> DeviceId {
        DeviceId::new(name).unwrap()
    }

    fn admitted(limiter: &mut Limiter, messages: impl Iterator<Item = (i64, i64)>) -> usize {
        let id = device("ev-1");
        messages
            .filter(|(arrival, spoken)| limiter.admit(&id, Timestamp(*arrival), Timestamp(*spoken)))
            .count()
    }

    #[test]
    fn a_device_that_sends_too_often_is_held_to_its_rate() {
        let mut limiter = Limiter::new(10, 100);
        // 1 000 messages within one second: the burst of 20 and what a second refills.
        let passed = admitted(&mut limiter, (0..1_000).map(|ms| (ms, ms)));
        assert!((29..=31).contains(&passed), "{passed}");
    }

    #[test]
    fn a_backlog_passes_whole() {
        let mut limiter = Limiter::new(10, 100);
        // An hour of samples, one each second, all arriving at once.
        let hour = (0..3_600).map(|s| (3_600_000, s * 1_000));
        assert_eq!(admitted(&mut limiter, hour), 3_600);
    }

    #[test]
    fn a_clock_far_ahead_fills_no_bucket_for_ever() {
        let mut limiter = Limiter::new(10, 100);
        let racing = (0..1_000).map(|n| (0, n * 1_000_000));
        let passed = admitted(&mut limiter, racing);
        assert!(passed <= 40, "{passed}");
    }

    #[test]
    fn one_device_takes_nothing_from_another() {
        let mut limiter = Limiter::new(1, 100);
        admitted(&mut limiter, (0..50).map(|_| (0, 0)));
        assert!(limiter.admit(&device("pv-1"), Timestamp(0), Timestamp(0)));
    }

    #[test]
    fn the_map_is_bounded_and_forgets_the_idle() {
        let mut limiter = Limiter::new(1, 2);
        assert!(limiter.admit(&device("a"), Timestamp(0), Timestamp(0)));
        assert!(limiter.admit(&device("b"), Timestamp(0), Timestamp(0)));
        assert!(!limiter.admit(&device("c"), Timestamp(1), Timestamp(1)));
        assert!(limiter.admit(&device("c"), Timestamp(2_000), Timestamp(2_000)));
    }
}
