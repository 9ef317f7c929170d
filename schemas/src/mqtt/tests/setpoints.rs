//! Setpoints, acks, status and profile: what goes out, what comes back, what is refused.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{MAX_LEN, MESSAGE_ID, SETPOINT_ID, change, device, refused};
use crate::ids::FeederId;
use crate::mqtt::ack::decode_ack;
use crate::mqtt::profile::{Profile, ProfileMessage};
use crate::mqtt::rejection::RejectReason;
use crate::mqtt::setpoint::{Mode, Setpoint, decode_setpoint, sentence};
use crate::mqtt::status::{StatusWord, decode_status};
use crate::records::ack::AckStatus;
use crate::records::decision::{
    Decision, DecisionHeader, DeviceDecision, Emit, Freshness, Positions, Reason, Trigger,
};
use crate::records::decision_no::DecisionNo;
use crate::records::telemetry::DeviceType;
use crate::units::{Timestamp, WattHours, Watts};

const DECIDED: i64 = 1_700_000_000_000;

fn decision(device_type: DeviceType, setpoint_w: Option<Watts>) -> Decision {
    let feeder = FeederId::new("feeder-1").expect("valid");
    Decision {
        no: DecisionNo::new(3, 42),
        writer: Uuid::nil(),
        root: feeder.clone(),
        header: DecisionHeader {
            at: Timestamp(DECIDED),
            trigger: Trigger::Window,
            window_start: Timestamp(DECIDED - 5000),
            window_end: Timestamp(DECIDED),
            positions: Positions::default(),
            policy: "water-fill".into(),
            certified: true,
            findings: vec![],
            nodes: vec![],
            alarms: vec![],
        },
        devices: vec![DeviceDecision {
            device_id: device("x-1"),
            feeder_id: feeder,
            device_type,
            power_w: None,
            soc: None,
            freshness: Freshness::Fresh,
            sample_age_ms: None,
            wanted_w: Watts(0),
            share_w: Watts(0),
            setpoint_w,
            emit: Emit::Change,
            ttl_ms: 60_000,
            fallback_w: Watts(1400),
            weight_milli: 1000,
            deficit_wh: WattHours(0),
            reason: Reason::FairShare,
            bound_by: None,
            marginal_w: Watts(0),
            compliant: true,
            typed_layout: false,
        }],
    }
}

fn built(device_type: DeviceType, watts: i64, now: i64) -> Setpoint {
    let decision = decision(device_type, Some(Watts(watts)));
    Setpoint::of_decision(&decision, &decision.devices[0], Timestamp(now)).expect("it has one")
}

#[test]
fn a_setpoint_says_all_that_the_predecessors_said_and_how_long_it_holds() {
    let setpoint = built(DeviceType::Ev, 7200, DECIDED + 400);
    let decision = decision(DeviceType::Ev, Some(Watts(7200)));
    let sent: Value = serde_json::from_slice(&setpoint.encode()).expect("JSON");
    let expected = json!({
        "v": 1, "messageType": "setpoint", "messageId": decision.setpoint_id(&device("x-1")),
        "deviceId": "x-1", "deviceType": "ev", "timestampMs": DECIDED + 400, "sentAtMs": DECIDED + 400,
        "correlationId": decision.id(), "source": "backend",
        "payload": {
            "command": {
                "targetPowerKw": 7.2, "mode": "charge", "validUntilMs": DECIDED + 60_000,
                "ttlMs": 59_600, "fallbackKw": 1.4, "epoch": 3, "seq": 42
            },
            "constraints": {},
            "reason": {"allocator": "feeder-controller", "notes": "the feeder is full: this is your fair share"}
        }
    });
    assert_eq!(sent, expected);
    let read = decode_setpoint(&device("x-1"), &setpoint.encode(), MAX_LEN).expect("valid");
    assert_eq!(read, setpoint);
}

#[test]
fn a_device_without_a_setpoint_gets_none_and_a_late_one_has_no_time_left() {
    let without = decision(DeviceType::Ev, None);
    assert_eq!(Setpoint::of_decision(&without, &without.devices[0], Timestamp(0)), None);
    assert_eq!(built(DeviceType::Ev, 1, DECIDED + 90_000).ttl_ms, Some(0));
    assert_eq!(built(DeviceType::Ev, 1, DECIDED - 90_000).ttl_ms, Some(60_000));
}

