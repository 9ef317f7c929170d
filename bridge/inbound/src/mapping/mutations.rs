//! Messages that are nearly right: whatever is done to one, it is either a record or a dead letter with a reason that
//! docs/contract.md lists and a detail that a person can act on.

use proptest::prelude::*;
use schemas::codec::Record;
use schemas::ids::FeederId;
use schemas::mqtt::SocUnit;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use serde_json::{Value, json};

use super::*;

const CONTRACT: &str = include_str!("../../../../docs/contract.md");

fn sample() -> Value {
    json!({
        "v": 1, "messageType": "telemetry", "messageId": "0193a5f0-0000-7000-8000-000000000001",
        "deviceId": "ev-1", "deviceType": "ev", "timestampMs": 1_764_000_000_000_i64,
        "sentAtMs": 1_764_000_000_000_i64, "correlationId": "c", "source": "pi-agent", "receipt": true,
        "payload": {
            "readings": {"powerKw": 2.5, "energyKwh": 1, "soc": 0.5, "voltageV": 230, "currentA": 1},
            "status": {"online": true, "faultCode": ""},
            "capabilities": {"maxChargeKw": 11, "minPowerKw": 1.4, "fallbackKw": 0, "energyKwh": 60},
            "preferences": {"priority": 3, "targetSoc": 0.8, "departureMs": 1_764_000_100_000_i64},
            "siteId": "s", "feederId": "north"
        }
    })
}

/// Every place in the sample.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let mut all = vec![at.to_owned()];
    for (key, child) in value.as_object().into_iter().flatten() {
        all.extend(pointers(child, &format!("{at}/{key}")));
    }
    all
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(vec![
            json!(-1),
            json!(0),
            json!(57),
            json!(1.5),
            json!(1e10),
            json!(-3.402_823_466_385_288_6e38),
            json!(1_764_000_000),
            json!(1_764_000_000_000_000_i64),
            json!("."),
            json!(".."),
            json!("x".repeat(300)),
            json!("NaN"),
            json!("EV"),
            json!([7.2, 0, 0]),
            json!({}),
        ]),
        "\\PC{0,70}".prop_map(Value::from),
        prop::collection::vec(any::<char>(), 0..20)
            .prop_map(|all| Value::from(all.into_iter().collect::<String>())),
    ]
}

/// One thing done to the JSON: a value exchanged, a field taken away, a field added.
fn mutation() -> impl Strategy<Value = (usize, u8, Value)> {
    (any::<prop::sample::Index>(), 0_u8..3, odd()).prop_map(|(place, kind, value)| {
        let places = pointers(&sample(), "");
        (place.index(places.len()), kind, value)
    })
}

fn mutate(message: &mut Value, (place, kind, value): (usize, u8, Value)) {
    let pointer = &pointers(&sample(), "")[place];
    let Some((above, name)) = pointer.rsplit_once('/') else {
        if kind == 0 {
            *message = value;
        }
        return;
    };
    let Some(parent) = message.pointer_mut(above).and_then(Value::as_object_mut) else { return };
    match kind {
        0 => drop(parent.insert(name.to_owned(), value)),
        1 => drop(parent.remove(name)),
        _ => drop(parent.insert(format!("{name}x"), value)),
    }
}

/// Bytes put in, taken out or doubled.
fn garble(mut text: Vec<u8>, edits: Vec<(prop::sample::Index, u8, u8)>) -> Vec<u8> {
    for (place, kind, byte) in edits {
        if text.is_empty() {
            break;
        }
        let at = place.index(text.len());
        match kind {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            2 => drop(text.remove(at)),
            3 => text.truncate(at),
            _ => {
                let again = text[at..].to_vec();
                text.extend(again);
            }
        }
    }
    text
}

fn check(topic: &str, payload: &[u8]) -> Result<(), TestCaseError> {
    for unit in [SocUnit::Fraction, SocUnit::Percent, SocUnit::PerhapsPercent] {
        let read = read(&Topics::default(), 4_096, topic.as_bytes(), payload, |_| unit);
        let rejection = match read {
            Ok(message) => {
                let now = Timestamp(1_764_000_000_000);
                let refused = crate::times::check(&message, now).err();
                let feeder_id = FeederId::new("north").expect("an id");
                let place = Place { feeder_id: feeder_id.clone(), root: feeder_id };
                let outgoing = message.into_outgoing(place, now, 12);
                if outgoing.topic == Topic::Telemetry {
                    let record = Telemetry::decode(&outgoing.value);
                    let soc = record.expect("what is taken can be read back").soc;
                    prop_assert!(soc.is_none_or(|soc| (0..=10_000).contains(&soc.0)));
                }
                let Some(rejection) = refused else { continue };
                rejection
            }
            Err(refused) => refused.rejection,
        };
        let listed = format!("| `{}` |", rejection.reason);
        prop_assert!(CONTRACT.contains(&listed), "{listed} is not in docs/contract.md");
        let detail = &rejection.detail;
        prop_assert!(detail.contains(": found ") && detail.contains(", accepted: "), "{detail}");
        prop_assert!(detail.chars().count() <= 1_000, "{detail}");
        prop_assert!(!detail.chars().any(char::is_control), "{detail:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_mutated_message_is_a_record_or_a_dead_letter_that_says_why(
        mutations in prop::collection::vec(mutation(), 0..4),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, any::<u8>()), 0..3),
        typed in any::<bool>(),
    ) {
        let mut message = sample();
        for one in mutations {
            mutate(&mut message, one);
        }
        let topic = if typed { "der/telemetry/ev/ev-1" } else { "der/telemetry/ev-1" };
        check(topic, &garble(message.to_string().into_bytes(), edits))?;
    }

    #[test]
    fn a_mutated_topic_is_read_or_refused_with_what_is_accepted(
        levels in prop::collection::vec("[a-z.%$#+ü \\t-]{0,70}", 1..5),
        front in prop::sample::select(vec!["der/telemetry/", "der/ack/", "der/status/", "der/", "/", "$SYS/"]),
        payload in prop::sample::select(vec![&b""[..], b"online", b"{}", b"\xff"]),
    ) {
        check(&format!("{front}{}", levels.join("/")), payload)?;
    }
}

#[test]
fn every_reason_stands_in_the_contract_and_every_one_there_is_a_reason() {
    for reason in RejectReason::ALL {
        assert!(CONTRACT.contains(&format!("| `{reason}` |")), "{reason}");
    }
}
