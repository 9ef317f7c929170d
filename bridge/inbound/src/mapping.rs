//! What a message from a device means, and which record of which partition it becomes. Pure: bytes in, data out.

use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::log::{InTree, Outgoing};
use schemas::mqtt::{
    AckMessage, Inbound, RejectReason, Rejection, SocUnit, StatusMessage, TelemetryMessage, Topics,
    decode_ack, decode_status, decode_telemetry_with, receipt_asked,
};
use uuid::Uuid;

use crate::known::Place;

/// What a message from a device was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sample.
    Telemetry,
    /// What a device says of a setpoint.
    Ack,
    /// Whether it is there.
    Status,
    /// Its topic says nothing.
    Unknown,
}

impl Kind {
    /// Its word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Ack => "ack",
            Self::Status => "status",
            Self::Unknown => "unknown",
        }
    }
}

/// A message that keeps the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A sample.
    Sample(Box<TelemetryMessage>),
    /// What a device says of a setpoint.
    Ack(Box<AckMessage>),
    /// Whether it is there.
    Status(StatusMessage),
}

/// A device's message that is in the log, or is there as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose.
    pub device_id: DeviceId,
    /// Its own id.
    pub message_id: Uuid,
    /// Why it was refused.
    pub refused: Option<RejectReason>,
}

/// A message that does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it was.
    pub kind: Kind,
    /// The device of its topic.
    pub device_id: Option<DeviceId>,
    /// Why it is refused.
    pub rejection: Rejection,
}

impl Refused {
    /// The receipt that the device of the topic asks for. There is none for what was only too often: it may be taken
    /// when it is sent again.
    #[must_use]
    pub fn receipt(&self, payload: &[u8]) -> Option<Receipt> {
        let reason = self.rejection.reason;
        if !reason.is_final() {
            return None;
        }
        let device_id = self.device_id.clone()?;
        let message_id = receipt_asked(payload)?;
        Some(Receipt { device_id, message_id, refused: Some(reason) })
    }
}

impl Message {
    /// Whose it is.
    #[must_use]
    pub fn device_id(&self) -> &DeviceId {
        match self {
            Self::Sample(sample) => &sample.envelope.device_id,
            Self::Ack(ack) => &ack.envelope.device_id,
            Self::Status(status) => &status.device_id,
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sample(_) => Kind::Telemetry,
            Self::Ack(_) => Kind::Ack,
            Self::Status(_) => Kind::Status,
        }
    }

    /// The time it speaks of, by the device's clock; a status names none.
    #[must_use]
    pub fn spoken(&self) -> Option<Timestamp> {
        match self {
            Self::Sample(sample) => Some(sample.envelope.timestamp),
            Self::Ack(ack) => Some(ack.envelope.timestamp),
            Self::Status(_) => None,
        }
    }

    /// Fields of it that nobody knows.
    #[must_use]
    pub fn unknown_fields(&self) -> i32 {
        match self {
            Self::Sample(sample) => sample.unknown_fields,
            Self::Ack(ack) => ack.unknown_fields,
            Self::Status(_) => 0,
        }
    }

    /// The receipt that its device asks for.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        let envelope = match self {
            Self::Sample(sample) => &sample.envelope,
            Self::Ack(ack) => &ack.envelope,
            Self::Status(_) => return None,
        };
        envelope.receipt.then(|| Receipt {
            device_id: envelope.device_id.clone(),
            message_id: envelope.message_id,
            refused: None,
        })
    }

    /// It as one that is refused.
    #[must_use]
    pub fn refused(&self, rejection: Rejection) -> Refused {
        Refused { kind: self.kind(), device_id: Some(self.device_id().clone()), rejection }
    }

    /// The record it becomes: keyed by the root of the tree, in the tree's partition.
    #[must_use]
    pub fn into_outgoing(self, place: Place, arrival: Timestamp, partitions: i32) -> Outgoing {
        let Place { feeder_id, root } = place;
        let lane = InTree { root, partitions };
        match self {
            Self::Sample(sample) => Outgoing::of(&sample.into_record(feeder_id, arrival), lane),
            Self::Ack(ack) => Outgoing::of(&ack.into_record(feeder_id, arrival), lane),
            Self::Status(status) => Outgoing::of(&status.into_record(feeder_id, arrival), lane),
        }
    }
}

/// Reads a message.
///
/// # Errors
/// [`Refused`] when it breaks the contract: it belongs to the dead letters.
pub fn read(
    topics: &Topics,
    payload_max: usize,
    topic: &[u8],
    payload: &[u8],
    soc_unit: impl FnOnce(&DeviceId) -> SocUnit,
) -> Result<Message, Refused> {
    let Ok(topic) = std::str::from_utf8(topic) else {
        let rejection =
            Rejection::at(RejectReason::BadTopic, "topic", "bytes that are no UTF-8", "UTF-8");
        return Err(Refused { kind: Kind::Unknown, device_id: None, rejection });
    };
    let refused =
        |kind, rejection| Refused { kind, device_id: topics.device_hint(topic), rejection };
    match topics.parse(topic).map_err(|rejection| refused(Kind::Unknown, rejection))? {
        Inbound::Telemetry(of) => {
            decode_telemetry_with(&of, payload, payload_max, soc_unit(&of.device_id))
                .map(|sample| Message::Sample(Box::new(sample)))
                .map_err(|rejection| refused(Kind::Telemetry, rejection))
        }
        Inbound::Ack(device_id) => decode_ack(&device_id, payload, payload_max)
            .map(|ack| Message::Ack(Box::new(ack)))
            .map_err(|rejection| refused(Kind::Ack, rejection)),
        Inbound::Status(device_id) => decode_status(&device_id, payload)
            .map(Message::Status)
            .map_err(|rejection| refused(Kind::Status, rejection)),
    }
}