#[test]
fn the_mode_follows_from_type_and_sign_and_a_pv_is_limited_by_its_generation() {
    for (device_type, watts, mode, kw) in [
        (DeviceType::Pv, -4000, Mode::Limit, 4.0),
        (DeviceType::Pv, 0, Mode::Limit, 0.0),
        (DeviceType::Battery, 3000, Mode::Charge, 3.0),
        (DeviceType::Battery, -3000, Mode::Discharge, -3.0),
        (DeviceType::Battery, 0, Mode::Idle, 0.0),
        (DeviceType::Ev, 3000, Mode::Charge, 3.0),
        (DeviceType::Ev, 0, Mode::Idle, 0.0),
    ] {
        let setpoint = built(device_type, watts, DECIDED);
        let sent: Value = serde_json::from_slice(&setpoint.encode()).expect("JSON");
        let command = &sent["payload"]["command"];
        assert_eq!(command["mode"], json!(mode.as_str()), "{device_type:?} {watts}");
        assert_eq!(command["targetPowerKw"].as_f64(), Some(kw), "{device_type:?} {watts}");
    }
}

#[test]
fn a_setpoint_of_the_predecessor_is_read_and_a_broken_one_is_not() {
    let old = json!({
        "v": 1, "messageType": "setpoint", "messageId": SETPOINT_ID, "deviceId": "x-1",
        "deviceType": "battery", "timestampMs": 5, "sentAtMs": 5, "correlationId": "c", "source": "backend",
        "payload": {
            "command": {"targetPowerKw": 1.5, "mode": "charge", "validUntilMs": 120_000},
            "constraints": {},
            "reason": {"allocator": "feeder-controller", "notes": "auto-generated by feeder-controller"}
        }
    });
    let read =
        |message: &Value| decode_setpoint(&device("x-1"), message.to_string().as_bytes(), MAX_LEN);
    let setpoint = read(&old).expect("valid");
    assert_eq!((setpoint.target_w, setpoint.ttl_ms, setpoint.epoch), (Watts(1500), None, None));
    let rows: &[(&str, Option<Value>, &str)] = &[
        (
            "/payload/command/targetPowerKw",
            Some(json!("1")),
            "payload.command.targetPowerKw: found \"1\", accepted: a finite number of kW, at most 1e9 either way",
        ),
        (
            "/payload/command/mode",
            Some(json!("go")),
            "payload.command.mode: found \"go\", accepted: charge, discharge, idle, import, export or limit",
        ),
        (
            "/payload/command/validUntilMs",
            None,
            "payload.command.validUntilMs: found nothing, accepted: a value: the field is required",
        ),
        (
            "/payload/command/ttlMs",
            Some(json!(-1)),
            "payload.command.ttlMs: found -1, accepted: a whole number from 0 to 9223372036854775807",
        ),
        (
            "/payload/command/epoch",
            Some(json!(null)),
            "payload.command.epoch: found null, accepted: a whole number from 0 to 9223372036854775807",
        ),
        (
            "/payload/constraints/rampRateKwPerS",
            Some(json!(-1)),
            "payload.constraints.rampRateKwPerS: found -1, accepted: a number of kW from 0 to 1e9",
        ),
        (
            "/payload/reason/allocator",
            Some(json!("")),
            "payload.reason.allocator: found \"\", accepted: a text of 1 to 256 characters",
        ),
        (
            "/payload/reason",
            None,
            "payload.reason: found nothing, accepted: a value: the field is required",
        ),
        (
            "/messageType",
            Some(json!("telemetry")),
            "messageType: found \"telemetry\", accepted: \"setpoint\" on this topic",
        ),
    ];
    for (pointer, value, detail) in rows {
        let mut message = old.clone();
        change(&mut message, pointer, value.clone());
        refused(read(&message), RejectReason::ContractViolation, detail);
    }
    refused(
        decode_setpoint(&device("x-2"), old.to_string().as_bytes(), MAX_LEN),
        RejectReason::DeviceMismatch,
        "deviceId: found \"x-1\", accepted: \"x-2\", the device of the topic",
    );
}

