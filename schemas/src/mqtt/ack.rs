//! Acks, v1: what a device says about a setpoint.

use serde_json::Map;
use uuid::Uuid;

use crate::ids::{DeviceId, FeederId};
use crate::mqtt::edge;
use crate::mqtt::envelope::{self, Envelope, Opened, put};
use crate::mqtt::rejection::Rejection;
use crate::records::ack::{Ack, AckStatus};
use crate::units::{Timestamp, Watts};

/// What a device says about a setpoint, load convention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckMessage {
    /// Id, device, times, source.
    pub envelope: Envelope,
    /// The setpoint it speaks of.
    pub setpoint_id: Uuid,
    /// What became of it; never online or offline.
    pub status: AckStatus,
    /// The power it applied.
    pub applied_w: Option<Watts>,
    /// Why, where it says so.
    pub reason: Option<String>,
    /// Fields that the contract does not know.
    pub unknown_fields: i32,
}

/// What a device can say about a setpoint, with the words for it.
const WORDS: [(AckStatus, &str); 5] = [
    (AckStatus::Accepted, "accepted"),
    (AckStatus::Applied, "applied"),
    (AckStatus::Rejected, "rejected"),
    (AckStatus::Expired, "expired"),
    (AckStatus::Superseded, "superseded"),
];

/// Reads an ack of the device that the topic names.
///
/// # Errors
/// A [`Rejection`] that says where and why.
pub fn decode_ack(
    device_id: &DeviceId,
    payload: &[u8],
    max_len: usize,
) -> Result<AckMessage, Rejection> {
    let value = envelope::parse_json(payload, max_len)?;
    let Opened { envelope, payload: mut fields, unknown } = envelope::open(&value, "ack")?;
    envelope::check_device(&envelope, device_id)?;
    Ok(AckMessage {
        setpoint_id: fields.required("setpointId")?.uuid()?,
        status: fields.required("status")?.word(
            |word| WORDS.iter().find(|(_, known)| *known == word).map(|(status, _)| *status),
            "accepted, applied, rejected, expired or superseded",
        )?,
        applied_w: fields
            .optional("appliedPowerKw")
            .map(|field| field.power(envelope.device_type))
            .transpose()?,
        reason: fields
            .optional("reason")
            .map(|field| field.text(0).map(str::to_owned))
            .transpose()?,
        unknown_fields: unknown + fields.unknown(),
        envelope,
    })
}

impl AckMessage {
    /// The log's record of this ack, on the feeder that the device is assigned to.
    #[must_use]
    pub fn into_record(self, feeder_id: FeederId, arrival: Timestamp) -> Ack {
        Ack {
            message_id: self.envelope.message_id,
            device_id: self.envelope.device_id,
            feeder_id,
            ts: self.envelope.timestamp,
            arrival,
            status: self.status,
            setpoint_id: Some(self.setpoint_id),
            applied_w: self.applied_w,
            reason: self.reason,
        }
    }

    /// The bytes that a device publishes. A status that is no answer to a setpoint is sent as `rejected`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let word = WORDS
            .iter()
            .find(|(status, _)| *status == self.status)
            .map_or("rejected", |(_, word)| *word);
        let applied =
            self.applied_w.map(|watts| edge::kw_to_edge(self.envelope.device_type, watts));
        let mut payload = Map::new();
        put(&mut payload, "setpointId", Some(self.setpoint_id.to_string()));
        put(&mut payload, "status", Some(word));
        put(&mut payload, "appliedPowerKw", applied);
        put(&mut payload, "reason", self.reason.as_deref());
        envelope::close(&self.envelope, "ack", payload).to_string().into_bytes()
    }
}
