//! Readings of one device, by time with the one before the open window, and their time-weighted mean over a window.

use schemas::records::snapshot::Reading;
use schemas::{Timestamp, Watts};

/// Readings kept per device; at this number the oldest is dropped.
const READINGS_MAX: usize = 256;

/// Adds a reading in its place; one at a known time changes nothing. Returns whether it was new.
pub(crate) fn add(readings: &mut Vec<Reading>, at: Timestamp, power_w: Watts) -> bool {
    let place = readings.partition_point(|reading| reading.at < at);
    if readings.get(place).is_some_and(|reading| reading.at == at) {
        return false;
    }
    readings.insert(place, Reading { at, power_w });
    if readings.len() > READINGS_MAX {
        readings.remove(0);
    }
    true
}

/// The time-weighted mean over `[start, end)`, each reading holding until the next one but no longer than `hold_ms`; none
/// when no reading covers any of it. Forgets what the next window does not need.
pub(crate) fn close(
    readings: &mut Vec<Reading>,
    start: Timestamp,
    end: Timestamp,
    hold_ms: i64,
) -> Option<Watts> {
    let mut weighted = 0_i128;
    let mut covered = 0_i64;
    for (index, reading) in readings.iter().enumerate() {
        let next = readings.get(index + 1).map_or(end, |next| next.at);
        let until = next.min(reading.at.plus_ms(hold_ms)).min(end);
        let span = until.since(reading.at.max(start)).max(0);
        weighted += i128::from(reading.power_w.0) * i128::from(span);
        covered += span;
    }
    let keep_from = readings.partition_point(|reading| reading.at < end).saturating_sub(1);
    readings.drain(..keep_from);
    // Nearly always the sum fits, and is divided much faster.
    if let Ok(weighted) = i64::try_from(weighted) {
        return weighted.checked_div(covered).map(Watts);
    }
    let mean = weighted.checked_div(i128::from(covered))?;
    Some(Watts(i64::try_from(mean).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(readings: &[(i64, i64)], window: (i64, i64), expected: Option<i64>, kept: usize) {
        let mut all = Vec::new();
        for (at, power) in readings {
            add(&mut all, Timestamp(*at), Watts(*power));
        }
        let mean = close(&mut all, Timestamp(window.0), Timestamp(window.1), 20);
        assert_eq!(mean, expected.map(Watts));
        assert_eq!(all.len(), kept);
    }

    #[test]
    fn the_mean_is_weighted_by_time() {
        check(&[(0, 100)], (0, 10), Some(100), 1);
        check(&[(0, 100), (5, 200)], (0, 10), Some(150), 1);
        check(&[(5, 200), (0, 100)], (0, 10), Some(150), 1);
        check(&[(8, 200), (0, 100)], (0, 10), Some(120), 1);
    }

    #[test]
    fn the_reading_before_the_window_holds_into_it() {
        check(&[(-5, 100), (5, 200)], (0, 10), Some(150), 1);
        check(&[(-5, 100)], (0, 10), Some(100), 1);
        check(&[(-95, 100), (8, 20)], (0, 10), Some(20), 1);
    }

    #[test]
    fn a_window_without_a_reading_has_no_mean_and_later_ones_are_kept() {
        check(&[(12, 100)], (0, 10), None, 1);
        check(&[(5, 50), (12, 100)], (0, 10), Some(50), 2);
        check(&[], (0, 10), None, 0);
    }

    #[test]
    fn a_reading_at_a_known_time_changes_nothing() {
        let mut readings = Vec::new();
        assert!(add(&mut readings, Timestamp(1), Watts(5)));
        assert!(!add(&mut readings, Timestamp(1), Watts(9)));
        assert_eq!(close(&mut readings, Timestamp(0), Timestamp(10), 20), Some(Watts(5)));
    }
}
