//! Every door that an id comes in by takes the same ids: those that a topic, a URL and a folder can carry as one name.

use std::path::{Component, Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{decode_on, full, with};
use crate::codec::Record;
use crate::ids::{DeviceId, FeederId, ID_RULE};
use crate::mqtt::topics::Topics;
use crate::records::operator::{Change, FeederCleared, OperatorRecord};
use crate::units::Timestamp;

/// The rule, said anew.
fn is_id(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii() && (c.is_alphanumeric() || "._-".contains(c)));
    (1..=64).contains(&text.len()) && plain && ![".", ".."].contains(&text)
}

/// Texts near the rule's edges.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\.{0,4}",
        "[A-Za-z0-9._-]{1,8}",
        "[A-Za-z0-9._-]{60,68}",
        "[a./ #+%ä\\u{0}-]{1,6}",
    ]
}

/// An operator's record as another program may have written it: with any text of two bytes as the feeder's id.
fn record_with(feeder_id: &str) -> Vec<u8> {
    let record = OperatorRecord {
        id: Uuid::from_u128(1),
        at: Timestamp(1),
        source: None,
        actor: "op".to_owned(),
        change: Change::FeederCleared(FeederCleared {
            feeder_id: FeederId::new("Zq").expect("an id"),
            fields: Vec::new(),
        }),
    };
    let mut bytes = record.encode();
    let at = bytes.windows(2).rposition(|pair| pair == b"Zq").expect("the id is in the record");
    bytes[at..at + 2].copy_from_slice(feeder_id.as_bytes());
    bytes
}

proptest! {
    #[test]
    fn every_door_takes_the_same_ids(text in texts()) {
        let good = is_id(&text);
        let message = |pointer: &str| with(pointer, Some(Value::from(text.as_str())));
        let telemetry = format!("der/telemetry/{text}");
        let topics = Topics::default();
        let doors = [
            ("text", DeviceId::new(&text).is_ok()),
            ("feeder", text.parse::<FeederId>().is_ok()),
            ("JSON", serde_json::from_value::<FeederId>(json!(text)).is_ok()),
            ("telemetry topic", decode_on(&telemetry, &message("/deviceId")).is_ok()),
            ("ack topic", topics.parse(&format!("der/ack/{text}")).is_ok()),
            ("status topic", topics.parse(&format!("der/status/{text}")).is_ok()),
            ("control topic", topics.parse_control(&format!("der/control/{text}")).is_ok()),
            ("feederId", decode_on("der/telemetry/ev-001", &message("/payload/feederId")).is_ok()),
        ];
        for (door, taken) in doors {
            prop_assert_eq!(taken, good, "{}: {:?}", door, &text);
        }
        if text.len() == 2 {
            prop_assert_eq!(OperatorRecord::decode(&record_with(&text)).is_ok(), good, "log: {:?}", &text);
        }
    }

    #[test]
    fn an_id_is_one_name_wherever_it_goes(text in texts()) {
        let Ok(id) = DeviceId::new(&text) else { return Ok(()) };
        // As a folder it is one step down, and it is whole.
        let steps: Vec<Component<'_>> = Path::new(id.as_str()).components().collect();
        prop_assert_eq!(steps, vec![Component::Normal(text.as_ref())]);
        let topics = Topics::default();
        prop_assert_eq!(topics.parse_control(&topics.control(&id)), Ok(id));
    }
}

#[test]
fn what_is_no_id_is_refused_with_the_rule() {
    for bad in [".", ".."] {
        let topic = decode_on(&format!("der/telemetry/{bad}"), &full()).expect_err("no id");
        let feeder = with("/payload/feederId", Some(Value::from(bad)));
        let feeder = decode_on("der/telemetry/ev-001", &feeder).expect_err("no id");
        let text = DeviceId::new(bad).expect_err("no id").to_string();
        for said in [topic.detail, feeder.detail, text] {
            assert!(
                said.contains(ID_RULE) && said.contains(&format!("{bad:?}")) || said.contains(bad),
                "{said}"
            );
        }
    }
}
