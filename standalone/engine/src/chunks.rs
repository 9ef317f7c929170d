//! Owns how the chunks of a streamed answer become one document. The engine formats each chunk as a document
//! of its own: fine for formats of bare rows, while headers must be taken off all chunks but the first, and
//! formats with a frame around the rows cannot be streamed. It must not know connections or HTTP.

/// How a format's chunks are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Rows only: chunks follow one another.
    Rows,
    /// Names (and types) in RowBinary, then rows; the number says how many lists.
    BinaryHeader(usize),
    /// So many lines of names and types, then rows.
    Lines(usize),
}

/// How to join a format's chunks; `None` when its answers must be made whole.
pub(crate) fn joining(format: &str) -> Option<Joining> {
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
        "RowBinary" | "JSONEachRow" | "JSONLines" | "NDJSON" | "Native" | "LineAsString" => {
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
    header: Option<Vec<u8>>,
}

impl Joiner {
    pub(crate) fn new(joining: Joining) -> Self {
        Self { joining, header: None }
    }

    /// The part of a chunk that belongs into the document.
    pub(crate) fn take<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        match &self.header {
            Some(header) => chunk.strip_prefix(header.as_slice()).unwrap_or(chunk),
            None => {
                let len = header_len(self.joining, chunk).unwrap_or(0);
                self.header = Some(chunk[..len].to_vec());
                chunk
            }
        }
    }
}

fn header_len(joining: Joining, chunk: &[u8]) -> Option<usize> {
    match joining {
        Joining::Rows => Some(0),
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

fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
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
        let mut joiner = Joiner::new(joining(format).expect("can be streamed"));
        let joined: Vec<u8> = chunks.iter().flat_map(|chunk| joiner.take(chunk)).copied().collect();
        assert_eq!(joined, expected, "{format}");
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
            assert_eq!(joining(format), None, "{format}");
        }
    }
}
