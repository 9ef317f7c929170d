//! Every rule of the telemetry contract: what is accepted, what is refused, and the words for it.

use serde_json::{Value, json};

use super::{MAX_LEN, MESSAGE_ID, decode, decode_on, device, full, refused, with};
use crate::ids::FeederId;
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::mqtt::telemetry::{SocUnit, decode_telemetry, decode_telemetry_with};
use crate::mqtt::topics::Topics;
use crate::records::lifecycle::DeviceNotice;
use crate::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use crate::units::{Soc, Timestamp, WattHours, Watts};

#[test]
fn a_full_sample_becomes_the_logs_record_in_our_units() {
    let feeder = FeederId::new("feeder-9").expect("valid");
    let record = decode(&full()).expect("valid").into_record(feeder.clone(), Timestamp(5));
    let expected = Telemetry {
        message_id: MESSAGE_ID.parse().expect("a uuid"),
        device_id: device("ev-001"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: feeder,
        site_id: Some("house-01".into()),
        ts: Timestamp(1_700_000_000_000),
        sent_at: Some(Timestamp(1_700_000_000_010)),
        arrival: Timestamp(5),
        power_w: Watts(7200),
        soc: Some(Soc(5000)),
        energy_wh: Some(WattHours(12_500)),
        voltage_mv: Some(230_100),
        current_ma: Some(-1500),
        online: true,
        fault_code: Some(String::new()),
        capabilities: Capabilities {
            max_charge_w: Some(Watts(11_000)),
            max_discharge_w: Some(Watts(0)),
            max_export_w: Some(Watts(0)),
            max_import_w: Some(Watts(11_000)),
            min_power_w: Some(Watts(1400)),
            ramp_w_per_s: Some(Watts(500)),
            energy_wh: Some(WattHours(60_000)),
            fallback_w: Some(Watts(1500)),
        },
        preferences: Preferences {
            priority: Some(3),
            target_soc: Some(Soc(8000)),
            departure: Some(Timestamp(1_700_000_100_000)),
        },
        source: "simulator".into(),
        correlation_id: Some("c-1".into()),
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    };
    assert_eq!(record, expected);
}

#[test]
fn only_the_required_fields_are_required() {
    let least = json!({
        "v": 1, "messageType": "telemetry", "messageId": MESSAGE_ID, "deviceId": "ev-001",
        "deviceType": "ev", "timestampMs": 0,
        "payload": {"readings": {"powerKw": 0}, "status": {"online": false}}
    });
    let message = decode(&least).expect("valid");
    assert_eq!(message.capabilities, Capabilities::default());
    assert_eq!(message.envelope.source.as_str(), "unknown");
    assert_eq!(message.claimed_feeder(), None);
    for required in [
        "/v",
        "/messageType",
        "/messageId",
        "/deviceId",
        "/deviceType",
        "/timestampMs",
        "/payload",
        "/payload/readings",
        "/payload/readings/powerKw",
        "/payload/status",
        "/payload/status/online",
    ] {
        let path = required[1..].replace('/', ".");
        refused(
            decode(&with(required, None)),
            RejectReason::ContractViolation,
            &format!("{path}: found nothing, accepted: a value: the field is required"),
        );
    }
}

#[test]
fn each_rule_refuses_with_its_path_and_what_is_accepted() {
    const ID: &str = crate::ids::ID_RULE;
    const KW: &str = "a finite number of kW, at most 1e9 either way";
    const NO_SIGN: &str = "a number of kW from 0 to 1e9";
    const FRACTION: &str = "a number from 0 to 1";
    const TIME: &str = "a whole number from 0 to 10413791999999";
    const UUID: &str = "a UUID, for example 0192f5c8-6f6e-7c2a-9a53-3d1f2b8f9a10";
    const SOURCE: &str = "simulator, pi-agent, backend or unknown";
    let rows: &[(&str, Value, &str, &str)] = &[
        ("/v", json!("1"), "\"1\"", "1"),
        ("/v", json!(0), "0", "1"),
        ("/messageType", json!("ack"), "\"ack\"", "\"telemetry\" on this topic"),
        ("/messageId", json!("no"), "\"no\"", UUID),
        ("/messageId", json!(7), "7", UUID),
        (
            "/messageId",
            json!("0192f5c86f6e7c2a9a533d1f2b8f9a10"),
            "\"0192f5c86f6e7c2a9a533d1f2b8f9a10\"",
            UUID,
        ),
        ("/deviceId", json!(""), "\"\"", ID),
        ("/deviceId", json!("a/b"), "\"a/b\"", ID),
        ("/deviceType", json!("EV"), "\"EV\"", "pv, battery, ev or meter"),
        ("/deviceType", json!("other"), "\"other\"", "pv, battery, ev or meter"),
        ("/timestampMs", json!(-1), "-1", TIME),
        ("/timestampMs", json!(1.5), "1.5", TIME),
        ("/timestampMs", json!("now"), "\"now\"", TIME),
        ("/timestampMs", json!(10_413_792_000_000_i64), "10413792000000", TIME),
        ("/timestampMs", json!(1e300), "1e+300", TIME),
        ("/sentAtMs", json!(null), "null", TIME),
        ("/correlationId", json!(""), "\"\"", "a text of 1 to 256 characters"),
        ("/source", json!("me"), "\"me\"", SOURCE),
        ("/source", json!(null), "null", SOURCE),
        ("/payload", json!([]), "an array", "an object"),
        ("/payload/readings", json!(5), "a number", "an object"),
        ("/payload/readings/powerKw", json!("7"), "\"7\"", KW),
        ("/payload/readings/powerKw", json!(null), "null", KW),
        ("/payload/readings/powerKw", json!({"kw": 1}), "an object", KW),
        ("/payload/readings/powerKw", json!(1.1e9), "1100000000.0", KW),
        ("/payload/readings/energyKwh", json!(-0.1), "-0.1", "a number of kWh from 0 to 1e9"),
        ("/payload/readings/soc", json!(1.5), "1.5", FRACTION),
        ("/payload/readings/soc", json!(-0.01), "-0.01", FRACTION),
        ("/payload/readings/soc", json!(null), "null", FRACTION),
        ("/payload/readings/voltageV", json!(-1), "-1", "a number from 0 to 1e9"),
        ("/payload/readings/currentA", json!(true), "true", "a number from -1000000000 to 1e9"),
        ("/payload/status/online", json!(1), "1", "true or false"),
        ("/payload/status/faultCode", json!(null), "null", "a text of 0 to 256 characters"),
        ("/payload/capabilities", json!(null), "null", "an object"),
        ("/payload/capabilities/maxChargeKw", json!(-1), "-1", NO_SIGN),
        ("/payload/capabilities/maxDischargeKw", json!(-1), "-1", NO_SIGN),
        ("/payload/capabilities/maxExportKw", json!(-1), "-1", NO_SIGN),
        ("/payload/capabilities/maxImportKw", json!(-1), "-1", NO_SIGN),
        ("/payload/capabilities/minPowerKw", json!(-1), "-1", NO_SIGN),
        ("/payload/capabilities/rampKwPerS", json!("x"), "\"x\"", NO_SIGN),
        ("/payload/capabilities/energyKwh", json!(-1), "-1", "a number of kWh from 0 to 1e9"),
        ("/payload/capabilities/fallbackKw", json!("x"), "\"x\"", KW),
        ("/payload/preferences", json!("x"), "a text", "an object"),
        ("/payload/preferences/priority", json!(0), "0", "a whole number from 1 to 10"),
        ("/payload/preferences/priority", json!(11), "11", "a whole number from 1 to 10"),
        ("/payload/preferences/priority", json!(2.5), "2.5", "a whole number from 1 to 10"),
        ("/payload/preferences/targetSoc", json!(80), "80", FRACTION),
        ("/payload/preferences/departureMs", json!(-5), "-5", TIME),
        ("/payload/siteId", json!(""), "\"\"", "a text of 1 to 256 characters"),
        ("/payload/feederId", json!("a b"), "\"a b\"", ID),
        ("/payload/feederId", json!(null), "null", ID),
    ];
    for (pointer, value, found, accepted) in rows {
        let path = pointer[1..].replace('/', ".");
        refused(
            decode(&with(pointer, Some(value.clone()))),
            RejectReason::ContractViolation,
            &format!("{path}: found {found}, accepted: {accepted}"),
        );
    }
}

#[test]
fn numbers_may_be_written_whole_or_with_a_point_and_edges_are_inside() {
    for (pointer, value) in [
        ("/v", json!(1.0)),
        ("/timestampMs", json!(1_700_000_000_000.0)),
        ("/timestampMs", json!(0)),
        ("/timestampMs", json!(10_413_791_999_999_i64)),
        ("/messageId", json!("F47AC10B-58CC-1372-8567-0E02B2C3D479")),
        ("/payload/readings/powerKw", json!(-1e9)),
        ("/payload/readings/powerKw", json!(7)),
        ("/payload/readings/soc", json!(0)),
        ("/payload/readings/soc", json!(1.0)),
        ("/payload/preferences/priority", json!(10.0)),
        ("/payload/status/faultCode", json!("x".repeat(256))),
        ("/payload/siteId", json!("ü".repeat(256))),
    ] {
        assert!(decode(&with(pointer, Some(value.clone()))).is_ok(), "{pointer} = {value}");
    }
    assert!(decode(&with("/payload/siteId", Some(json!("x".repeat(257))))).is_err());
}

#[test]
fn generation_of_a_pv_turns_negative_and_consumption_of_others_stays_positive() {
    for (device_type, watts) in [("pv", -4000), ("battery", 4000), ("ev", 4000), ("meter", 4000)] {
        let mut message = with("/payload/readings/powerKw", Some(json!(4.0)));
        super::change(&mut message, "/payload/capabilities/fallbackKw", Some(json!(4.0)));
        super::change(&mut message, "/deviceType", Some(json!(device_type)));
        let decoded = decode(&message).expect("valid");
        assert_eq!(decoded.readings.power_w, Watts(watts), "{device_type}");
        assert_eq!(decoded.capabilities.fallback_w, Some(Watts(watts)), "{device_type}");
        assert_eq!(decoded.capabilities.max_charge_w, Some(Watts(11_000)), "{device_type}");
    }
}

#[test]
fn unknown_fields_are_ignored_and_counted_at_every_level() {
    let mut message = full();
    for pointer in [
        "/extra",
        "/payload/extra",
        "/payload/readings/extra",
        "/payload/status/extra",
        "/payload/capabilities/extra",
        "/payload/preferences/extra",
    ] {
        super::change(&mut message, pointer, Some(json!(null)));
    }
    assert_eq!(decode(&message).expect("valid").unknown_fields, 6);
}

#[test]
fn a_higher_version_is_refused_as_such_whatever_else_it_holds() {
    refused(
        decode(&json!({"v": 2, "shape": "new"})),
        RejectReason::UnsupportedVersion,
        "v: found 2, accepted: 1",
    );
}

#[test]
fn nobody_speaks_for_another_device_or_type() {
    refused(
        decode_on("der/telemetry/ev-002", &full()),
        RejectReason::DeviceMismatch,
        "deviceId: found \"ev-001\", accepted: \"ev-002\", the device of the topic",
    );
    refused(
        decode_on("der/telemetry/pv/ev-001", &full()),
        RejectReason::DeviceTypeMismatch,
        "deviceType: found ev, accepted: pv, the device type of the topic",
    );
    let typed = decode_on("der/telemetry/ev/ev-001", &full()).expect("valid");
    assert_eq!(typed.layout, TopicLayout::Typed);
}

#[test]
fn what_is_too_large_or_no_json_is_refused_before_anything_is_read() {
    let topic = Topics::default().parse_telemetry("der/telemetry/ev-001").expect("valid");
    refused(
        decode_telemetry(&topic, &[b' '; 11], 10),
        RejectReason::PayloadTooLarge,
        "message: found 11 bytes, accepted: at most 10 bytes",
    );
    for bytes in [&b"{"[..], b"", b"\xff\xfe", b"{}x", b"{\"v\": NaN}", b"{\"v\": 1e999}"] {
        let rejection = decode_telemetry(&topic, bytes, MAX_LEN).expect_err("no JSON");
        assert_eq!(rejection.reason, RejectReason::NotJson, "{bytes:?}");
    }
    let deep = "[".repeat(100_000);
    let rejection = decode_telemetry(&topic, deep.as_bytes(), MAX_LEN).expect_err("too deep");
    assert_eq!(rejection.reason, RejectReason::NotJson);
    refused(
        decode_telemetry(&topic, b"[1]", MAX_LEN),
        RejectReason::ContractViolation,
        "message: found an array, accepted: an object",
    );
}

#[test]
fn the_feeder_is_the_one_named_else_the_site_where_that_can_be_one() {
    let feeder = |message: &Value| {
        decode(message).expect("valid").claimed_feeder().map(|id| id.as_str().to_owned())
    };
    assert_eq!(feeder(&full()).as_deref(), Some("feeder-1"));
    let mut message = with("/payload/feederId", None);
    assert_eq!(feeder(&message).as_deref(), Some("house-01"));
    super::change(&mut message, "/payload/siteId", Some(json!("12 High Street")));
    assert_eq!(feeder(&message), None);
}

#[test]
fn a_device_is_simulated_only_where_its_source_or_its_id_says_so() {
    for (id, source, origin) in [
        ("pi-7", "simulator", DeviceOrigin::Physical),
        ("garage", "pi-agent", DeviceOrigin::Physical),
        ("garage", "simulator", DeviceOrigin::Simulated),
        ("garage", "unknown", DeviceOrigin::Physical),
        ("bat-12", "unknown", DeviceOrigin::Simulated),
    ] {
        let mut message = with("/deviceId", Some(json!(id)));
        super::change(&mut message, "/source", Some(json!(source)));
        let decoded = decode_on(&format!("der/telemetry/{id}"), &message).expect("valid");
        assert_eq!(decoded.origin(), origin, "{id} {source}");
    }
}

#[test]
fn a_found_value_is_cut_short_and_its_control_characters_are_made_visible() {
    let long = format!("\n{}", "x".repeat(500));
    let rejection = decode(&with("/source", Some(json!(long)))).expect_err("no such source");
    assert!(rejection.detail.chars().count() < 200, "{}", rejection.detail);
    assert!(!rejection.detail.contains('\n'));
}

#[test]
fn a_key_that_stands_twice_is_refused_with_its_path() {
    let topic = Topics::default().parse_telemetry("der/telemetry/ev-001").expect("valid");
    let twice = full().to_string().replace("\"powerKw\":7.2", "\"powerKw\":1.0,\"powerKw\":9.0");
    refused(
        decode_telemetry(&topic, twice.as_bytes(), MAX_LEN),
        RejectReason::ContractViolation,
        "payload.readings.powerKw: found the key twice in one object, accepted: each key once",
    );
}

#[track_caller]
fn soc_in(unit: SocUnit, soc: &Value) -> Result<Option<Soc>, Rejection> {
    let topic = Topics::default().parse_telemetry("der/telemetry/ev-001").expect("valid");
    let message = with("/payload/readings/soc", Some(soc.clone())).to_string();
    decode_telemetry_with(&topic, message.as_bytes(), MAX_LEN, unit)
        .map(|message| message.readings.soc)
}

#[test]
fn a_state_of_charge_is_read_in_the_unit_of_its_device() {
    use SocUnit::{Fraction, Percent, PerhapsPercent};
    for (unit, soc, expected) in [
        (Fraction, 1.0, Some(10_000)),
        (Fraction, 57.0, None),
        (Percent, 1.0, Some(100)),
        (Percent, 57.0, Some(5_700)),
        (Percent, 0.6, Some(60)),
        (Percent, 100.1, None),
        (PerhapsPercent, 1.0, Some(100)),
        (PerhapsPercent, 0.6, Some(60)),
        (PerhapsPercent, 57.0, None),
    ] {
        let read = soc_in(unit, &json!(soc));
        assert_eq!(read.ok().flatten(), expected.map(Soc), "{unit:?} {soc}");
    }
}

#[test]
fn a_percentage_is_refused_as_one_and_a_rounding_is_not_taken_for_one() {
    for unit in [SocUnit::Fraction, SocUnit::PerhapsPercent] {
        let rejection = soc_in(unit, &json!(57)).expect_err("percent");
        assert_eq!(
            rejection.detail,
            "payload.readings.soc: found 57, accepted: a number from 0 to 1; it looks like percent"
        );
        assert_eq!(rejection.sign, Some(DeviceNotice::SpeaksPercent));
        for soc in [json!(1.000_001), json!(-0.1), json!(101), json!("57")] {
            assert_eq!(soc_in(unit, &soc).expect_err("wrong").sign, None, "{soc}");
        }
    }
}

#[test]
fn the_agent_of_the_predecessor_speaks_percent_from_its_first_word() {
    let mut message = with("/payload/readings/soc", Some(json!(1)));
    super::change(&mut message, "/source", Some(json!("pi-agent")));
    let soc = |topic| decode_on(topic, &message).expect("valid").readings.soc;
    assert_eq!(soc("der/telemetry/ev/ev-001"), Some(Soc(100)), "its layout, its unit");
    assert_eq!(soc("der/telemetry/ev-001"), Some(Soc(10_000)), "ours keeps the contract");
}

#[test]
fn a_time_in_another_unit_is_refused_with_its_likely_unit() {
    for (time, unit) in [
        (json!(1_764_000_000_000_000_i64), "microseconds"),
        (json!(1_764_000_000_000_000_000_i64), "nanoseconds"),
        (json!(1_764_000_000.25), "seconds"),
    ] {
        for (pointer, path) in [
            ("/timestampMs", "timestampMs"),
            ("/sentAtMs", "sentAtMs"),
            ("/payload/preferences/departureMs", "payload.preferences.departureMs"),
        ] {
            let rejection = decode(&with(pointer, Some(time.clone()))).expect_err("not ms");
            assert!(rejection.detail.starts_with(path), "{rejection}");
            assert!(rejection.detail.ends_with(&format!("it looks like {unit}")), "{rejection}");
            assert_eq!(rejection.sign, Some(DeviceNotice::OtherTimeUnit));
        }
    }
}
