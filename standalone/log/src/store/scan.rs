//! Walks over the batches of a file, and finds where they go on after a damage.

use std::fs::File;
use std::io;

use super::batch::{self, BATCH_BYTES_MAX, BadBatch, HEADER_BYTES, Header};
use super::disk::read_at;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// Where the first batch begins that was not handed over.
    pub(super) position: u64,
    /// Why, unless it is the end or the caller's wish.
    pub(super) bad: Option<BadBatch>,
}

/// Hands over each batch with its place, while `each` says so. Batches are whole, unchanged and in order.
pub(super) fn walk(
    file: &File,
    from: u64,
    until: u64,
    mut least: i64,
    mut each: impl FnMut(u64, &Header, &[u8]) -> io::Result<bool>,
) -> io::Result<Walked> {
    let mut position = from;
    let mut wanted = CHUNK_BYTES;
    while position < until {
        let left = usize::try_from(until - position).unwrap_or(usize::MAX);
        let chunk = read_at(file, position, wanted.min(left))?;
        let mut at = 0;
        while at < chunk.len() {
            let found = batch::check(&chunk[at..]);
            let bad = match found {
                Ok(header) if header.base_offset >= least => {
                    let whole = &chunk[at..at + header.bytes];
                    if !each(position + at as u64, &header, whole)? {
                        return Ok(Walked { position: position + at as u64, bad: None });
                    }
                    least = header.next_offset();
                    at += header.bytes;
                    continue;
                }
                Ok(_) => BadBatch::Header,
                Err(bad) => bad,
            };
            let more = bad == BadBatch::Short && chunk.len() < left;
            if !more {
                return Ok(Walked { position: position + at as u64, bad: Some(bad) });
            }
            break;
        }
        // A batch that is longer than what was read is read again, with as much as it can be.
        wanted = if at == 0 { BATCH_BYTES_MAX } else { CHUNK_BYTES };
        position += at as u64;
    }
    Ok(Walked { position, bad: None })
}

/// The next place after `from` where a whole batch of this offset or later begins.
pub(super) fn next_batch(
    file: &File,
    from: u64,
    until: u64,
    least: i64,
) -> io::Result<Option<(u64, Header)>> {
    let mut position = from;
    while position + HEADER_BYTES as u64 <= until {
        let left = usize::try_from(until - position).unwrap_or(usize::MAX);
        // As much as one batch may have lies behind each place that is looked at.
        let chunk = read_at(file, position, (CHUNK_BYTES + BATCH_BYTES_MAX).min(left))?;
        let looked_at = CHUNK_BYTES.min(chunk.len());
        for at in 0..looked_at {
            let plausible = Header::parse(&chunk[at..]).is_ok_and(|header| {
                header.base_offset >= least && header.bytes <= chunk.len() - at
            });
            if plausible && let Ok(header) = batch::check(&chunk[at..]) {
                return Ok(Some((position + at as u64, header)));
            }
        }
        position += looked_at as u64;
    }
    Ok(None)
}
