//! What one end builds the other end reads, and no bytes whatever make a reader panic.

use proptest::option;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{MAX_LEN, full};
use crate::ids::{DeviceId, FeederId};
use crate::mqtt::ack::{AckMessage, decode_ack};
use crate::mqtt::envelope::{Envelope, Source};
use crate::mqtt::profile::ProfileMessage;
use crate::mqtt::setpoint::{Mode, Setpoint, decode_setpoint};
use crate::mqtt::status::decode_status;
use crate::mqtt::telemetry::{Readings, TelemetryMessage, decode_telemetry};
use crate::mqtt::topics::{TelemetryTopic, Topics};
use crate::records::ack::AckStatus;
use crate::records::telemetry::{Capabilities, DeviceType, Preferences, TopicLayout};
use crate::units::{Soc, Timestamp, WattHours, Watts};

const W_MAX: i64 = 1_000_000_000_000;

fn watts() -> impl Strategy<Value = Watts> {
    (-W_MAX..=W_MAX).prop_map(Watts)
}

fn magnitude() -> impl Strategy<Value = Option<Watts>> {
    option::of((0..=W_MAX).prop_map(Watts))
}

fn soc() -> impl Strategy<Value = Option<Soc>> {
    option::of((0..=10_000).prop_map(Soc))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..=10_413_791_999_999_i64).prop_map(Timestamp)
}

fn counter() -> impl Strategy<Value = Option<i64>> {
    option::of(0..=i64::MAX)
}

prop_compose! {
    fn envelope()(
        id in any::<u128>(),
        device in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}",
        device_type in prop::sample::select(&[DeviceType::Pv, DeviceType::Battery, DeviceType::Ev, DeviceType::Meter][..]),
        timestamp in moment(),
        sent_at in option::of(moment()),
        correlation_id in option::of("[^\0]{1,256}"),
        source in prop::sample::select(&Source::ALL[..]),
        receipt in any::<bool>(),
    ) -> Envelope {
        Envelope {
            message_id: Uuid::from_u128(id),
            device_id: DeviceId::new(&device).expect("by construction"),
            device_type, timestamp, sent_at, correlation_id, source, receipt,
        }
    }
}

prop_compose! {
    fn capabilities()(
        max_charge_w in magnitude(), max_discharge_w in magnitude(),
        max_export_w in magnitude(), max_import_w in magnitude(),
        min_power_w in magnitude(), ramp_w_per_s in magnitude(),
        energy_wh in magnitude(), fallback_w in option::of(watts()),
    ) -> Capabilities {
        Capabilities {
            max_charge_w, max_discharge_w, max_export_w, max_import_w, min_power_w, ramp_w_per_s,
            energy_wh: energy_wh.map(|w| WattHours(w.0)), fallback_w,
        }
    }
}

prop_compose! {
    fn readings()(
        power_w in watts(), energy in magnitude(), soc in soc(), voltage in magnitude(),
        current in option::of(watts()),
    ) -> Readings {
        Readings {
            power_w, soc,
            energy_wh: energy.map(|w| WattHours(w.0)),
            voltage_mv: voltage.map(|w| w.0),
            current_ma: current.map(|w| w.0),
        }
    }
}

prop_compose! {
    fn telemetry()(
        envelope in envelope(),
        typed in any::<bool>(),
        readings in readings(),
        online in any::<bool>(),
        fault_code in option::of("[^\0]{0,256}"),
        capabilities in capabilities(),
        preferences in (option::of(1..=10), soc(), option::of(moment())),
        site_id in option::of("[^\0]{1,256}"),
        feeder in option::of("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}"),
    ) -> TelemetryMessage {
        let (priority, target_soc, departure) = preferences;
        TelemetryMessage {
            envelope,
            layout: if typed { TopicLayout::Typed } else { TopicLayout::Flat },
            readings, online, fault_code, capabilities, site_id,
            preferences: Preferences { priority, target_soc, departure },
            feeder_id: feeder.map(|id| FeederId::new(&id).expect("by construction")),
            unknown_fields: 0,
        }
    }
}