#[cfg(test)]
mod mutations;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use schemas::codec::Record;
    use schemas::ids::FeederId;
    use schemas::records::ack::{Ack, AckStatus};
    use schemas::records::telemetry::{Telemetry, TopicLayout};
    use schemas::topics::{Topic, tree_partition};
    use schemas::units::Watts;

    const SAMPLE: &str = r#"{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-000000000001",
        "deviceId":"pv-1","deviceType":"pv","timestampMs":1000,"source":"simulator",
        "payload":{"readings":{"powerKw":2.5},"status":{"online":true},"feederId":"north"}}"#;

    fn read_text(topic: &str, payload: &str) -> Result<Message, Refused> {
        read(&Topics::default(), 1_024, topic.as_bytes(), payload.as_bytes(), |_| SocUnit::Fraction)
    }

    #[track_caller]
    fn check_refused(topic: &str, payload: &str, kind: Kind, reason: RejectReason) {
        let refused = read_text(topic, payload).expect_err("refused");
        assert_eq!((refused.kind, refused.rejection.reason), (kind, reason));
    }

    fn place() -> Place {
        Place {
            feeder_id: FeederId::new("north").unwrap(),
            root: FeederId::new("substation").unwrap(),
        }
    }

    #[test]
    fn a_sample_goes_to_its_trees_partition_in_load_convention() {
        for (topic, layout) in [
            ("der/telemetry/pv-1", TopicLayout::Flat),
            ("der/telemetry/pv/pv-1", TopicLayout::Typed),
        ] {
            let message = read_text(topic, SAMPLE).unwrap();
            let outgoing = message.into_outgoing(place(), Timestamp(2_000), 12);
            assert_eq!(outgoing.topic, Topic::Telemetry);
            assert_eq!(outgoing.key, "substation");
            assert_eq!(outgoing.partition, tree_partition(&place().root, 12));
            let record = Telemetry::decode(&outgoing.value).unwrap();
            assert_eq!(record.power_w, Watts(-2_500), "generation gives power to the feeder");
            assert_eq!(record.feeder_id.as_str(), "north");
            assert_eq!((record.arrival, record.layout), (Timestamp(2_000), layout));
        }
    }

    #[test]
    fn a_status_becomes_an_ack_record() {
        let message = read_text("der/status/pv-1", "offline").unwrap();
        let outgoing = message.into_outgoing(place(), Timestamp(7), 12);
        let record = Ack::decode(&outgoing.value).unwrap();
        assert_eq!((outgoing.topic, record.status), (Topic::Acks, AckStatus::Offline));
        assert_eq!(record.ts, Timestamp(7));
    }

    #[test]
    fn what_breaks_the_contract_is_refused_with_its_reason() {
        use RejectReason as Reason;
        check_refused("der/telemetry/pv-1", "{", Kind::Telemetry, Reason::NotJson);
        check_refused("der/telemetry/pv-2", SAMPLE, Kind::Telemetry, Reason::DeviceMismatch);
        check_refused("der/telemetry/ev/pv-1", SAMPLE, Kind::Telemetry, Reason::DeviceTypeMismatch);
        let newer = SAMPLE.replace("\"v\":1", "\"v\":2");
        check_refused("der/telemetry/pv-1", &newer, Kind::Telemetry, Reason::UnsupportedVersion);
        let large = " ".repeat(1_025);
        check_refused("der/telemetry/pv-1", &large, Kind::Telemetry, Reason::PayloadTooLarge);
        check_refused("der/telemetry", SAMPLE, Kind::Unknown, Reason::BadTopic);
        check_refused("der/status/pv-1", "maybe", Kind::Status, Reason::ContractViolation);
        check_refused("der/ack/pv-1", SAMPLE, Kind::Ack, Reason::ContractViolation);
    }

    #[test]
    fn a_refused_message_names_the_device_of_its_topic() {
        let refused = read_text("der/telemetry/ev-9", "{").expect_err("refused");
        assert_eq!(refused.device_id, DeviceId::new("ev-9").ok());
    }

    #[test]
    fn a_device_gets_the_receipt_it_asks_for_and_no_other() {
        let asking = SAMPLE.replace("\"v\":1", "\"v\":1,\"receipt\":true");
        let of = |text: &str| read_text("der/telemetry/pv-1", text).unwrap().receipt();
        assert_eq!(of(SAMPLE), None);
        let receipt = of(&asking).expect("asked for");
        assert_eq!((receipt.device_id.as_str(), receipt.refused), ("pv-1", None));

        let wrong = asking.replace("\"powerKw\":2.5", "\"powerKw\":\"much\"");
        let refused = read_text("der/telemetry/pv-1", &wrong).expect_err("refused");
        let told = refused.receipt(wrong.as_bytes()).expect("asked for");
        assert_eq!(told.message_id, receipt.message_id);
        assert_eq!(told.refused, Some(RejectReason::ContractViolation));
        // Whoever speaks for another device is told so where it speaks.
        let foreign = read_text("der/telemetry/pv-2", &asking).expect_err("refused");
        let told = foreign.receipt(asking.as_bytes()).expect("asked for");
        assert_eq!(told.device_id.as_str(), "pv-2");
        let too_often = Rejection::new(RejectReason::RateLimited, "too often");
        let refused = Refused { rejection: too_often, ..refused };
        assert_eq!(refused.receipt(wrong.as_bytes()), None, "it may be taken another time");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(topic in prop::collection::vec(any::<u8>(), 0..40), payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let topics = Topics::default();
            drop(read(&topics, 1_024, &topic, &payload, |_| SocUnit::Fraction));
            drop(read(&topics, 1_024, b"der/telemetry/a", &payload, |_| SocUnit::Percent));
        }
    }
}
