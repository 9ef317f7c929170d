//! One file of a partition's batches. It appends, finds and reads; when to begin a new one, to delete or to compact is
//! decided elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::batch::{self, BadBatch, HEADER_BYTES, Header};
use super::checkpoint::{self, Entry, Known};
use super::damage::Damage;
use super::disk::{Disk, read_at};
use super::producers::Producers;
use super::scan::{next_batch, walk};

/// A batch begins in the index about every so many bytes.
const INDEX_STEP_BYTES: u64 = 32 << 10;
/// Of the newest segment so many bytes are read again at start, whatever is known of them.
const PROVED_BYTES: u64 = 4 << 20;

/// A segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) known: Known,
    /// Bytes that the stored checkpoint covers.
    pub(super) covered: u64,
    /// Bytes that are on the disk for sure.
    pub(super) synced: u64,
    /// Kept open while it is appended to.
    file: Option<Arc<File>>,
}

/// The file of the segment that begins at this offset.
pub(super) fn path_of(folder: &Path, base: i64) -> PathBuf {
    folder.join(format!("{base:020}.log"))
}

/// Its checkpoint.
pub(super) fn index_of(path: &Path) -> PathBuf {
    path.with_extension("index")
}

impl Segment {
    /// A new, empty one.
    pub(super) fn create(folder: &Path, base: i64) -> io::Result<Self> {
        let path = path_of(folder, base);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Self {
            path,
            known: Known::nothing(base),
            covered: 0,
            synced: 0,
            file: Some(Arc::new(file)),
        })
    }

    /// Opens one. What its checkpoint does not cover is read; a torn end is cut off.
    ///
    /// `producers` is what is known before this segment, and becomes what is known after it.
    pub(super) fn open(
        path: PathBuf,
        base: i64,
        newest: bool,
        producers: &mut Producers,
    ) -> Result<Self, Damage> {
        let failed = |error: io::Error| Damage::io(&path, error);
        let file = OpenOptions::new().read(true).write(newest).open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut known = Known::nothing(base);
        let mut covered = 0;
        if let Some((stored, at_that_time)) =
            checkpoint::load(&index_of(&path)).filter(|(known, _)| known.base == base)
        {
            if length < stored.bytes {
                return Err(Damage::shorter(&path, length, &stored));
            }
            covered = stored.bytes;
            known = stored;
            *producers = at_that_time;
        }
        let mut segment = Self { path, known, covered, synced: covered, file: None };
        let file = Arc::new(file);
        if newest {
            segment.prove(&file)?;
            segment.file = Some(Arc::clone(&file));
        }
        segment.read_on(&file, length, producers)?;
        Ok(segment)
    }

    /// Reads the last part of what the checkpoint covers.
    fn prove(&self, file: &File) -> Result<(), Damage> {
        let from = self.known.bytes.saturating_sub(PROVED_BYTES);
        let entry = self.known.entries.iter().rev().find(|entry| entry.position <= from);
        let (from, least) = entry.map_or((0, 0), |entry| (entry.position, entry.offset));
        let mut expected = least;
        let walked = walk(file, from, self.known.bytes, least, |_, header, _| {
            expected = header.next_offset();
            Ok(true)
        })
        .map_err(|error| Damage::io(&self.path, error))?;
        match walked.bad {
            None => Ok(()),
            Some(bad) => Err(self.damage(file, walked.position, self.known.bytes, expected, bad)),
        }
    }

    /// Takes note of what lies behind the checkpoint.
    fn read_on(
        &mut self,
        file: &File,
        length: u64,
        producers: &mut Producers,
    ) -> Result<(), Damage> {
        let (from, least) = (self.known.bytes, self.known.next);
        let known = &mut self.known;
        let walked = walk(file, from, length, least, |position, header, _| {
            note(known, header, position);
            producers.note(header, header.base_offset);
            Ok(true)
        })
        .map_err(|error| Damage::io(&self.path, error))?;
        let Some(bad) = walked.bad else {
            return Ok(());
        };
        let expected = self.known.next;
        let after = next_batch(file, walked.position + 1, length, expected)
            .map_err(|error| Damage::io(&self.path, error))?;
        if after.is_some() {
            return Err(self.damage(file, walked.position, length, expected, bad));
        }
        // Nothing whole follows: the process or the machine stopped in the middle of a write that it had not confirmed.
        tracing::warn!(
            file = %self.path.display(),
            bytes = length - walked.position,
            "the log's last, unfinished write is cut off"
        );
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.set_len(walked.position))
            .map_err(|error| Damage::io(&self.path, error))
    }

    fn damage(&self, file: &File, at: u64, until: u64, expected: i64, bad: BadBatch) -> Damage {
        let after = next_batch(file, at + 1, until, expected).ok().flatten();
        let resumes = after.map(|(_, header)| header.base_offset);
        Damage::inside(&self.path, at, bad, expected, resumes)
    }

    /// The file, for reading.
    pub(super) fn file(&self) -> io::Result<Arc<File>> {
        match &self.file {
            Some(file) => Ok(Arc::clone(file)),
            None => File::open(&self.path).map(Arc::new),
        }
    }

    /// Appends a batch that has its place already. After an error the segment is as before.
    pub(super) fn append(&mut self, disk: &Disk, bytes: &[u8], header: &Header) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Err(io::Error::other("a closed segment is not appended to"));
        };
        let position = self.known.bytes;
        if let Err(error) = disk.write_at(file, bytes, position) {
            // What did get there is cut off; should that fail too, the next append writes over it.
            file.set_len(position).ok();
            return Err(error);
        }
        note(&mut self.known, header, position);
        Ok(())
    }

    /// Nothing is appended any more.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Deletes its files.
    pub(super) fn delete(&self) -> io::Result<()> {
        remove(&index_of(&self.path))?;
        remove(&self.path)
    }

    /// A place at or before the batch with this offset.
    pub(super) fn place_of(&self, offset: i64) -> u64 {
        let after = self.known.entries.partition_point(|entry| entry.offset <= offset);
        after.checked_sub(1).map_or(0, |index| self.known.entries[index].position)
    }

    /// A place at or before the first batch with a record of this time or later.
    pub(super) fn place_of_time(&self, timestamp: i64) -> u64 {
        let after = self.known.entries.partition_point(|entry| entry.earlier < timestamp);
        after.checked_sub(1).map_or(0, |index| self.known.entries[index].position)
    }
}

