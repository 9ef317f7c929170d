//! The envelope that every JSON message of the contract has, and the order in which it is judged: size, JSON,
//! version, then field by field.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ids::{DeviceId, ID_RULE};
use crate::mqtt::fields::Fields;
use crate::mqtt::json::{self, NoJson};
use crate::mqtt::rejection::{RejectReason, Rejection, clipped};
use crate::records::telemetry::DeviceType;
use crate::units::Timestamp;

/// The version spoken here.
const VERSION: i64 = 1;
/// What a person is told of it.
const VERSIONS: &str = "1";

/// Who built a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// A simulator.
    Simulator,
    /// An agent at a device.
    PiAgent,
    /// The controller.
    Backend,
    /// It does not say.
    #[default]
    Unknown,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Simulator, Self::PiAgent, Self::Backend, Self::Unknown];

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::PiAgent => "pi-agent",
            Self::Backend => "backend",
            Self::Unknown => "unknown",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// What every message says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The message's id.
    pub message_id: Uuid,
    /// The device that it is from, or for.
    pub device_id: DeviceId,
    /// What that device is.
    pub device_type: DeviceType,
    /// When it was made, by its maker's clock.
    pub timestamp: Timestamp,
    /// When it was sent, by its sender's clock.
    pub sent_at: Option<Timestamp>,
    /// What it belongs to.
    pub correlation_id: Option<String>,
    /// Who made it.
    pub source: Source,
    /// Whether its sender wants to hear that the log has it (see [`crate::mqtt::receipt`]).
    pub receipt: bool,
}

/// A message taken apart: its envelope, its payload, and how many unknown fields the envelope had.
pub(super) struct Opened<'a> {
    pub(super) envelope: Envelope,
    pub(super) payload: Fields<'a>,
    pub(super) unknown: i32,
}

/// Refuses what is longer than accepted.
pub(super) fn check_length(bytes: &[u8], max_len: usize) -> Result<(), Rejection> {
    if bytes.len() <= max_len {
        return Ok(());
    }
    Err(Rejection::at(
        RejectReason::PayloadTooLarge,
        "message",
        &format!("{} bytes", bytes.len()),
        &format!("at most {max_len} bytes"),
    ))
}

/// Reads bytes as JSON, within the limit.
pub(super) fn parse_json(bytes: &[u8], max_len: usize) -> Result<Value, Rejection> {
    check_length(bytes, max_len)?;
    json::parse(bytes).map_err(|error| match error {
        NoJson::Syntax(error) => Rejection::at(
            RejectReason::NotJson,
            "message",
            &error.to_string(),
            "one JSON object in UTF-8",
        ),
        NoJson::Repeated(path) => Rejection::at(
            RejectReason::ContractViolation,
            &clipped(&path),
            "the key twice in one object",
            "each key once",
        ),
    })
}

/// The device type of a word of the contract; `other` is no such word.
pub(super) fn device_type_of(word: &str) -> Option<DeviceType> {
    DeviceType::ALL
        .into_iter()
        .filter(|known| *known != DeviceType::Other)
        .find(|known| known.as_str() == word)
}

/// Takes a message apart and judges its envelope.
pub(super) fn open<'a>(value: &'a Value, message_type: &str) -> Result<Opened<'a>, Rejection> {
    let mut fields = Fields::of(value, "")?;
    let version = fields.required("v")?;
    // Whatever is not there at all, or no number of a version, breaks the contract; other numbers are other versions.
    match version.integer(1, i64::MAX) {
        Ok(VERSION) => {}
        Ok(_) => return Err(version.refuse_as(RejectReason::UnsupportedVersion, VERSIONS)),
        Err(_) => return Err(version.refuse(VERSIONS)),
    }
    fields.required("messageType")?.word(
        |word| (word == message_type).then_some(()),
        &format!("\"{message_type}\" on this topic"),
    )?;
    let envelope = Envelope {
        message_id: fields.required("messageId")?.uuid()?,
        device_id: fields.required("deviceId")?.word(|text| DeviceId::new(text).ok(), ID_RULE)?,
        device_type: fields
            .required("deviceType")?
            .word(device_type_of, "pv, battery, ev or meter")?,
        timestamp: fields.required("timestampMs")?.timestamp()?,
        sent_at: fields.optional("sentAtMs").map(|field| field.timestamp()).transpose()?,
        correlation_id: fields
            .optional("correlationId")
            .map(|field| field.text(1).map(str::to_owned))
            .transpose()?,
        source: fields
            .optional("source")
            .map(|field| field.word(Source::of, "simulator, pi-agent, backend or unknown"))
            .transpose()?
            .unwrap_or_default(),
        receipt: fields
            .optional("receipt")
            .map(|field| field.boolean())
            .transpose()?
            .unwrap_or(false),
    };
    let payload = fields.required("payload")?.object("payload")?;
    Ok(Opened { envelope, payload, unknown: fields.unknown() })
}

/// Refuses a payload that speaks for another device than its topic.
pub(super) fn check_device(envelope: &Envelope, topic_device: &DeviceId) -> Result<(), Rejection> {
    if envelope.device_id == *topic_device {
        return Ok(());
    }
    Err(Rejection::at(
        RejectReason::DeviceMismatch,
        "deviceId",
        &format!("{:?}", envelope.device_id.as_str()),
        &format!("{:?}, the device of the topic", topic_device.as_str()),
    ))
}

/// The JSON of a message.
pub(super) fn close(envelope: &Envelope, message_type: &str, payload: Map<String, Value>) -> Value {
    let mut message = Map::new();
    message.insert("v".into(), json!(VERSION));
    message.insert("messageType".into(), json!(message_type));
    message.insert("messageId".into(), json!(envelope.message_id));
    message.insert("deviceId".into(), json!(envelope.device_id.as_str()));
    message.insert("deviceType".into(), json!(envelope.device_type.as_str()));
    message.insert("timestampMs".into(), json!(envelope.timestamp.0));
    put(&mut message, "sentAtMs", envelope.sent_at.map(|at| at.0));
    put(&mut message, "correlationId", envelope.correlation_id.as_deref());
    message.insert("source".into(), json!(envelope.source.as_str()));
    put(&mut message, "receipt", envelope.receipt.then_some(true));
    message.insert("payload".into(), Value::Object(payload));
    Value::Object(message)
}

/// Adds a field where there is a value for it.
pub(super) fn put<T: Into<Value>>(map: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
