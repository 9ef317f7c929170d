//! Owns what a client of a certain revision finds in Native, ClickHouse's format of blocks: the engine writes it for
//! readers of no revision, and this puts in what ClickHouse's server adds for a client that names one. It must not know
//! HTTP or the engine.

mod layout;

use std::ops::RangeInclusive;

use crate::error::{DbError, code};
use layout::{Layout, Unknown};

/// Below, dictionaries are taken out of types and answers; above, texts lie otherwise.
const KNOWN: RangeInclusive<u64> = 54_405..=54_491;
/// From here on each column says whether its values lie in another way than its type's.
const WITH_A_WORD_PER_COLUMN: u64 = 54_454;
/// From here on a block says which buckets came late.
const WITH_LATE_BUCKETS: u64 = 54_480;
/// A block's own words, which only matter between servers: not of overflows, of no bucket, none late.
const INFO: &[u8] = &[1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];
const INFO_WITH_LATE_BUCKETS: &[u8] = &[1, 0, 2, 0xff, 0xff, 0xff, 0xff, 3, 0, 0];
/// The values of a column lie as its type says.
const AS_ITS_TYPE: u8 = 0;

/// The revision of ClickHouse's protocol that a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revision(u64);

impl Revision {
    /// What a client says; `None` for a client that says nothing, or 0.
    pub(crate) fn named(text: &str) -> Result<Option<Self>, DbError> {
        match text.trim().parse() {
            Ok(0) => Ok(None),
            Ok(revision) => Ok(Some(Self(revision))),
            Err(_) => Err(DbError::new(
                code::BAD_ARGUMENTS,
                "BAD_ARGUMENTS",
                &format!("client_protocol_version is a number, not '{text}'"),
            )),
        }
    }

    /// Whether blocks can be written for it.
    pub(crate) fn check(self) -> Result<(), DbError> {
        if KNOWN.contains(&self.0) {
            return Ok(());
        }
        Err(not_written(&format!(
            "Native is written here for a client_protocol_version of 0 or {} to {}, not of {}",
            KNOWN.start(),
            KNOWN.end(),
            self.0
        )))
    }

    fn info(self) -> &'static [u8] {
        if self.0 >= WITH_LATE_BUCKETS { INFO_WITH_LATE_BUCKETS } else { INFO }
    }

    /// Blocks as a client of this revision reads them, of the engine's. A chunk of a streamed answer is `one` block: then
    /// where it ends need not be found out.
    pub(crate) fn write(self, blocks: &[u8], one: bool) -> Result<Vec<u8>, DbError> {
        let mut out = Vec::with_capacity(blocks.len() + 64);
        if one && self.0 < WITH_A_WORD_PER_COLUMN && !blocks.is_empty() {
            out.extend_from_slice(self.info());
            out.extend_from_slice(blocks);
            return Ok(out);
        }
        let mut reader = Reader { bytes: blocks, at: 0 };
        while reader.at < blocks.len() {
            self.write_block(&mut reader, &mut out)?;
        }
        Ok(out)
    }

    fn write_block(self, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), DbError> {
        let start = reader.at;
        let broken = |_| not_written("the engine's block of Native breaks off");
        let (columns, rows) = (reader.size().map_err(broken)?, reader.size().map_err(broken)?);
        out.extend_from_slice(self.info());
        out.extend_from_slice(&reader.bytes[start..reader.at]);
        for _ in 0..columns {
            let start = reader.at;
            let name = reader.text().map_err(broken)?;
            let of = reader.text().map_err(broken)?;
            out.extend_from_slice(&reader.bytes[start..reader.at]);
            if self.0 >= WITH_A_WORD_PER_COLUMN {
                out.push(AS_ITS_TYPE);
            }
            let start = reader.at;
            self.pass_column(reader, of, rows)
                .map_err(|unknown| self.refused(name, of, unknown))?;
            out.extend_from_slice(&reader.bytes[start..reader.at]);
        }
        Ok(())
    }

    fn pass_column(self, reader: &mut Reader<'_>, of: &[u8], rows: usize) -> Result<(), Unknown> {
        let of = std::str::from_utf8(of).map_err(|_| Unknown::Layout)?;
        let layout = Layout::of(of)?;
        // A block without rows has no values, and nothing that precedes them.
        if rows == 0 {
            return Ok(());
        }
        layout.pass_prefix(reader)?;
        layout.pass(reader, rows)
    }

    fn refused(self, column: &[u8], of: &[u8], unknown: Unknown) -> DbError {
        let [column, of] = [column, of].map(String::from_utf8_lossy);
        not_written(&match unknown {
            Unknown::Short => format!("the engine's column {column} of type {of} breaks off"),
            Unknown::Layout => format!(
                "column {column} of type {of} cannot be written in Native for client_protocol_version {}: \
                 read it by finalizeAggregation() or toString(), with the setting \
                 output_format_native_write_json_as_string, or in another format",
                self.0
            ),
        })
    }
}

fn not_written(text: &str) -> DbError {
    DbError::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", text)
}

/// Reads on in a block.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: Option<usize>) -> Result<&'a [u8], Unknown> {
        let end = len.and_then(|len| self.at.checked_add(len)).ok_or(Unknown::Short)?;
        let taken = self.bytes.get(self.at..end).ok_or(Unknown::Short)?;
        self.at = end;
        Ok(taken)
    }

    /// A number of so many bytes, eight at most.
    fn number(&mut self, len: usize) -> Result<u64, Unknown> {
        let taken = self.take(Some(len))?;
        Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of as many bytes as it needs.
    fn size(&mut self) -> Result<usize, Unknown> {
        crate::chunks::varint(self.bytes, &mut self.at).ok_or(Unknown::Short)
    }

    fn text(&mut self) -> Result<&'a [u8], Unknown> {
        let len = self.size()?;
        self.take(Some(len))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types() -> impl Strategy<Value = Vec<u8>> {
        let name = "(Array\\(|Tuple\\(|LowCardinality\\(|Variant\\(|Nullable\\(|Map\\(String, ){0,3}(String|UInt64|JSON|FixedString\\(0\\))\\){0,3}";
        (name, prop::collection::vec(any::<u8>(), 0..40), 0_u8..4).prop_map(
            |(name, values, rows)| {
                [&[1, rows, 1, b'v', name.len() as u8], name.as_bytes(), &values].concat()
            },
        )
    }

    proptest! {
        /// Whatever stands for a block, it is written with all its bytes, or refused.
        #[test]
        fn any_bytes_are_written_or_refused(
            bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), types()],
            revision in 54_405_u64..54_491,
        ) {
            if let Ok(written) = Revision(revision).write(&bytes, false) {
                prop_assert!(written.len() >= bytes.len());
            }
        }
    }
}
