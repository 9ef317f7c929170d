//! Ids, times and powers at the edge: checked on the way in; on the way out only means are rounded, to the watt.

use async_graphql::{ID, Result};
use chrono::{DateTime, Utc};
use schemas::{DeviceId, FeederId, Timestamp, Watts};

use crate::graphql::errors::bad_input;

pub(in crate::graphql) fn feeder_id(argument: &str, id: &ID) -> Result<FeederId> {
    FeederId::new(id).map_err(|error| bad_input(format!("{argument}: {error}")))
}

pub(in crate::graphql) fn device_id(argument: &str, id: &ID) -> Result<DeviceId> {
    DeviceId::new(id).map_err(|error| bad_input(format!("{argument}: {error}")))
}

pub(in crate::graphql) fn from_datetime(time: DateTime<Utc>) -> Timestamp {
    Timestamp(time.timestamp_millis())
}

/// A time as GraphQL shows it; one that no calendar has is shown as the nearest that it has.
pub(in crate::graphql) fn to_datetime(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.0).unwrap_or(if time.0 < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// A mean in kW, to the watt: what is finer is noise of the division.
pub(in crate::graphql) fn to_the_watt(kw: f64) -> f64 {
    (kw * 1_000.0).round() / 1_000.0
}

/// kW from outside, load convention.
pub(in crate::graphql) fn power(argument: &str, kw: f64) -> Result<Watts> {
    Watts::from_kw(kw).ok_or_else(|| {
        let most = schemas::units::KW_MAX;
        bad_input(format!(
            "{argument}: expected a number of kW from -{most:.0} to {most:.0}, got {kw}"
        ))
    })
}

/// kW from outside, at least 0.
pub(in crate::graphql) fn power_at_least_zero(argument: &str, kw: f64) -> Result<Watts> {
    Watts::from_kw(kw).filter(|watts| *watts >= Watts::ZERO).ok_or_else(|| {
        bad_input(format!(
            "{argument}: expected a number of kW from 0 to {:.0}, got {kw}",
            schemas::units::KW_MAX
        ))
    })
}