#[test]
fn an_ack_becomes_a_record_and_a_broken_one_is_refused() {
    let ack = json!({
        "v": 1, "messageType": "ack", "messageId": MESSAGE_ID, "deviceId": "x-1", "deviceType": "pv",
        "timestampMs": 5,
        "payload": {"setpointId": SETPOINT_ID, "status": "applied", "appliedPowerKw": 2.5, "reason": "ok", "more": 1}
    });
    let read =
        |message: &Value| decode_ack(&device("x-1"), message.to_string().as_bytes(), MAX_LEN);
    let message = read(&ack).expect("valid");
    assert_eq!(message.unknown_fields, 1);
    let feeder = FeederId::new("feeder-1").expect("valid");
    let record = message.into_record(feeder, Timestamp(9));
    assert_eq!(record.setpoint_id.map(|id| id.to_string()).as_deref(), Some(SETPOINT_ID));
    assert_eq!((record.status, record.applied_w), (AckStatus::Applied, Some(Watts(-2500))));
    assert_eq!((record.ts, record.arrival), (Timestamp(5), Timestamp(9)));
    let rows: &[(&str, Option<Value>, &str)] = &[
        (
            "/payload/setpointId",
            Some(json!("x")),
            "payload.setpointId: found \"x\", accepted: a UUID, for example 0192f5c8-6f6e-7c2a-9a53-3d1f2b8f9a10",
        ),
        (
            "/payload/setpointId",
            None,
            "payload.setpointId: found nothing, accepted: a value: the field is required",
        ),
        (
            "/payload/status",
            Some(json!("online")),
            "payload.status: found \"online\", accepted: accepted, applied, rejected, expired or superseded",
        ),
        (
            "/payload/appliedPowerKw",
            Some(json!(null)),
            "payload.appliedPowerKw: found null, accepted: a finite number of kW, at most 1e9 either way",
        ),
        (
            "/payload/reason",
            Some(json!(5)),
            "payload.reason: found 5, accepted: a text of 0 to 256 characters",
        ),
    ];
    for (pointer, value, detail) in rows {
        let mut message = ack.clone();
        change(&mut message, pointer, value.clone());
        refused(read(&message), RejectReason::ContractViolation, detail);
    }
}

#[test]
fn a_status_is_one_word_and_its_record_has_an_id_of_its_own() {
    let id = device("x-1");
    assert_eq!(decode_status(&id, b"online").map(|status| status.word), Ok(StatusWord::Online));
    assert_eq!(decode_status(&id, b"offline\n").map(|status| status.word), Ok(StatusWord::Offline));
    refused(
        decode_status(&id, b"ONLINE"),
        RejectReason::ContractViolation,
        "message: found \"ONLINE\", accepted: online or offline",
    );
    assert!(decode_status(&id, b"").is_err());
    assert!(decode_status(&id, &[0xff; 10_000]).is_err());
    let record = |at| {
        let feeder = FeederId::new("feeder-1").expect("valid");
        decode_status(&id, b"offline").expect("valid").into_record(feeder, Timestamp(at))
    };
    assert_eq!(record(1), record(1));
    assert_ne!(record(1).message_id, record(2).message_id);
    assert_eq!((record(1).status, record(1).setpoint_id), (AckStatus::Offline, None));
}

#[test]
fn the_profile_follows_the_clock_when_its_source_is_the_clock() {
    for (text, expected) in [
        (r#"{"profile":"day","source":"manual"}"#, Profile::Day),
        (r#"{"profile":"night"}"#, Profile::Night),
        (r#"{"profile":"day","source":"auto"}"#, Profile::Auto),
        (r#"{"profile":"auto"}"#, Profile::Auto),
    ] {
        let read = ProfileMessage::decode(text.as_bytes()).expect(text);
        assert_eq!(read.profile, expected, "{text}");
        assert_eq!(ProfileMessage::decode(&read.encode()), Ok(read));
    }
    assert!(ProfileMessage::decode(br#"{"profile":"dusk"}"#).is_err());
    assert!(ProfileMessage::decode(b"day").is_err());
}

#[test]
fn every_reason_has_a_sentence_that_the_contract_can_carry() {
    for reason in [Reason::Satisfied, Reason::Rotation, Reason::Uncertified, Reason::Restart] {
        let text = sentence(reason);
        assert!(!text.is_empty() && text.chars().count() <= crate::caps::TEXT_LEN_MAX);
    }
}
