//! The file beside a segment that spares reading it at start: where its batches are, how far that is known, and what
//! was known of producers then. It is a help, not a truth: a missing or damaged one is made again from the segment.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::{fs, io};

use bytes::{Buf as _, BufMut as _};

use super::batch::checksum;
use super::producers::{Batch, Producer, Producers};

const MAGIC: &[u8; 8] = b"DERMSIX1";

/// A place in a segment: a batch begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Offset of the batch.
    pub(super) offset: i64,
    /// Its place.
    pub(super) position: u64,
    /// Latest time of all batches before it.
    pub(super) earlier: i64,
}

/// What is known of a segment's first `bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) base: i64,
    pub(super) next: i64,
    pub(super) bytes: u64,
    pub(super) first_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) entries: Vec<Entry>,
}

impl Known {
    /// Nothing, of a segment that begins at this offset.
    pub(super) fn nothing(base: i64) -> Self {
        Self {
            base,
            next: base,
            bytes: 0,
            first_timestamp: i64::MAX,
            max_timestamp: i64::MIN,
            entries: Vec::new(),
        }
    }
}

/// Writes it beside, then puts it into place.
pub(super) fn store(path: &Path, known: &Known, producers: &Producers) -> io::Result<()> {
    let new = path.with_extension("index.new");
    let mut file = fs::File::create(&new)?;
    file.write_all(&encode(known, producers))?;
    file.sync_data()?;
    fs::rename(&new, path)
}

/// Reads it; none when there is none that can be believed.
pub(super) fn load(path: &Path) -> Option<(Known, Producers)> {
    let bytes = fs::read(path).ok()?;
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    if checksum(body) != u32::from_be_bytes(*sum) {
        return None;
    }
    decode(body)
}

fn encode(known: &Known, producers: &Producers) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.put_i64(known.base);
    out.put_i64(known.next);
    out.put_u64(known.bytes);
    out.put_i64(known.first_timestamp);
    out.put_i64(known.max_timestamp);
    out.put_u32(u32::try_from(known.entries.len()).unwrap_or(0));
    for entry in &known.entries {
        out.put_i64(entry.offset);
        out.put_u64(entry.position);
        out.put_i64(entry.earlier);
    }
    out.put_u32(u32::try_from(producers.0.len()).unwrap_or(0));
    for (id, producer) in &producers.0 {
        out.put_i64(*id);
        out.put_i16(producer.epoch);
        out.put_i64(producer.newest);
        out.put_u8(u8::try_from(producer.batches.len()).unwrap_or(0));
        for batch in &producer.batches {
            out.put_i32(batch.first);
            out.put_i32(batch.last);
            out.put_i64(batch.offset);
        }
    }
    let sum = checksum(&out);
    out.put_u32(sum);
    out
}

fn decode(mut body: &[u8]) -> Option<(Known, Producers)> {
    body = body.strip_prefix(MAGIC)?;
    let mut known = Known {
        base: body.try_get_i64().ok()?,
        next: body.try_get_i64().ok()?,
        bytes: body.try_get_u64().ok()?,
        first_timestamp: body.try_get_i64().ok()?,
        max_timestamp: body.try_get_i64().ok()?,
        entries: Vec::new(),
    };
    for _ in 0..body.try_get_u32().ok()? {
        known.entries.push(Entry {
            offset: body.try_get_i64().ok()?,
            position: body.try_get_u64().ok()?,
            earlier: body.try_get_i64().ok()?,
        });
    }
    let mut producers = Producers::default();
    for _ in 0..body.try_get_u32().ok()? {
        let id = body.try_get_i64().ok()?;
        let epoch = body.try_get_i16().ok()?;
        let newest = body.try_get_i64().ok()?;
        let mut batches = VecDeque::new();
        for _ in 0..body.try_get_u8().ok()? {
            batches.push_back(Batch {
                first: body.try_get_i32().ok()?,
                last: body.try_get_i32().ok()?,
                offset: body.try_get_i64().ok()?,
            });
        }
        producers.0.insert(id, Producer { epoch, batches, newest });
    }
    body.is_empty().then_some((known, producers))
}
