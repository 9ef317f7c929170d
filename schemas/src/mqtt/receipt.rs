//! Receipts, v1: the log has a message, or a dead letter of it. A device asks for one with `"receipt": true` in its
//! message's envelope; who does not know the field ignores it.
//!
//! A broker's acknowledgement says that the broker has the message, in memory perhaps. A receipt says that it will be a
//! row, whatever ends after that: the device need not keep it any longer.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{DeviceId, ID_RULE};
use crate::mqtt::envelope;
use crate::mqtt::fields::Fields;
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::units::Timestamp;

const VERSION: i64 = 1;
const MESSAGE_TYPE: &str = "receipt";

/// Receipts of some messages of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptMessage {
    /// Its own id.
    pub message_id: Uuid,
    /// Whose messages they are of.
    pub device_id: DeviceId,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Messages that the log has.
    pub stored: Vec<Uuid>,
    /// Messages that became dead letters, each with its reason. Sent again they would again.
    pub refused: Vec<(Uuid, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    v: i64,
    message_type: String,
    message_id: Uuid,
    device_id: String,
    timestamp_ms: i64,
    source: Option<String>,
    payload: WirePayload,
}

#[derive(Serialize, Deserialize)]
struct WirePayload {
    #[serde(default)]
    stored: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<WireRefused>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRefused {
    message_id: Uuid,
    reason: String,
}

impl ReceiptMessage {
    /// The bytes that go out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let refused = self.refused.iter().map(|(message_id, reason)| WireRefused {
            message_id: *message_id,
            reason: reason.clone(),
        });
        let wire = Wire {
            v: VERSION,
            message_type: MESSAGE_TYPE.to_owned(),
            message_id: self.message_id,
            device_id: self.device_id.to_string(),
            timestamp_ms: self.timestamp.0,
            source: Some("backend".to_owned()),
            payload: WirePayload { stored: self.stored.clone(), refused: refused.collect() },
        };
        serde_json::to_vec(&wire).expect("texts, numbers and lists can be written as JSON")
    }
}

/// Reads a receipt for the device that the topic names.
///
/// # Errors
/// A [`Rejection`] that says where and why.
pub fn decode_receipt(
    device_id: &DeviceId,
    payload: &[u8],
    max_len: usize,
) -> Result<ReceiptMessage, Rejection> {
    if payload.len() > max_len {
        let detail = format!("message: {} bytes, accepted: at most {max_len}", payload.len());
        return Err(Rejection::new(RejectReason::PayloadTooLarge, detail));
    }
    let violation = |detail: String| {
        Rejection::new(RejectReason::ContractViolation, format!("message: {detail}"))
    };
    let wire: Wire =
        serde_json::from_slice(payload).map_err(|error| violation(error.to_string()))?;
    if wire.v != VERSION {
        return Err(Rejection::new(RejectReason::UnsupportedVersion, format!("v: {}", wire.v)));
    }
    if wire.message_type != MESSAGE_TYPE {
        return Err(violation(format!("messageType {:?} on this topic", wire.message_type)));
    }
    if wire.device_id != device_id.as_str() {
        let detail = format!("deviceId: found {:?}, the topic's is {device_id}", wire.device_id);
        return Err(Rejection::new(RejectReason::DeviceMismatch, detail));
    }
    let refused = wire.payload.refused.into_iter().map(|one| (one.message_id, one.reason));
    Ok(ReceiptMessage {
        message_id: wire.message_id,
        device_id: device_id.clone(),
        timestamp: Timestamp(wire.timestamp_ms),
        stored: wire.payload.stored,
        refused: refused.collect(),
    })
}

/// The id of a message that asks for a receipt, however wrong the rest of it is.
#[must_use]
pub fn receipt_asked(payload: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        message_id: Uuid,
        receipt: bool,
    }
    let asked: Asked = serde_json::from_slice(payload).ok()?;
    asked.receipt.then_some(asked.message_id)
}

/// A message that asks for a receipt, and what the asker has to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Whose message it is.
    pub device_id: DeviceId,
    /// Its id: the receipt names it.
    pub message_id: Uuid,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// Messages that somebody hands in for devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedIn {
    /// Whether they came as a list.
    pub is_list: bool,
    /// Each of them, asking for a receipt, however wrong the rest of it is; a [`Rejection`] where there could be no receipt:
    /// no JSON object, no message id, no device id, too long.
    pub messages: Vec<Result<Asking, Rejection>>,
}