prop_compose! {
    fn setpoint()(
        envelope in envelope(),
        target_w in watts(),
        mode in prop::sample::select(&Mode::ALL[..]),
        valid_until in moment(),
        ttl_ms in counter(), epoch in counter(), seq in counter(),
        fallback_w in option::of(watts()),
        ramp_w_per_s in magnitude(),
        allocator in "[^\0]{1,256}",
        notes in option::of("[^\0]{1,256}"),
        log in option::of(any::<u128>().prop_map(Uuid::from_u128)),
    ) -> Setpoint {
        Setpoint { envelope, target_w, mode, valid_until, ttl_ms, fallback_w, log, epoch, seq, ramp_w_per_s, allocator, notes }
    }
}

proptest! {
    #[test]
    fn what_a_device_builds_is_what_the_bridge_reads(message in telemetry()) {
        let topics = Topics::default();
        let (id, device_type) = (&message.envelope.device_id, message.envelope.device_type);
        let topic = match message.layout {
            TopicLayout::Flat => topics.telemetry(id),
            TopicLayout::Typed => topics.telemetry_typed(device_type, id),
        };
        let topic = topics.parse_telemetry(&topic).expect("our own topic");
        let read = decode_telemetry(&topic, &message.encode(), MAX_LEN);
        prop_assert_eq!(read, Ok(message));
    }

    #[test]
    fn what_the_bridge_builds_is_what_a_device_reads(setpoint in setpoint()) {
        let read = decode_setpoint(&setpoint.envelope.device_id, &setpoint.encode(), MAX_LEN);
        prop_assert_eq!(read, Ok(setpoint));
    }

    #[test]
    fn acks_come_back_as_they_were_built(
        envelope in envelope(),
        id in any::<u128>(),
        status in prop::sample::select(&[
            AckStatus::Accepted, AckStatus::Applied, AckStatus::Rejected, AckStatus::Expired, AckStatus::Superseded,
        ][..]),
        applied_w in option::of(watts()),
        reason in option::of("[^\0]{0,256}"),
    ) {
        let ack = AckMessage { envelope, setpoint_id: Uuid::from_u128(id), status, applied_w, reason, unknown_fields: 0 };
        let read = decode_ack(&ack.envelope.device_id, &ack.encode(), MAX_LEN);
        prop_assert_eq!(read, Ok(ack));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(topic in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        read_all(&topic, &bytes);
    }

    #[test]
    fn no_damage_to_a_valid_message_makes_a_reader_panic(
        at in any::<prop::sample::Index>(),
        by in prop::collection::vec(any::<u8>(), 0..4),
        cut in 0_usize..4,
    ) {
        let mut bytes = full().to_string().into_bytes();
        let start = at.index(bytes.len());
        let end = (start + cut).min(bytes.len());
        bytes.splice(start..end, by);
        read_all("der/telemetry/ev-001", &bytes);
    }

    #[test]
    fn no_json_in_any_field_makes_a_reader_panic(field in 0_usize..24, junk in junk()) {
        let mut message = full();
        if let Some(slot) = nth_leaf(&mut message, &mut { field }) {
            *slot = junk;
        }
        read_all("der/telemetry/ev-001", message.to_string().as_bytes());
    }
}

/// Any small JSON value.
fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        Just(Value::Array(vec![])),
    ]
}

fn nth_leaf<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if let Value::Object(map) = value {
        return map.values_mut().find_map(|inner| nth_leaf(inner, left));
    }
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    None
}

/// Feeds bytes to every reader; results do not matter here.
fn read_all(topic: &str, bytes: &[u8]) {
    let topics = Topics::default();
    drop(topics.parse(topic));
    drop(topics.parse_control(topic));
    let id = DeviceId::new("ev-001").expect("valid");
    let flat =
        TelemetryTopic { device_id: id.clone(), layout: TopicLayout::Flat, device_type: None };
    drop(decode_telemetry(&flat, bytes, MAX_LEN));
    drop(decode_setpoint(&id, bytes, MAX_LEN));
    drop(decode_ack(&id, bytes, MAX_LEN));
    drop(decode_status(&id, bytes));
    drop(ProfileMessage::decode(bytes));
}
