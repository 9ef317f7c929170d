//! Keeps only the latest record of each key: closed segments are written anew, one at a time, beside the partition; it is
//! held only while one file takes the place of another. A crash at any point leaves a partition that opens: a segment
//! without a checkpoint is read, and one whose offsets its predecessor has already is deleted.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::batch::{BadBatch, Header};
use super::checkpoint;
use super::partition::Partition;
use super::record;
use super::scan::walk;
use super::segment::{index_of, known_of};

/// Bytes of the keys held in memory at a time; the rest is done the next time.
const KEY_BYTES_MAX: usize = 32 << 20;
/// What a key costs beside its bytes.
const KEY_OVERHEAD: usize = 64;
/// After so many bytes others get a turn.
const SLICE_BYTES: u64 = 1 << 20;
const SLICE_PAUSE: Duration = Duration::from_millis(5);

type Latest = HashMap<Vec<u8>, i64>;

struct Slices(u64);

impl Slices {
    fn took(&mut self, bytes: usize) {
        self.0 += bytes as u64;
        if self.0 >= SLICE_BYTES {
            self.0 = 0;
            std::thread::sleep(SLICE_PAUSE);
        }
    }
}

impl Partition {
    /// Compacts what has been closed since the last time, where it is worth it.
    pub(super) fn compact(&self, now: i64) -> io::Result<()> {
        if !self.policy().compact || !self.is_dirty() {
            return Ok(());
        }
        let closed: Vec<i64> = {
            let state = self.state();
            let bases: Vec<_> = state.segments.iter().map(|one| one.known.base).collect();
            bases.split_last().map(|(_, closed)| closed.to_vec()).unwrap_or_default()
        };
        let mut slices = Slices(0);
        let compacted = self.state().compacted;
        let mut latest = Latest::new();
        let mut room = KEY_BYTES_MAX;
        let mut seen = Vec::new();
        for base in closed.iter().filter(|base| **base >= compacted) {
            if room == 0 {
                break;
            }
            self.gather(*base, &mut latest, &mut room, &mut slices)?;
            seen.push(*base);
        }
        let Some(last) = seen.last().copied() else {
            return Ok(());
        };
        let horizon = now.saturating_sub(self.policy().delete_retention_ms);
        for base in closed.iter().filter(|base| **base <= last) {
            self.rewrite(*base, &latest, horizon, &mut slices)?;
        }
        let next = closed.iter().find(|base| **base > last).copied();
        let mut state = self.state();
        state.compacted = next.unwrap_or(state.active().known.base);
        drop(state);
        self.merge()
    }

    /// Notes the latest offset of each key of a segment.
    fn gather(
        &self,
        base: i64,
        latest: &mut Latest,
        room: &mut usize,
        slices: &mut Slices,
    ) -> io::Result<()> {
        self.each_batch(base, slices, |header, batch| {
            // A batch that cannot be read is kept as it is.
            let Ok(unpacked) = record::unpack(header, batch) else {
                return Ok(());
            };
            for one in record::records(header, &unpacked).unwrap_or_default() {
                let Some(key) = one.key else {
                    continue;
                };
                let offset = header.base_offset + i64::from(one.offset_delta);
                if let Some(known) = latest.get_mut(key) {
                    *known = offset;
                } else {
                    *room = room.saturating_sub(key.len() + KEY_OVERHEAD);
                    latest.insert(key.to_vec(), offset);
                }
            }
            Ok(())
        })
    }

