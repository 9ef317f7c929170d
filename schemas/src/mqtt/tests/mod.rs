//! Tests of the MQTT contract, by message.

use serde_json::{Value, json};

use crate::ids::DeviceId;
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::mqtt::telemetry::{TelemetryMessage, decode_telemetry};
use crate::mqtt::topics::Topics;

mod ids;
mod round_trips;
mod setpoints;
mod telemetry;
mod topics;

const MAX_LEN: usize = 256_000;
const MESSAGE_ID: &str = "0192f5c8-6f6e-7c2a-9a53-3d1f2b8f9a10";
const SETPOINT_ID: &str = "5b3c1a2e-0d4f-4e6a-8b7c-9d0e1f2a3b4c";

fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("a valid id")
}

/// A valid sample with everything in it.
fn full() -> Value {
    json!({
        "v": 1, "messageType": "telemetry", "messageId": MESSAGE_ID, "deviceId": "ev-001",
        "deviceType": "ev", "timestampMs": 1_700_000_000_000_i64, "sentAtMs": 1_700_000_000_010_i64,
        "correlationId": "c-1", "source": "simulator",
        "payload": {
            "readings": {"powerKw": 7.2, "energyKwh": 12.5, "soc": 0.5, "voltageV": 230.1, "currentA": -1.5},
            "status": {"online": true, "faultCode": ""},
            "capabilities": {
                "maxChargeKw": 11, "maxDischargeKw": 0, "maxExportKw": 0, "maxImportKw": 11,
                "minPowerKw": 1.4, "rampKwPerS": 0.5, "energyKwh": 60, "fallbackKw": 1.5
            },
            "preferences": {"priority": 3, "targetSoc": 0.8, "departureMs": 1_700_000_100_000_i64},
            "siteId": "house-01", "feederId": "feeder-1"
        }
    })
}

/// `full()` with the value at a JSON pointer set, or removed.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut message = full();
    change(&mut message, pointer, value);
    message
}

fn change(message: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = message.pointer_mut(parent).and_then(Value::as_object_mut).expect("its parent");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
}

fn decode_on(topic: &str, message: &Value) -> Result<TelemetryMessage, Rejection> {
    let topic = Topics::default().parse_telemetry(topic)?;
    decode_telemetry(&topic, message.to_string().as_bytes(), MAX_LEN)
}

fn decode(message: &Value) -> Result<TelemetryMessage, Rejection> {
    decode_on("der/telemetry/ev-001", message)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Rejection>, reason: RejectReason, detail: &str) {
    let rejection = result.expect_err("it is refused");
    assert_eq!((rejection.reason, rejection.detail.as_str()), (reason, detail));
}
