//! Every record goes there and back, and old bytes stay readable.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::ids::{DeviceId, FeederId};
use crate::records::ack::{Ack, AckStatus};
use crate::records::dead_letter::DeadLetter;
use crate::records::decision::{Claim, LedgerRecord, NodeDecision};
use crate::records::decision_no::DecisionNo;
use crate::records::lifecycle::{
    DeviceNoted, DeviceNotice, DeviceRetired, DeviceWaiting, WaitReason,
};
use crate::records::operator::{
    Change, ControlResumed, ControlSettings, EventChanged, FeederCleared, FeederField,
    FeederRemoved, OperatorRecord,
};
use crate::records::sent::Sent;
use crate::records::snapshot::SnapshotPart;
use crate::records::state::FeederState;
use crate::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use crate::units::{Soc, Timestamp, Watts};

#[track_caller]
fn check_round_trip<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
    let bytes = record.encode();
    assert_eq!(R::decode(&bytes).as_ref(), Ok(record));
    assert_eq!(record.encode(), bytes, "the same record gives the same bytes");
    let confluent = Frame::Registered { id: 7, body: &bytes[10..] }.to_bytes();
    assert_eq!(R::decode(&confluent), Err(DecodeError::Registered(7)));
    for cut in [0, 1, 9, 10, bytes.len() - 1] {
        assert!(R::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

fn telemetry() -> Telemetry {
    Telemetry {
        message_id: Uuid::from_u128(5),
        device_id: DeviceId::new("pi-1").expect("valid"),
        device_type: DeviceType::Battery,
        origin: DeviceOrigin::Physical,
        feeder_id: FeederId::new("a").expect("valid"),
        site_id: Some("house".to_owned()),
        ts: Timestamp(1),
        sent_at: None,
        arrival: Timestamp(2),
        power_w: Watts(-3),
        soc: Some(Soc(5_000)),
        energy_wh: None,
        voltage_mv: Some(230_000),
        current_ma: None,
        online: true,
        fault_code: Some(String::new()),
        capabilities: Capabilities { max_charge_w: Some(Watts(5_000)), ..Capabilities::default() },
        preferences: Preferences::default(),
        source: "pi-agent".to_owned(),
        correlation_id: None,
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    }
}

#[test]
fn every_record_goes_there_and_back() {
    check_round_trip(&telemetry());
    check_round_trip(&Ack {
        message_id: Uuid::from_u128(6),
        device_id: DeviceId::new("pi-1").expect("valid"),
        feeder_id: FeederId::new("a").expect("valid"),
        ts: Timestamp(1),
        arrival: Timestamp(2),
        status: AckStatus::Superseded,
        setpoint_id: Some(Uuid::from_u128(9)),
        applied_w: Some(Watts(1)),
        reason: None,
    });
    for change in [
        Change::ControlSettings(ControlSettings::default()),
        Change::ControlResumed(ControlResumed { feeder_id: FeederId::new("a").expect("valid") }),
        Change::FeederCleared(FeederCleared {
            feeder_id: FeederId::new("a").expect("valid"),
            fields: vec![FeederField::Parent, FeederField::Policy],
        }),
        Change::EventChanged(EventChanged {
            event_id: Uuid::from_u128(5),
            start: Timestamp(1),
            end: Timestamp(2),
            limit_w: Watts(3),
            kind: "dr".to_owned(),
            ramp_s: 4,
        }),
        Change::FeederRemoved(FeederRemoved { feeder_id: FeederId::new("a").expect("valid") }),
        Change::DeviceWaiting(DeviceWaiting {
            device_id: DeviceId::new("pi-1").expect("valid"),
            device_type: DeviceType::Battery,
            origin: DeviceOrigin::Physical,
            feeder_id: FeederId::new("a").expect("valid"),
            site_id: None,
            why: WaitReason::UnknownFeeder,
        }),
        Change::DeviceRetired(DeviceRetired { device_id: DeviceId::new("pi-1").expect("valid") }),
        Change::DeviceNoted(DeviceNoted {
            device_id: DeviceId::new("pi-1").expect("valid"),
            notice: DeviceNotice::TwoPublishers,
            detail: "two clocks".to_owned(),
        }),
    ] {
        check_round_trip(&OperatorRecord {
            id: Uuid::from_u128(1),
            at: Timestamp(3),
            source: Some("192.0.2.7".to_owned()),
            actor: "op".to_owned(),
            change,
        });
    }
    check_round_trip(&LedgerRecord::Claim(Claim {
        epoch: 1,
        writer: Uuid::from_u128(2),
        at: Timestamp(4),
        name: "host/1".to_owned(),
        log: None,
    }));
    check_round_trip(&Sent {
        setpoint_id: Uuid::from_u128(9),
        root: FeederId::new("a").expect("valid"),
        epoch: 1,
        seq: 7,
        device_id: DeviceId::new("pi-1").expect("valid"),
        feeder_id: FeederId::new("b").expect("valid"),
        decided_at: Timestamp(5),
        sent_at: Timestamp(6),
        broker_acked_at: Timestamp(7),
    });
    check_round_trip(&DeadLetter {
        at: Timestamp(5),
        source: "der/telemetry/x".to_owned().into(),
        reason: "not_json".to_owned(),
        detail: "expected value at line 1 column 1".to_owned(),
        device_id: None,
        raw: vec![0, 255],
        raw_len: 2,
    });
}

#[test]
fn every_committed_schema_parses() {
    for topic in Topic::ALL {
        let schemas = record_of!(topic, Kind => Kind::schemas());
        assert!(schemas.find(schemas.newest).is_some());
    }
}

#[test]
fn every_topic_holds_the_record_that_says_so() {
    for topic in Topic::ALL {
        assert_eq!(record_of!(topic, Kind => Kind::TOPIC), topic);
    }
}

#[test]
fn the_newest_schema_names_every_control_setting_and_each_number_of_them_is_bounded() {
    let schema: Value =
        serde_json::from_str(include_str!("../../avro/operator.avsc")).expect("JSON");
    let record = serde_json::to_value(ControlSettings::default()).expect("a record");
    let Value::Object(fields) = record else { panic!("a record has fields") };
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    let mut in_schema = fields_of(&schema, "ControlSettings").expect("it is in the schema");
    names.sort_unstable();
    in_schema.sort_unstable();
    assert_eq!(names, in_schema, "schemas/avro/operator.avsc");
    for (name, _) in fields.iter().filter(|(_, value)| value.is_number()) {
        let mut spoilt = fields.clone();
        let beyond = if name.ends_with("_w") || name.ends_with("_ms") { i64::MIN } else { -1 };
        spoilt.insert(name.clone(), json!(beyond));
        let spoilt: ControlSettings =
            serde_json::from_value(Value::Object(spoilt)).expect("a record");
        assert!(spoilt.check().is_err(), "schemas/src/belief/inputs.rs does not bound {name}");
    }
}

/// The names of the fields of a record, wherever in a schema it stands.
fn fields_of<'s>(schema: &'s Value, record: &str) -> Option<Vec<&'s str>> {
    let fields = schema.get("fields").and_then(Value::as_array);
    if let (Some("record"), Some(name), Some(fields)) =
        (schema["type"].as_str(), schema["name"].as_str(), fields)
        && name == record
    {
        return Some(fields.iter().filter_map(|field| field["name"].as_str()).collect());
    }
    let inner: Vec<&Value> = match schema {
        Value::Object(members) => members.values().collect(),
        Value::Array(all) => all.iter().collect(),
        _ => Vec::new(),
    };
    inner.into_iter().find_map(|inner| fields_of(inner, record))
}