    fn each_batch(
        &self,
        base: i64,
        slices: &mut Slices,
        mut each: impl FnMut(&Header, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let found = {
            let state = self.state();
            let one = state.segments.iter().find(|one| one.known.base == base);
            one.map(|one| (one.file(), one.known.bytes))
        };
        let Some((file, bytes)) = found else {
            return Ok(());
        };
        let file = file?;
        let walked = walk(&file, 0, bytes, base, |_, header, batch| {
            slices.took(batch.len());
            each(header, batch).map(|()| true)
        })?;
        walked.bad.map_or(Ok(()), |bad| Err(damaged(base, bad)))
    }

    /// Writes a segment without the records that later ones replace.
    fn rewrite(
        &self,
        base: i64,
        latest: &Latest,
        horizon: i64,
        slices: &mut Slices,
    ) -> io::Result<()> {
        let new = self.folder.join("compacted.new");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&new)?;
        let (mut at, mut changed) = (0, false);
        self.each_batch(base, slices, |header, batch| {
            let kept = survivors(header, batch, latest, horizon);
            let bytes = match &kept {
                Kept::All => batch,
                Kept::Some(rebuilt) => rebuilt,
                Kept::None => &[],
            };
            changed |= !matches!(kept, Kept::All);
            self.disk.write_at(&file, bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        })?;
        if !changed {
            return fs::remove_file(&new);
        }
        self.replace(base, &new, &file)
    }

    /// Puts a file in the place of a segment's.
    fn replace(&self, base: i64, new: &Path, file: &File) -> io::Result<()> {
        file.sync_data()?;
        let known = known_of(file, base)?;
        let producers = self.producers();
        let mut state = self.state();
        let Some(one) = state.segments.iter_mut().find(|one| one.known.base == base) else {
            return Ok(());
        };
        let index = index_of(&one.path);
        match fs::remove_file(&index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(new, &one.path)?;
        one.known = known.clone();
        (one.covered, one.synced) = (0, known.bytes);
        drop(state);
        checkpoint::store(&index, &known, &producers)?;
        let mut state = self.state();
        if let Some(one) = state.segments.iter_mut().find(|one| one.known.base == base) {
            one.covered = known.bytes;
        }
        Ok(())
    }

    /// Puts small neighbours together, so that compaction leaves few files.
    fn merge(&self) -> io::Result<()> {
        loop {
            let pair = {
                let state = self.state();
                let closed = state.segments.split_last().map_or(&[][..], |(_, closed)| closed);
                closed
                    .windows(2)
                    .find(|pair| {
                        let bytes = pair[0].known.bytes + pair[1].known.bytes;
                        pair[1].known.base < state.compacted
                            && bytes <= self.limits.compacted_segment_bytes / 2
                    })
                    .map(|pair| (pair[0].known.base, pair[1].known.base))
            };
            let Some((first, second)) = pair else {
                return Ok(());
            };
            let new = self.folder.join("compacted.new");
            let file =
                File::options().read(true).write(true).create(true).truncate(true).open(&new)?;
            let (mut at, mut slices) = (0, Slices(0));
            for base in [first, second] {
                self.each_batch(base, &mut slices, |_, batch| {
                    self.disk.write_at(&file, batch, at)?;
                    at += batch.len() as u64;
                    Ok(())
                })?;
            }
            self.replace(first, &new, &file)?;
            let gone = {
                let mut state = self.state();
                let index = state.segments.iter().position(|one| one.known.base == second);
                index.map(|index| state.segments.remove(index))
            };
            gone.map_or(Ok(()), |one| one.delete())?;
        }
    }
}

enum Kept {
    All,
    Some(Vec<u8>),
    None,
}

/// What stays of a batch: the latest record of each key, deletions until the horizon, and what cannot be read.
fn survivors(header: &Header, batch: &[u8], latest: &Latest, horizon: i64) -> Kept {
    let Ok(unpacked) = record::unpack(header, batch) else {
        return Kept::All;
    };
    let Ok(records) = record::records(header, &unpacked) else {
        return Kept::All;
    };
    let count = records.len();
    let expired = header.max_timestamp < horizon;
    let kept: Vec<_> = records
        .into_iter()
        .filter(|one| {
            let Some(key) = one.key else {
                return true;
            };
            let offset = header.base_offset + i64::from(one.offset_delta);
            let replaced = latest.get(key).is_some_and(|newest| *newest > offset);
            !(replaced || one.value.is_none() && expired)
        })
        .collect();
    match kept.len() {
        0 => Kept::None,
        some if some == count => Kept::All,
        _ => record::keep(header, &kept).map_or(Kept::All, Kept::Some),
    }
}

fn damaged(base: i64, bad: BadBatch) -> io::Error {
    io::Error::other(format!("the segment of offset {base} is damaged ({bad}): not compacted"))
}