/// Takes note of a batch at the end.
fn note(known: &mut Known, header: &Header, position: u64) {
    let indexed = known.entries.last().map(|entry| entry.position);
    if indexed.is_none_or(|indexed| position - indexed >= INDEX_STEP_BYTES) {
        let (offset, earlier) = (header.base_offset, known.max_timestamp);
        known.entries.push(Entry { offset, position, earlier });
    }
    known.bytes = position + header.bytes as u64;
    known.next = header.next_offset();
    known.first_timestamp = known.first_timestamp.min(header.base_timestamp);
    known.max_timestamp = known.max_timestamp.max(header.max_timestamp);
}

/// What is known of a file that was written anew.
pub(super) fn known_of(file: &File, base: i64) -> io::Result<Known> {
    let mut known = Known::nothing(base);
    let length = file.metadata()?.len();
    let walked = walk(file, 0, length, base, |position, header, _| {
        note(&mut known, header, position);
        Ok(true)
    })?;
    match walked.bad {
        None => Ok(known),
        Some(bad) => Err(io::Error::other(bad)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Batches as they stand; or where the first of them is damaged, and how.
pub(super) type Batches = Result<Vec<(Header, Bytes)>, (u64, BadBatch)>;

/// The batches from `offset` on that begin at or after `place` and end before `end`: at most `max_bytes`, but one at
/// least. None of them when the first whole batch is damaged.
pub(super) fn read_batches(
    file: &File,
    place: u64,
    end: u64,
    offset: i64,
    max_bytes: usize,
) -> io::Result<Batches> {
    let left = |at: u64| usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
    let step = usize::try_from(INDEX_STEP_BYTES).unwrap_or(usize::MAX);
    let first = max_bytes.saturating_add(step).min(left(place));
    let mut chunk = Bytes::from(read_at(file, place, first)?);
    let (mut at, mut taken) = (place, 0);
    let mut batches = Vec::new();
    while !chunk.is_empty() {
        let bad = match batch::check(&chunk) {
            Ok(header) if header.next_offset() <= offset => {
                at += header.bytes as u64;
                bytes::Buf::advance(&mut chunk, header.bytes);
                continue;
            }
            Ok(header) => {
                if !batches.is_empty() && taken + header.bytes > max_bytes {
                    break;
                }
                taken += header.bytes;
                at += header.bytes as u64;
                batches.push((header, chunk.split_to(header.bytes)));
                continue;
            }
            Err(bad) => bad,
        };
        if bad == BadBatch::Short && chunk.len() < left(at) {
            if !batches.is_empty() {
                break;
            }
            // Nothing yet, and the batch goes on behind what was read.
            let whole = Header::parse(&chunk).map_or(HEADER_BYTES, |header| header.bytes);
            chunk = Bytes::from(read_at(file, at, whole.max(max_bytes).min(left(at)))?);
            continue;
        }
        if batches.is_empty() {
            return Ok(Err((at, bad)));
        }
        break;
    }
    Ok(Ok(batches))
}
