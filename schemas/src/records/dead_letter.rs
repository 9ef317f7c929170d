//! `dead-letters.v1`: what was refused, why, and its bytes.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::caps::DEAD_LETTER_RAW_MAX;
use crate::codec::record;
use crate::ids::DeviceId;
use crate::log::Only;
use crate::topics::Topic;
use crate::units::Timestamp;

/// The reason of a record of the log that cannot be read.
pub const UNREADABLE: &str = "unreadable_record";

/// A refused message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was refused.
    pub at: Timestamp,
    /// Where it came from.
    pub source: LetterSource,
    /// The stable reason code: the metric's label, for example `not_json`.
    pub reason: String,
    /// What was wrong and what would be accepted.
    pub detail: String,
    /// The device, where one could be read from the topic.
    pub device_id: Option<DeviceId>,
    /// The raw bytes, cut at [`DEAD_LETTER_RAW_MAX`].
    #[serde(with = "apache_avro::serde::bytes")]
    pub raw: Vec<u8>,
    /// How many bytes the message had.
    pub raw_len: i64,
}

record!(
    DeadLetter, "dead letter" in DeadLetters by Only,
    key |letter, _| letter.source.to_string(),
    schemas ["dead_letter.avsc"]
);

impl DeadLetter {
    /// It with the bytes of what was refused, as many as are kept.
    #[must_use]
    pub fn with_raw(self, bytes: &[u8]) -> Self {
        let raw = bytes[..bytes.len().min(DEAD_LETTER_RAW_MAX)].to_vec();
        Self { raw, raw_len: i64::try_from(bytes.len()).unwrap_or(i64::MAX), ..self }
    }

    /// Whether all bytes were kept.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        i64::try_from(self.raw.len()) == Ok(self.raw_len)
    }
}

/// Where a refused message came from: as a text, the topic itself, or `<log topic>/<partition>/<offset>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum LetterSource {
    /// An MQTT topic, or what was sent as one.
    Mqtt(String),
    /// A record of the log that cannot be read.
    Record {
        /// Its topic.
        topic: Topic,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
}

impl fmt::Display for LetterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mqtt(topic) => f.write_str(topic),
            Self::Record { topic, partition, offset } => {
                write!(f, "{}/{partition}/{offset}", topic.suffix())
            }
        }
    }
}

impl FromStr for LetterSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(place(text).unwrap_or_else(|| Self::Mqtt(text.to_owned())))
    }
}

/// The place in the log that a text names as it is written here, and in no other way.
fn place(text: &str) -> Option<LetterSource> {
    let mut words = text.splitn(3, '/');
    let topic = Topic::from_name(words.next()?, "")?;
    let (partition, offset) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let source = LetterSource::Record { topic, partition, offset };
    (source.to_string() == text).then_some(source)
}

impl From<LetterSource> for String {
    fn from(source: LetterSource) -> Self {
        source.to_string()
    }
}

impl From<String> for LetterSource {
    fn from(text: String) -> Self {
        place(&text).unwrap_or(Self::Mqtt(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Topic, i32, i64)>) {
        let source: LetterSource = text.parse().unwrap();
        let place = match source {
            LetterSource::Record { topic, partition, offset } => Some((topic, partition, offset)),
            LetterSource::Mqtt(_) => None,
        };
        assert_eq!(place, expected, "{text}");
    }

    #[test]
    fn a_source_is_an_mqtt_topic_or_a_place_in_the_log() {
        check("telemetry.v1/3/12", Some((Topic::Telemetry, 3, 12)));
        check("acks.v1/0/0", Some((Topic::Acks, 0, 0)));
        check("decisions.v1/0/4", Some((Topic::Decisions, 0, 4)));
        for text in
            ["der/telemetry/ev-1", "telemetry.v1/03/12", "telemetry.v1/3", "telemetry.v2/3/1"]
        {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn every_text_stays_as_it_is(text in "(telemetry.v1|der|)(/[0-9+-]{0,3}){0,4}") {
            let source: LetterSource = text.parse().unwrap();
            prop_assert_eq!(&source.to_string(), &text);
            let value = serde_json::to_value(&source).unwrap();
            prop_assert_eq!(&value, &serde_json::json!(text));
            prop_assert_eq!(serde_json::from_value::<LetterSource>(value).unwrap(), source);
        }
    }

    #[test]
    fn a_large_message_is_cut_off_and_its_length_noted() {
        let letter = DeadLetter {
            at: Timestamp(5),
            source: LetterSource::Mqtt("der/telemetry/a".to_owned()),
            reason: "payload_too_large".to_owned(),
            detail: String::new(),
            device_id: None,
            raw: Vec::new(),
            raw_len: 0,
        };
        let large = letter.clone().with_raw(&vec![b'x'; 1_000_000]);
        assert_eq!((large.raw.len(), large.raw_len), (DEAD_LETTER_RAW_MAX, 1_000_000));
        assert!(!large.is_whole() && letter.with_raw(b"x").is_whole());
    }
}
