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
