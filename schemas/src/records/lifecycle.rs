//! The life of a device in `operator.v1`: it waits, is approved, replaced, retired; and what was noticed about it.
//!
//! Its registration is older than these and stands in [`crate::records::operator`].

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, FeederId};
use crate::records::telemetry::{DeviceOrigin, DeviceType};

/// Why a device waits for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitReason {
    /// Nobody knows it (`DERMS_REGISTRATION=quarantine`).
    UnknownDevice,
    /// It claims a feeder that is not there (`DERMS_UNKNOWN_FEEDER=quarantine`).
    UnknownFeeder,
    /// It says more than anybody may say once (`DERMS_UNPROVEN_KW`): it is let in when it has said so a few times.
    Unproven,
}

/// A device was heard that waits, mostly for an operator: its samples are stored, it neither steers nor holds anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceWaiting {
    /// Which device.
    pub device_id: DeviceId,
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder it claims, else the default one.
    pub feeder_id: FeederId,
    /// The site it names.
    pub site_id: Option<String>,
    /// Why it waits.
    pub why: WaitReason,
}

/// An operator lets a waiting device in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceApproved {
    /// Which device.
    pub device_id: DeviceId,
    /// The feeder it gets; none = the one it claims. It is opened if it is not there.
    pub feeder_id: Option<FeederId>,
}

/// A device is gone for good: what it held is free, and under its id it is unknown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRetired {
    /// Which device.
    pub device_id: DeviceId,
}

/// A device takes the place of another: its feeder and what operators have set of it. The other is retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReplaced {
    /// The one that goes.
    pub device_id: DeviceId,
    /// The one that comes; it has been heard.
    pub by: DeviceId,
}

/// What may be noticed about a device, beyond a single message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceNotice {
    /// It sends its state of charge in percent: it is never read as a fraction.
    SpeaksPercent,
    /// It calls itself another type than it is registered as: those messages are refused.
    OtherType,
    /// It claims another feeder than the one it belongs to.
    OtherFeeder,
    /// Its times are in another unit than milliseconds: those messages are refused.
    OtherTimeUnit,
    /// Two publishers seem to speak under its id.
    TwoPublishers,
}

impl DeviceNotice {
    /// Every notice, in the order of the Avro enum.
    pub const ALL: [Self; 5] = [
        Self::SpeaksPercent,
        Self::OtherType,
        Self::OtherFeeder,
        Self::OtherTimeUnit,
        Self::TwoPublishers,
    ];

    /// The word for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpeaksPercent => "speaks_percent",
            Self::OtherType => "other_type",
            Self::OtherFeeder => "other_feeder",
            Self::OtherTimeUnit => "other_time_unit",
            Self::TwoPublishers => "two_publishers",
        }
    }
}

/// Something was noticed about a device; said once, until it is retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNoted {
    /// Which device; it may be unknown otherwise.
    pub device_id: DeviceId,
    /// What.
    pub notice: DeviceNotice,
    /// What was seen, in words.
    pub detail: String,
}
