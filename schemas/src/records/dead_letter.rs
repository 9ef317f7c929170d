//! `dead-letters.v1`: what was refused, why, and its bytes.

use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;
use crate::units::Timestamp;

/// A refused message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was refused.
    pub at: Timestamp,
    /// The MQTT topic it came on, or `<log topic>/<partition>/<offset>` of a poison record.
    pub source: String,
    /// The stable reason code: the metric's label, for example `not_json`.
    pub reason: String,
    /// What was wrong and what would be accepted.
    pub detail: String,
    /// The device, where one could be read from the topic.
    pub device_id: Option<DeviceId>,
    /// The raw bytes, cut at [`crate::caps::DEAD_LETTER_RAW_MAX`].
    #[serde(with = "apache_avro::serde::bytes")]
    pub raw: Vec<u8>,
    /// How many bytes the message had.
    pub raw_len: i64,
}
