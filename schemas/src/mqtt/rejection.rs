//! Why a message is refused: a stable code for metrics and dead letters, and a sentence for people.

use std::fmt;

use thiserror::Error;

use crate::records::lifecycle::DeviceNotice;

/// The stable reason code. It is the metric's label and the dead letter's `reason`: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The topic is none of ours, or names no device.
    BadTopic,
    /// More bytes than the limit.
    PayloadTooLarge,
    /// Not JSON at all.
    NotJson,
    /// JSON, but not what the contract says.
    ContractViolation,
    /// A version of the contract that is not spoken here.
    UnsupportedVersion,
    /// The device id of the topic is not the one of the payload: nobody speaks for another device.
    DeviceMismatch,
    /// The device type of the topic is not the one of the payload.
    DeviceTypeMismatch,
    /// A device sends more messages per second than it may.
    RateLimited,
    /// More devices than may be known.
    TooManyDevices,
    /// An ack or a status of a device that never sent telemetry.
    UnknownDevice,
    /// More new devices in a minute than may come; the same message may be taken later.
    TooManyNewDevices,
    /// A device that nobody registered, where only registered ones may speak.
    RegistrationClosed,
    /// It contradicts what the registry holds of the device: its type.
    DeviceConflict,
    /// A retained sample, as brokers keep it: what was once, not what is.
    Retained,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::BadTopic,
        Self::PayloadTooLarge,
        Self::NotJson,
        Self::ContractViolation,
        Self::UnsupportedVersion,
        Self::DeviceMismatch,
        Self::DeviceTypeMismatch,
        Self::RateLimited,
        Self::TooManyDevices,
        Self::UnknownDevice,
        Self::TooManyNewDevices,
        Self::RegistrationClosed,
        Self::DeviceConflict,
        Self::Retained,
    ];

    /// The code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadTopic => "bad_topic",
            Self::PayloadTooLarge => "payload_too_large",
            Self::NotJson => "not_json",
            Self::ContractViolation => "contract_violation",
            Self::UnsupportedVersion => "unsupported_version",
            Self::DeviceMismatch => "device_mismatch",
            Self::DeviceTypeMismatch => "device_type_mismatch",
            Self::RateLimited => "rate_limited",
            Self::TooManyDevices => "too_many_devices",
            Self::UnknownDevice => "unknown_device",
            Self::TooManyNewDevices => "too_many_new_devices",
            Self::RegistrationClosed => "registration_closed",
            Self::DeviceConflict => "device_conflict",
            Self::Retained => "retained",
        }
    }
}

impl RejectReason {
    /// Whether the same message would be refused again: only then its device is told so.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::RateLimited | Self::TooManyNewDevices)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused message: why, and where exactly.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// The code.
    pub reason: RejectReason,
    /// Where, what was found there, and what would be accepted.
    pub detail: String,
    /// What it says of its device, beyond this message.
    pub sign: Option<DeviceNotice>,
}

/// Characters of a found value that are repeated in the detail; the rest is cut off.
const FOUND_CHARS_MAX: usize = 80;

impl Rejection {
    /// A refusal with its detail.
    #[must_use]
    pub fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), sign: None }
    }

    /// The refusal as a sign of something about the device itself.
    #[must_use]
    pub fn signs(self, notice: DeviceNotice) -> Self {
        Self { sign: Some(notice), ..self }
    }

    /// The detail in its usual form: path, found, accepted.
    #[must_use]
    pub fn at(reason: RejectReason, path: &str, found: &str, accepted: &str) -> Self {
        Self::new(reason, format!("{path}: found {}, accepted: {accepted}", clipped(found)))
    }
}

/// The first characters of a text from outside, control characters made visible.
pub(super) fn clipped(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(FOUND_CHARS_MAX)
        .flat_map(|c| {
            let visible =
                if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            visible.chars().collect::<Vec<_>>()
        })
        .collect();
    if text.chars().nth(FOUND_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}