#[test]
fn bytes_of_another_kind_are_refused_with_what_they_are() {
    assert!(matches!(Telemetry::decode(b"{}"), Err(DecodeError::Frame { len: 2, .. })));
    let other = telemetry().encode();
    assert!(matches!(Ack::decode(&other), Err(DecodeError::UnknownSchema(_))));
}

#[test]
fn frames_are_split_and_put_together_again() {
    let single = [0xc3, 0x01, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    assert_eq!(Frame::of(&single), Some(Frame::SingleObject { fingerprint: 1, body: &[9] }));
    assert_eq!(Frame::of(&[0, 0, 0, 1, 2, 9]), Some(Frame::Registered { id: 258, body: &[9] }));
    for bytes in [&single[..], &[0, 0, 0, 1, 2, 9], &[0, 0, 0, 0, 0]] {
        assert_eq!(Frame::of(bytes).expect("a frame").to_bytes(), bytes);
    }
    for bytes in [&[][..], &[0, 1, 2, 3], &single[..9], b"{}"] {
        assert_eq!(Frame::of(bytes), None, "{bytes:?}");
    }
}

#[test]
fn every_topic_has_its_released_schemas() {
    for topic in Topic::ALL {
        assert!(!released(topic).is_empty(), "{topic:?}");
    }
    assert_eq!(
        telemetry().encode()[2..10],
        released(Topic::Telemetry)[0].fingerprint.to_le_bytes()
    );
}

/// The fingerprints of every schema that a program has written records with, oldest first. A line is added with a new
/// schema; none ever changes, or what was written with it could not be read any more.
const RELEASED: &[(Topic, &[u64])] = &[
    (Topic::Telemetry, &[0x3d09_ab7a_fbce_dee8]),
    (Topic::Acks, &[0xc94a_f36d_bea3_412f]),
    (
        Topic::Operator,
        &[
            0xa32b_5a8f_e4dd_5e9f,
            0xfda6_1b26_c715_5814,
            0x57af_f573_e4c3_5ed8,
            0x2976_f644_2066_b1f2,
            0xb318_ec92_c4a2_83c4,
            0x1768_c85a_ce05_f75b,
        ],
    ),
    (Topic::Decisions, &[0xd8f5_07d8_a247_aa4c, 0x28e4_9e29_16cb_cb93]),
    (Topic::Snapshots, &[0x93a3_9c3a_d30a_b6c5, 0xe5ce_a928_dfdf_61af]),
    (Topic::DeviceState, &[0x9eec_0a75_1ae9_5904]),
    (Topic::FeederState, &[0xed78_bf85_7c80_abc4, 0xb6c4_b3b7_db5b_e152]),
    (Topic::DeadLetters, &[0xe561_7d21_eb25_d530]),
    (Topic::Sent, &[0x9898_b745_4a89_2864]),
];

#[test]
fn released_schemas_never_change() {
    let now: Vec<(Topic, Vec<u64>)> = Topic::ALL
        .into_iter()
        .map(|topic| (topic, released(topic).iter().map(|schema| schema.fingerprint).collect()))
        .collect();
    let golden: Vec<(Topic, Vec<u64>)> =
        RELEASED.iter().map(|(topic, all)| (*topic, all.to_vec())).collect();
    assert_eq!(now, golden, "as it is now: {now:#018x?}");
}

#[test]
fn a_record_of_a_newer_version_is_told_from_one_that_cannot_be_read() {
    for topic in Topic::ALL {
        let known = version(topic);
        assert_eq!(Newer::check(topic, 3, 7, known), Ok(()));
        assert_eq!(Newer::check(topic, 3, 7, 0), Ok(()), "from before records said so");
        let newer = Newer::check(topic, 3, 7, known + 1).expect_err("it is newer").to_string();
        let place = format!("{}, partition 3, offset 7", topic.suffix());
        for part in [place, format!("version {}", known + 1), format!("up to version {known}")] {
            assert!(newer.contains(&part), "{newer}");
        }
        assert!(newer.contains("start that one again"), "{newer}");
    }
}

/// Bytes as a program wrote them whose newest schema was this one.
fn written_with(schema: &'static str, record: &impl serde::Serialize) -> Vec<u8> {
    let old = Schemas::parse(&[schema]);
    let mut bytes = SINGLE_OBJECT.to_vec();
    bytes.extend_from_slice(&old.newest.to_le_bytes());
    old.writer.write_ser(&mut bytes, record).expect("it fits the schema of its time");
    bytes
}

#[test]
fn a_claim_from_before_logs_had_identities_is_read() {
    let writer = Uuid::from_u128(2);
    let claim = before_identities::Claim { epoch: 1, writer, at: 3, name: "host/1" };
    let record = before_identities::LedgerRecord::Claim(claim);
    let bytes = written_with(include_str!("../../avro/decision_1.avsc"), &record);
    let read = LedgerRecord::decode(&bytes).expect("old bytes stay readable");
    let LedgerRecord::Claim(read) = read else { panic!("{read:?}") };
    assert_eq!((read.epoch, read.writer, read.log), (1, writer, None));
}

/// As a processor wrote it in the demo.
#[test]
fn a_snapshot_from_before_logs_had_identities_is_read() {
    let read = SnapshotPart::decode(include_bytes!("released/snapshot_1.bin"));
    let read = read.expect("old bytes stay readable");
    let tree = read.tree.expect("its first part has the tree");
    assert_eq!((read.root.as_str(), read.log), ("feeder-1", None));
    assert!(!read.devices.is_empty() && tree.nodes.iter().all(|node| node.recent_w.is_empty()));
}

/// Claims as they were written before logs had identities.
mod before_identities {
    #[derive(serde::Serialize)]
    pub(super) struct Claim {
        pub(super) epoch: i64,
        pub(super) writer: uuid::Uuid,
        pub(super) at: i64,
        pub(super) name: &'static str,
    }

    #[derive(serde::Serialize)]
    pub(super) enum LedgerRecord {
        Claim(Claim),
    }
}

/// A change as it was written before its source was.
mod before_sources {
    #[derive(serde::Serialize)]
    pub(super) struct OperatorRecord {
        pub(super) id: uuid::Uuid,
        pub(super) at: i64,
        pub(super) actor: &'static str,
        pub(super) change: super::Change,
    }
}

/// A feeder's state as it was written before it carried alarms.
mod before_alarms {
    #[derive(serde::Serialize)]
    pub(super) struct FeederState {
        pub(super) version: super::DecisionNo,
        pub(super) at: i64,
        pub(super) root: &'static str,
        pub(super) policy: &'static str,
        pub(super) node: super::NodeDecision,
    }
}

/// An event as it was written before events could be randomised.
mod before_randomised_events {
    #[derive(serde::Serialize)]
    pub(super) struct OperatorRecord {
        pub(super) id: uuid::Uuid,
        pub(super) at: i64,
        pub(super) actor: &'static str,
        pub(super) change: Change,
    }

    #[derive(serde::Serialize)]
    #[expect(
        dead_code,
        clippy::enum_variant_names,
        reason = "the variant's place in the union counts"
    )]
    pub(super) enum Change {
        ControlSettings(()),
        FeederChange(()),
        DeviceRegistered(()),
        DeviceChange(()),
        EventCreated(EventCreated),
    }

    #[derive(serde::Serialize)]
    pub(super) struct EventCreated {
        pub(super) event_id: uuid::Uuid,
        pub(super) feeder_id: &'static str,
        pub(super) start: i64,
        pub(super) end: i64,
        pub(super) limit_w: i64,
        pub(super) kind: &'static str,
        pub(super) ramp_s: i32,
    }
}

