//! The status topic: one plain word, retained, and the device's last will.

use uuid::Uuid;

use crate::ids::{DeviceId, FeederId};
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::records::ack::{Ack, AckStatus};
use crate::units::Timestamp;

/// The namespace of the ids of status records (UUID v5): the messages themselves have none.
const STATUS: Uuid = Uuid::from_u128(0x5b0e_77a2_0d3f_4d55_8e2b_3c9a_6f41_90d2);

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusWord {
    /// It is.
    Online,
    /// It is not.
    Offline,
}

impl StatusWord {
    /// The word of the contract: the whole payload.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

/// One status of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    /// Which device.
    pub device_id: DeviceId,
    /// What it says.
    pub word: StatusWord,
}

/// Reads the status of the device that the topic names.
///
/// # Errors
/// A [`Rejection`] when it is neither of the two words.
pub fn decode_status(device_id: &DeviceId, payload: &[u8]) -> Result<StatusMessage, Rejection> {
    let word = match payload.trim_ascii() {
        b"online" => StatusWord::Online,
        b"offline" => StatusWord::Offline,
        // What clears a retained message.
        b"" => {
            return Err(Rejection::at(
                RejectReason::NotJson,
                "message",
                "nothing",
                "online or offline",
            ));
        }
        other => {
            return Err(Rejection::at(
                RejectReason::ContractViolation,
                "message",
                &format!("{:?}", String::from_utf8_lossy(&other[..other.len().min(100)])),
                "online or offline",
            ));
        }
    };
    Ok(StatusMessage { device_id: device_id.clone(), word })
}

impl StatusMessage {
    /// The log's record of this status; its id follows from device, word and arrival.
    #[must_use]
    pub fn into_record(self, feeder_id: FeederId, arrival: Timestamp) -> Ack {
        let name = format!("{}/{}/{}", self.device_id, self.word.as_str(), arrival.0);
        Ack {
            message_id: Uuid::new_v5(&STATUS, name.as_bytes()),
            device_id: self.device_id,
            feeder_id,
            ts: arrival,
            arrival,
            status: match self.word {
                StatusWord::Online => AckStatus::Online,
                StatusWord::Offline => AckStatus::Offline,
            },
            setpoint_id: None,
            applied_w: None,
            reason: None,
        }
    }
}
