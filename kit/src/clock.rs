//! The wall clock, as something that can be replaced.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemas::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A time as people write it: RFC 3339, or ms since the epoch.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let ms = text.parse().ok();
    let written = || chrono::DateTime::parse_from_rfc3339(text).ok();
    ms.or_else(|| written().map(|at| at.timestamp_millis())).map(Timestamp)
}

/// A time as people write it, in whole seconds: RFC 3339.
#[must_use]
pub fn write_time(at: Timestamp) -> String {
    let written = chrono::DateTime::from_timestamp_millis(at.0);
    written.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

/// Local time less UTC at a moment, in hours, by the machine's time zone.
#[must_use]
pub fn utc_offset_hours(at: Timestamp) -> f64 {
    use chrono::{Local, Offset, TimeZone};
    Local
        .timestamp_millis_opt(at.0)
        .single()
        .map_or(0.0, |local| f64::from(local.offset().fix().local_minus_utc()) / 3600.0)
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_or_milliseconds() {
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), Some(Timestamp(1_500)));
        assert_eq!(parse_time("1970-01-01T01:00:00+01:00"), Some(Timestamp(0)));
        assert_eq!(parse_time("1500"), Some(Timestamp(1_500)));
        assert_eq!(parse_time("yesterday"), None);
    }
}
