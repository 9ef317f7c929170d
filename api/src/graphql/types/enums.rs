//! The enums of the schema, one for each of the domain.

use async_graphql::Enum;
use serde::Serialize;

/// The word of an enum of the domain as the log writes it, where the schema shows it as text.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_value(value).ok();
    text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "schemas::records::telemetry::DeviceType")]
pub(crate) enum DeviceType {
    /// Photovoltaic inverter.
    Pv,
    /// Battery storage.
    Battery,
    /// Electric-vehicle charger.
    Ev,
    /// A feeder's head meter.
    Meter,
    /// Anything else.
    Other,
}

/// Where a device lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "schemas::records::telemetry::DeviceOrigin")]
pub(crate) enum DeviceOrigin {
    /// A device one can touch.
    Physical,
    /// A simulated one.
    Simulated,
}

/// How recently a device was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "schemas::records::decision::Freshness")]
pub(crate) enum Freshness {
    /// Lately.
    Fresh,
    /// Too long ago.
    Stale,
    /// Never.
    Missing,
    /// It said that it is offline.
    Offline,
}

/// How a feeder is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "schemas::records::operator::FeederMode")]
pub(crate) enum FeederMode {
    /// Decided and commanded.
    Automatic,
    /// Only operator setpoints, still certified.
    Manual,
    /// Decided, never commanded.
    Shadow,
    /// Neither.
    Disabled,
}

/// How finely a series is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::history::Resolution")]
pub(crate) enum Resolution {
    /// By the range and the number of points.
    Auto,
    /// As recorded.
    Raw,
    /// By the minute.
    Minute,
    /// By the hour.
    Hour,
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::auth::Role")]
pub(crate) enum Role {
    /// Looks.
    Viewer,
    /// Steers.
    Operator,
    /// Removes.
    Admin,
}
