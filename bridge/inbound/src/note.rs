//! What somebody should know of the way in: for metrics and the process's log.

use schemas::ids::DeviceId;
use schemas::mqtt::Rejection;
use schemas::records::lifecycle::DeviceNotice;

use crate::admission::Barrier;
use crate::mapping::Kind;

/// Something that is worth to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A message has come.
    Received(Kind),
    /// It keeps the contract, and has so many fields that nobody knows.
    UnknownFields(i32),
    /// It is refused.
    Refused {
        /// What it was.
        kind: Kind,
        /// Where it came.
        topic: String,
        /// Why.
        rejection: Rejection,
    },
    /// A device is made known.
    Registered,
    /// A sample of an unknown device is refused.
    KeptOut(Barrier),
    /// A sample names another feeder than its device's.
    ClaimDiffers,
    /// Something is noticed about a device.
    Noticed {
        /// Which.
        device_id: DeviceId,
        /// What.
        notice: DeviceNotice,
        /// In words.
        detail: String,
    },
    /// So many statuses wait for their devices to be known.
    HeldStatuses(usize),
}
