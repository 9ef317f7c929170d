//! The bytes of every log record: Avro, each value framed so that a reader knows its schema.
//!
//! Values are written in Avro's single-object encoding (`C3 01`, the schema's CRC-64-AVRO fingerprint, the body). Where
//! a schema registry is configured, the log's client exchanges that frame for the Confluent wire format and back. A
//! released schema stays in the record's list for ever, so that old values stay readable: fields that they lack take
//! their serde defaults.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::belief::{Believable, Unbelievable};
use crate::log::Lane;
use crate::records::record_of;
use crate::topics::Topic;

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const REGISTERED: u8 = 0;

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It says its schema by a registry's number, which only the registry knows.
    #[error(
        "framed by a schema registry, schema {0}: set DERMS_SCHEMA_REGISTRY_URL as its writer has it"
    )]
    Registered(u32),
    /// No frame fits.
    #[error("neither the single-object nor the Confluent frame: {len} bytes starting {start:02x?}")]
    Frame {
        /// How many bytes there were.
        len: usize,
        /// The first of them.
        start: Vec<u8>,
    },
    /// The schema is none of the released ones.
    #[error("unknown schema fingerprint {0:016x}: written by a newer version?")]
    UnknownSchema(u64),
    /// The body does not fit its schema.
    #[error("the body does not fit the schema: {0}")]
    Body(String),
    /// It says what no writer of ours says.
    #[error("it cannot be believed: {0}")]
    Unbelievable(#[from] Unbelievable),
}

/// The schemas of one record: every released one, the newest last.
pub struct Schemas {
    known: Vec<(u64, GenericDatumReader<'static>)>,
    released: Vec<Released>,
    newest: u64,
    writer: GenericDatumWriter<'static>,
}

impl Schemas {
    /// Parses the committed texts once per record type; the schemas live as long as the process.
    pub(crate) fn parse(texts: &[&'static str]) -> Self {
        let schemas: &'static [Schema] = texts
            .iter()
            .map(|text| {
                Schema::parse_str(text).expect("committed schemas parse: see the codec tests")
            })
            .collect::<Vec<_>>()
            .leak();
        let known = schemas.iter().map(|schema| (fingerprint(schema), reader(schema))).collect();
        let released = schemas
            .iter()
            .zip(texts)
            .map(|(schema, text)| Released { fingerprint: fingerprint(schema), text })
            .collect();
        let newest = schemas.last().expect("every record has a schema");
        let writer = GenericDatumWriter::builder(newest)
            .human_readable(true)
            .build()
            .expect("a committed schema names only its own types");
        Self { known, released, newest: fingerprint(newest), writer }
    }

    fn find(&self, fingerprint: u64) -> Option<&GenericDatumReader<'static>> {
        self.known.iter().find(|(known, _)| *known == fingerprint).map(|(_, reader)| reader)
    }
}

fn fingerprint(schema: &Schema) -> u64 {
    let bytes = schema.fingerprint::<Rabin>().bytes;
    u64::from_le_bytes(bytes.try_into().expect("CRC-64-AVRO has 8 bytes"))
}

fn reader(schema: &'static Schema) -> GenericDatumReader<'static> {
    GenericDatumReader::builder(schema)
        .human_readable(true)
        .build()
        .expect("a committed schema names only its own types")
}

/// A value of a log topic: the one place that says where it goes, under which key, and how its bytes are made.
/// [`crate::log::Outgoing::of`] makes of it what is appended.
pub trait Record: Serialize + DeserializeOwned + Believable {
    /// Its name, for messages.
    const NAME: &'static str;
    /// Its topic.
    const TOPIC: Topic;
    /// What says its partition.
    type Lane: Lane;

    /// Its key in that partition.
    fn key(&self, lane: &Self::Lane) -> String;

    /// Its schemas.
    fn schemas() -> &'static Schemas;

    /// The record's bytes: the same for the same record, on any machine.
    fn encode(&self) -> Vec<u8> {
        let schemas = Self::schemas();
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&SINGLE_OBJECT);
        bytes.extend_from_slice(&schemas.newest.to_le_bytes());
        schemas
            .writer
            .write_ser(&mut bytes, self)
            .expect("a record fits its own schema: see the codec tests");
        bytes
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame, the schema or the body is not one of this record's, or what it says cannot be.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (reader, mut body) = split_frame(Self::schemas(), bytes)?;
        let record: Self =
            reader.read_deser(&mut body).map_err(|error| DecodeError::Body(error.to_string()))?;
        record.check()?;
        Ok(record)
    }
}

fn split_frame<'s, 'b>(
    schemas: &'s Schemas,
    bytes: &'b [u8],
) -> Result<(&'s GenericDatumReader<'static>, &'b [u8]), DecodeError> {
    match Frame::of(bytes) {
        Some(Frame::SingleObject { fingerprint, body }) => {
            let reader =
                schemas.find(fingerprint).ok_or(DecodeError::UnknownSchema(fingerprint))?;
            Ok((reader, body))
        }
        Some(Frame::Registered { id, .. }) => Err(DecodeError::Registered(id)),
        None => {
            let start = bytes.iter().take(4).copied().collect();
            Err(DecodeError::Frame { len: bytes.len(), start })
        }
    }
}

/// How a value says its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'b> {
    /// Avro's single-object encoding.
    SingleObject {
        /// CRC-64-AVRO of the schema.
        fingerprint: u64,
        /// The Avro body.
        body: &'b [u8],
    },
    /// The Confluent wire format.
    Registered {
        /// The registry's number of the schema.
        id: u32,
        /// The Avro body.
        body: &'b [u8],
    },
}

