//! Topics: building, reading, and what is none of ours.

use super::{device, refused};
use crate::mqtt::rejection::RejectReason;
use crate::mqtt::topics::{Inbound, TelemetryTopic, Topics};
use crate::records::telemetry::{DeviceType, TopicLayout};

#[test]
fn topics_are_built_under_the_prefix() {
    let topics = Topics::new("site/a/").expect("valid");
    let id = device("ev-001");
    assert_eq!(topics.telemetry(&id), "site/a/telemetry/ev-001");
    assert_eq!(topics.telemetry_typed(DeviceType::Ev, &id), "site/a/telemetry/ev/ev-001");
    assert_eq!(topics.control(&id), "site/a/control/ev-001");
    assert_eq!(topics.setpoints(DeviceType::Pv, &id), "site/a/setpoints/pv/ev-001");
    assert_eq!(topics.ack(&id), "site/a/ack/ev-001");
    assert_eq!(topics.status(&id), "site/a/status/ev-001");
    assert_eq!(topics.simulation_profile(), "site/a/simulation/profile");
    assert_eq!(Topics::shared("b", &topics.telemetry_filter()), "$share/b/site/a/telemetry/#");
}

#[test]
fn a_prefix_has_no_wildcards_and_no_empty_levels() {
    for bad in ["", "/", "a//b", "a/+", "#", "$share", "/a", "a\0"] {
        assert!(Topics::new(bad).is_err(), "{bad:?}");
    }
    assert_eq!(Topics::new("der/").expect("valid"), Topics::default());
}

#[test]
fn messages_from_devices_are_told_apart_by_topic() {
    let topics = Topics::default();
    let telemetry = |layout, device_type| {
        Inbound::Telemetry(TelemetryTopic { device_id: device("x"), layout, device_type })
    };
    for (topic, expected) in [
        ("der/telemetry/x", telemetry(TopicLayout::Flat, None)),
        ("der/telemetry/meter/x", telemetry(TopicLayout::Typed, Some(DeviceType::Meter))),
        ("der/ack/x", Inbound::Ack(device("x"))),
        ("der/status/x", Inbound::Status(device("x"))),
    ] {
        assert_eq!(topics.parse(topic), Ok(expected), "{topic}");
    }
    assert_eq!(topics.parse_control("der/control/x"), Ok(device("x")));
    assert_eq!(topics.parse_control("der/setpoints/ev/x"), Ok(device("x")));
}

#[test]
fn every_other_topic_is_refused() {
    let topics = Topics::default();
    for bad in [
        "",
        "der",
        "der/",
        "derx/telemetry/x",
        "der/telemetry",
        "der/telemetry/",
        "der/telemetry/a b",
        "der/telemetry/heatpump/x",
        "der/telemetry/other/x",
        "der/telemetry/ev/x/y",
        "der/ack/a/b",
        "der/status",
        "der/control/x",
        "other/telemetry/x",
    ] {
        let rejection = topics.parse(bad).expect_err(bad);
        assert_eq!(rejection.reason, RejectReason::BadTopic, "{bad}");
    }
    refused(
        topics.parse_telemetry("der/telemetry/heatpump/x"),
        RejectReason::BadTopic,
        "topic: found \"der/telemetry/heatpump/x\", accepted: pv, battery, ev or meter as device type",
    );
    assert!(topics.parse_control("der/setpoints/heatpump/x").is_err());
}

#[test]
fn the_device_of_a_refused_message_is_guessed_from_its_topic() {
    let topics = Topics::default();
    assert_eq!(topics.device_hint("der/telemetry/heatpump/x"), Some(device("x")));
    assert_eq!(topics.device_hint("der/telemetry/a b"), None);
    assert_eq!(topics.device_hint("der/telemetry"), None);
    assert_eq!(topics.device_hint("else"), None);
}

#[test]
fn reason_codes_are_stable_and_distinct() {
    let codes: Vec<&str> = RejectReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(
        codes,
        [
            "bad_topic",
            "payload_too_large",
            "not_json",
            "contract_violation",
            "unsupported_version",
            "device_mismatch",
            "device_type_mismatch",
            "rate_limited",
            "too_many_devices",
            "unknown_device",
            "too_many_new_devices",
            "registration_closed",
            "device_conflict",
            "retained",
        ]
    );
}
