//! Owns how the chunks of a streamed answer become one document. The engine formats each chunk as a document
//! of its own: fine for formats of bare rows, while headers must be taken off all chunks but the first, and
//! formats with a frame around the rows cannot be streamed. It must not know connections or HTTP.

use bytes::Bytes;

use crate::error::DbError;
use crate::native::Revision;

/// How a format's chunks are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Rows only: chunks follow one another.
    Rows,
    /// Names (and types) in RowBinary, then rows; the number says how many lists.
    BinaryHeader(usize),
    /// So many lines of names and types, then rows.
    Lines(usize),
    /// Blocks, each as a client of this revision reads it.
    Blocks(Revision),
}

/// How to join a format's chunks for a client of a revision; `None` when its answers must be made whole.
pub(crate) fn joining(format: &str, revision: Option<Revision>) -> Option<Joining> {
    let text = ["TabSeparatedRaw", "TabSeparated", "TSVRaw", "TSV", "CSV", "JSONCompactEachRow"];
    if let Some(rest) = text.iter().find_map(|name| format.strip_prefix(name)) {
        return match rest {
            "" => Some(Joining::Rows),
            "WithNames" => Some(Joining::Lines(1)),
            "WithNamesAndTypes" => Some(Joining::Lines(2)),
            _ => None,
        };
    }
    match format {
        "Native" => Some(revision.map_or(Joining::Rows, Joining::Blocks)),
        "RowBinary" | "JSONEachRow" | "JSONLines" | "NDJSON" | "LineAsString" => {
            Some(Joining::Rows)
        }
        "RowBinaryWithNames" => Some(Joining::BinaryHeader(1)),
        "RowBinaryWithNamesAndTypes" => Some(Joining::BinaryHeader(2)),
        _ => None,
    }
}

/// Takes repeated headers off.
pub(crate) struct Joiner {
    joining: Joining,
    header: Option<Bytes>,
}

impl Joiner {
    pub(crate) fn new(joining: Joining) -> Self {
        Self { joining, header: None }
    }

    /// What of a chunk belongs into the document.
    pub(crate) fn take(&mut self, chunk: Vec<u8>) -> Result<Bytes, DbError> {
        if let Joining::Blocks(revision) = self.joining {
            return revision.write(&chunk, true).map(Bytes::from);
        }
        let chunk = Bytes::from(chunk);
        match &self.header {
            Some(header) if chunk.starts_with(header) => Ok(chunk.slice(header.len()..)),
            Some(_) => Ok(chunk),
            None => {
                let len = header_len(self.joining, &chunk).unwrap_or(0);
                self.header = Some(chunk.slice(..len));
                Ok(chunk)
            }
        }
    }
}

fn header_len(joining: Joining, chunk: &[u8]) -> Option<usize> {
    match joining {
        Joining::Rows | Joining::Blocks(_) => Some(0),
        Joining::Lines(count) => {
            let mut ends = chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            ends.nth(count - 1).map(|(at, _)| at + 1)
        }
        Joining::BinaryHeader(lists) => {
            let mut at = 0;
            let columns = varint(chunk, &mut at)?;
            for _ in 0..columns * lists {
                let len = varint(chunk, &mut at)?;
                at = at.checked_add(len).filter(|end| *end <= chunk.len())?;
            }
            Some(at)
        }
    }
}

/// A number of as many bytes as it needs, and where it ends.
pub(crate) fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn joins(format: &str, chunks: &[&[u8]], expected: &[u8]) {
        let mut joiner = Joiner::new(joining(format, None).expect("can be streamed"));
        let take = |chunk: &&[u8]| joiner.take(chunk.to_vec()).expect("joined");
        let joined: Vec<Bytes> = chunks.iter().map(take).collect();
        assert_eq!(joined.concat(), expected, "{format}");
    }

    #[test]
    fn headers_are_kept_once() {
        joins("TSV", &[b"a\n", b"a\n"], b"a\na\n");
        joins("CSVWithNames", &[b"\"x\"\n1\n", b"\"x\"\n2\n"], b"\"x\"\n1\n2\n");
        joins("TSVWithNamesAndTypes", &[b"x\nInt8\n1\n", b"x\nInt8\n2\n"], b"x\nInt8\n1\n2\n");
        joins(
            "RowBinaryWithNamesAndTypes",
            &[b"\x01\x01x\x04Int8\x07", b"\x01\x01x\x04Int8\x08"],
            b"\x01\x01x\x04Int8\x07\x08",
        );
        joins("RowBinaryWithNames", &[b"\x01\x01x\x07", b"\x01\x01x\x08"], b"\x01\x01x\x07\x08");
    }

    #[test]
    fn framed_formats_are_not_streamed() {
        for format in
            ["JSON", "JSONCompact", "Pretty", "XML", "Parquet", "Arrow", "CustomSeparated"]
        {
            assert_eq!(joining(format, None), None, "{format}");
        }
    }
}