impl<'b> Frame<'b> {
    /// Splits a value; none where it has neither frame.
    #[must_use]
    pub fn of(bytes: &'b [u8]) -> Option<Self> {
        if let Some((fingerprint, body)) =
            bytes.strip_prefix(&SINGLE_OBJECT).and_then(<[u8]>::split_first_chunk)
        {
            return Some(Self::SingleObject {
                fingerprint: u64::from_le_bytes(*fingerprint),
                body,
            });
        }
        let (id, body) = bytes.strip_prefix(&[REGISTERED])?.split_first_chunk()?;
        Some(Self::Registered { id: u32::from_be_bytes(*id), body })
    }

    /// The value's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::SingleObject { fingerprint, body } => {
                [&SINGLE_OBJECT[..], &fingerprint.to_le_bytes(), body].concat()
            }
            Self::Registered { id, body } => [&[REGISTERED], &id.to_be_bytes()[..], body].concat(),
        }
    }
}

/// A schema that values of a topic have been written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Its CRC-64-AVRO.
    pub fingerprint: u64,
    /// Its text.
    pub text: &'static str,
}

/// Every released schema of a topic, oldest first.
#[must_use]
pub fn released(topic: Topic) -> &'static [Released] {
    record_of!(topic, Kind => &Kind::schemas().released)
}

/// The version of a topic's records that this program writes, and the newest that it reads: one more with each released
/// schema.
#[must_use]
pub fn version(topic: Topic) -> u32 {
    u32::try_from(released(topic).len()).unwrap_or(u32::MAX)
}

/// A record of a newer version than this program knows. To pass over it would be to act on half of what the log says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{}, partition {partition}, offset {offset}: this record is of version {found}, and this program knows up to \
     version {known}. A newer program has worked on this log: start that one again, or put back a copy of the \
     log from before it. Where no newer program ever ran, the record lies: DERMS_PASS_OVER_NEWER=true passes over it",
    topic.suffix()
)]
pub struct Newer {
    /// The record's topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its version.
    pub found: u32,
    /// The newest that is known.
    pub known: u32,
}

impl Newer {
    /// Looks at the version that a record says it is of.
    ///
    /// # Errors
    /// When it is newer than any that is known.
    pub fn check(topic: Topic, partition: i32, offset: i64, found: u32) -> Result<(), Self> {
        let known = version(topic);
        if found <= known {
            return Ok(());
        }
        Err(Self { topic, partition, offset, found, known })
    }
}

/// What a record's file says of it: name, topic, what places it there, key, and its released schemas, the newest last.
macro_rules! record {
    (
        $type:ty, $name:literal in $topic:ident by $lane:ty,
        key |$record:pat_param, $lane_of:pat_param| $key:expr,
        schemas [$($file:literal),+ $(,)?]
    ) => {
        impl $crate::codec::Record for $type {
            const NAME: &'static str = $name;
            const TOPIC: $crate::topics::Topic = $crate::topics::Topic::$topic;
            type Lane = $lane;

            fn key(&self, $lane_of: &$lane) -> String {
                let $record = self;
                $key
            }

            fn schemas() -> &'static $crate::codec::Schemas {
                static SCHEMAS: std::sync::LazyLock<$crate::codec::Schemas> =
                    std::sync::LazyLock::new(|| {
                        $crate::codec::Schemas::parse(&[$(include_str!(concat!(
                            env!("CARGO_MANIFEST_DIR"),
                            "/avro/",
                            $file
                        ))),+])
                    });
                &SCHEMAS
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests;