/// Reads one message, or a list of them, each of at most `max_len` bytes.
///
/// # Errors
/// A [`Rejection`] where the whole is no JSON, or an object in it has a key twice.
pub fn hand_in(body: &[u8], max_len: usize) -> Result<HandedIn, Rejection> {
    let (is_list, values) = match envelope::parse_json(body, body.len())? {
        Value::Array(values) => (true, values),
        value => (false, vec![value]),
    };
    let messages = values.into_iter().map(|value| asking(value, max_len)).collect();
    Ok(HandedIn { is_list, messages })
}

fn asking(mut value: Value, max_len: usize) -> Result<Asking, Rejection> {
    let mut fields = Fields::of(&value, "")?;
    let device_id = fields.required("deviceId")?.word(|text| DeviceId::new(text).ok(), ID_RULE)?;
    let message_id = fields.required("messageId")?.uuid()?;
    fields.optional("receipt").map(|field| field.boolean()).transpose()?;
    value["receipt"] = Value::Bool(true);
    let payload = value.to_string().into_bytes();
    envelope::check_length(&payload, max_len)?;
    Ok(Asking { device_id, message_id, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId::new("ev-1").expect("valid")
    }

    fn receipt() -> ReceiptMessage {
        ReceiptMessage {
            message_id: Uuid::from_u128(9),
            device_id: device(),
            timestamp: Timestamp(5_000),
            stored: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
            refused: vec![(Uuid::from_u128(3), "contract_violation".to_owned())],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(decode_receipt(&device(), &receipt().encode(), 10_000), Ok(receipt()));
    }

    #[test]
    fn a_receipt_of_another_device_or_version_is_none() {
        let other = DeviceId::new("ev-2").expect("valid");
        let reason = |outcome: Result<ReceiptMessage, Rejection>| outcome.expect_err("no").reason;
        let bytes = receipt().encode();
        assert_eq!(reason(decode_receipt(&other, &bytes, 10_000)), RejectReason::DeviceMismatch);
        assert_eq!(reason(decode_receipt(&device(), &bytes, 10)), RejectReason::PayloadTooLarge);
        let newer = String::from_utf8(bytes).expect("text").replace("\"v\":1", "\"v\":2");
        let newer = decode_receipt(&device(), newer.as_bytes(), 10_000);
        assert_eq!(reason(newer), RejectReason::UnsupportedVersion);
    }

    #[test]
    fn a_message_asks_for_a_receipt_even_where_it_breaks_the_contract() {
        let id = Uuid::from_u128(7);
        let asks = |more: &str| format!(r#"{{"messageId":"{id}","payload":[[]],{more}"x":1}}"#);
        assert_eq!(receipt_asked(asks("\"receipt\":true,").as_bytes()), Some(id));
        for other in [asks("\"receipt\":false,"), asks(""), "{".to_owned(), "[]".to_owned()] {
            assert_eq!(receipt_asked(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn messages_that_are_handed_in_ask_for_a_receipt_whatever_else_they_say() {
        let id = Uuid::from_u128(7);
        let one =
            format!(r#"{{"deviceId":"ev-1","messageId":"{id}","receipt":false,"v":9,"x":[1.5]}}"#);
        let HandedIn { is_list, messages } = hand_in(one.as_bytes(), 1_000).expect("JSON");
        assert!(!is_list);
        let asking = messages[0].clone().expect("it names device and message");
        assert_eq!((asking.device_id, asking.message_id), (device(), id));
        assert_eq!(receipt_asked(&asking.payload), Some(id));
        let read: Value = serde_json::from_slice(&asking.payload).expect("JSON");
        assert_eq!((&read["v"], &read["x"][0]), (&Value::from(9), &Value::from(1.5)));
    }

    #[test]
    fn of_a_list_each_is_judged_alone() {
        let id = Uuid::from_u128(7);
        let good = format!(r#"{{"deviceId":"ev-1","messageId":"{id}"}}"#);
        let long = format!(r#"{{"deviceId":"ev-1","messageId":"{id}","x":"{}"}}"#, "y".repeat(200));
        let bad = [
            ("7", "message: found a number"),
            (r#"{"deviceId":"ev 1","messageId":1}"#, "deviceId"),
            (r#"{"deviceId":"ev-1"}"#, "messageId"),
            (&good.replace('}', r#","receipt":1}"#), "receipt"),
            (&long, "at most 200 bytes"),
        ];
        for (bad, part) in bad {
            let HandedIn { is_list, messages } =
                hand_in(format!("[{bad},{good}]").as_bytes(), 200).expect("JSON");
            assert!(is_list && messages[1].is_ok());
            let rejection = messages[0].clone().expect_err("no receipt could name it");
            assert!(rejection.to_string().contains(part), "{rejection}");
        }
        assert!(hand_in(b"[{", 200).is_err());
        assert!(hand_in(br#"{"deviceId":"a","deviceId":"b"}"#, 200).is_err());
    }
}