#[test]
fn records_of_an_older_schema_are_read_with_defaults() {
    let old = Schemas::parse(&[include_str!("../../avro/operator_1.avsc")]);
    let mut bytes = SINGLE_OBJECT.to_vec();
    bytes.extend_from_slice(&old.newest.to_le_bytes());
    let event = before_randomised_events::EventCreated {
        event_id: Uuid::from_u128(7),
        feeder_id: "a",
        start: 10,
        end: 20,
        limit_w: 3_000,
        kind: "dr",
        ramp_s: 60,
    };
    let record = before_randomised_events::OperatorRecord {
        id: Uuid::from_u128(8),
        at: 9,
        actor: "op",
        change: before_randomised_events::Change::EventCreated(event),
    };
    old.writer.write_ser(&mut bytes, &record).expect("it fits the schema of its time");
    let read = OperatorRecord::decode(&bytes).expect("old bytes stay readable");
    let Change::EventCreated(read) = read.change else { panic!("{read:?}") };
    assert_eq!((read.limit_w, read.ramp_s, read.randomize_s), (Watts(3_000), 60, 0));
}

/// Before devices could be retired, before sessions could be ended, before limits could be cleared, and before it was
/// written down where a change came from.
#[test]
fn a_change_of_an_older_release_is_read() {
    for text in [
        include_str!("../../avro/operator_2.avsc"),
        include_str!("../../avro/operator_3.avsc"),
        include_str!("../../avro/operator_4.avsc"),
        include_str!("../../avro/operator_5.avsc"),
    ] {
        let old = Schemas::parse(&[text]);
        let written = before_sources::OperatorRecord {
            id: Uuid::from_u128(8),
            at: 9,
            actor: "op",
            change: Change::ControlSettings(ControlSettings::default()),
        };
        let mut bytes = SINGLE_OBJECT.to_vec();
        bytes.extend_from_slice(&old.newest.to_le_bytes());
        old.writer.write_ser(&mut bytes, &written).expect("it fits the schema of its time");
        let read = OperatorRecord::decode(&bytes).expect("old bytes stay readable");
        assert_eq!((read.id, read.at, read.source), (written.id, Timestamp(9), None));
        assert_eq!(read.change, written.change);
    }
}

#[test]
fn a_feeders_state_of_an_older_release_is_read_without_alarms() {
    let old = Schemas::parse(&[include_str!("../../avro/feeder_state_1.avsc")]);
    let sample = crate::samples::samples(Topic::FeederState).remove(0);
    let node: NodeDecision = serde_json::from_value(sample["node"].clone()).expect("a sample");
    let mut bytes = SINGLE_OBJECT.to_vec();
    bytes.extend_from_slice(&old.newest.to_le_bytes());
    let written = before_alarms::FeederState {
        version: DecisionNo::new(1, 2),
        at: 9,
        root: "a",
        policy: "water-fill",
        node: node.clone(),
    };
    old.writer.write_ser(&mut bytes, &written).expect("it fits the schema of its time");
    let read = FeederState::decode(&bytes).expect("old bytes stay readable");
    assert_eq!((read.node, read.made, read.alarms), (node, None, Vec::new()));
}
