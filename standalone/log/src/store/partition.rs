//! One partition: its segments, appending and reading. Upkeep of it stands in [`super::retention`] and
//! [`super::compaction`]. It knows no protocol and no topics' settings but its [`Policy`].

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use thiserror::Error;

use super::Limits;
use super::batch::{self, Header};
use super::damage::Damage;
use super::disk::Disk;
use super::policy::Policy;
use super::producers::{Producers, Verdict};
use super::record;
use super::scan::walk;
use super::segment::{Segment, read_batches};
use super::wait::Waiters;

/// Why a batch is not appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Its sequence does not follow the one before.
    #[error("the producer's sequence has a gap")]
    OutOfOrder,
    /// A newer producer has its id.
    #[error("the producer has been replaced")]
    Fenced,
    /// It is larger than the topic allows.
    #[error("the batch is too large")]
    TooLarge,
    /// The topic has been deleted.
    #[error("the partition is gone")]
    Gone,
    /// The disk did not take it; nothing of it is kept.
    #[error("the log cannot be written: {0}")]
    Disk(#[from] io::Error),
}

/// Why a partition cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// No such offset is kept, or will be next.
    #[error("the offset is out of range")]
    OutOfRange,
    /// The file is damaged there.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// The offsets of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first that is kept.
    pub start: i64,
    /// The next that will be given.
    pub next: i64,
}

/// What changes.
#[derive(Debug)]
pub(super) struct State {
    /// In order; the last is appended to.
    pub(super) segments: Vec<Segment>,
    pub(super) start: i64,
    pub(super) producers: Producers,
    /// Everything before this offset has been compacted.
    pub(super) compacted: i64,
    pub(super) gone: bool,
}

impl State {
    pub(super) fn active(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("there is always one")
    }

    pub(super) fn bounds(&self) -> Bounds {
        let next = self.segments.last().map_or(0, |segment| segment.known.next);
        Bounds { start: self.start, next }
    }
}

/// Where a record is looked for.
struct Place {
    path: PathBuf,
    file: io::Result<Arc<File>>,
    position: u64,
    end: u64,
    /// Where the next segment begins.
    next: Option<i64>,
}

/// A partition.
#[derive(Debug)]
pub struct Partition {
    pub(super) folder: PathBuf,
    pub(super) disk: Disk,
    pub(super) limits: Limits,
    policy: RwLock<Arc<Policy>>,
    state: Mutex<State>,
    /// Those who wait for a record.
    pub waiters: Waiters,
}

impl Partition {
    /// Opens what is in the folder, or begins there.
    pub(super) fn open(
        folder: PathBuf,
        policy: Policy,
        start: i64,
        limits: &Limits,
        disk: &Disk,
    ) -> Result<Self, Damage> {
        fs::create_dir_all(&folder).map_err(|error| Damage::io(&folder, error))?;
        let bases = bases(&folder).map_err(|error| Damage::io(&folder, error))?;
        let mut producers = Producers::default();
        let mut segments: Vec<Segment> = Vec::new();
        for base in &bases {
            let newest = bases.last() == Some(base);
            let path = super::segment::path_of(&folder, *base);
            let segment = Segment::open(path, *base, newest, &mut producers)?;
            if segments.last().is_some_and(|before| before.known.next > *base) {
                // A compaction was interrupted after it had put both into one.
                segment.delete().map_err(|error| Damage::io(&segment.path, error))?;
                continue;
            }
            segments.push(segment);
        }
        if segments.last().is_none_or(|newest| newest.known.next < start) {
            // Also where a power cut has taken more than was given up by hand: no offset is given twice.
            segments.iter_mut().for_each(Segment::close);
            let made = Segment::create(&folder, start);
            segments.push(made.map_err(|error| Damage::io(&folder, error))?);
        }
        let first = segments.first().map_or(0, |segment| segment.known.base);
        let state =
            State { segments, start: start.max(first), producers, compacted: 0, gone: false };
        Ok(Self {
            folder,
            disk: disk.clone(),
            limits: limits.clone(),
            policy: RwLock::new(Arc::new(policy)),
            state: Mutex::new(state),
            waiters: Waiters::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is kept.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Its offsets.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.state().bounds()
    }

    /// Bytes of its segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state().segments.iter().map(|segment| segment.known.bytes).sum()
    }

    /// Appends a batch that has been [checked](batch::check_produced), and says which offset it has got. A batch that
    /// stands there already is not appended again.
    ///
    /// # Errors
    /// [`AppendError`]; nothing of the batch is kept then.
    pub fn append(&self, batch: &mut [u8], header: &Header) -> Result<i64, AppendError> {
        if batch.len() > self.policy().message_bytes_max.min(batch::BATCH_BYTES_MAX) {
            return Err(AppendError::TooLarge);
        }
        let mut state = self.state();
        if state.gone {
            return Err(AppendError::Gone);
        }
        match state.producers.judge(header) {
            Verdict::New => {}
            Verdict::Repeated(offset) => return Ok(offset),
            Verdict::OutOfOrder => return Err(AppendError::OutOfOrder),
            Verdict::Fenced => return Err(AppendError::Fenced),
        }
        let offset = state.bounds().next;
        let full = state.active().known.bytes + batch.len() as u64 > self.segment_bytes();
        if full && state.active().known.bytes > 0 {
            self.roll(&mut state)?;
        }
        batch::set_base_offset(batch, offset);
        let placed = Header { base_offset: offset, ..*header };
        state.active().append(&self.disk, batch, &placed)?;
        state.producers.note(&placed, offset);
        drop(state);
        self.waiters.wake();
        Ok(offset)
    }

    /// Puts a batch where it stood in an older log: its offset is its own.
    pub(crate) fn append_placed(&self, batch: &[u8]) -> Result<(), AppendError> {
        let header = batch::check(batch).map_err(io::Error::other)?;
        let mut state = self.state();
        if state.active().known.bytes + batch.len() as u64 > self.segment_bytes() {
            self.roll(&mut state)?;
        }
        Ok(state.active().append(&self.disk, batch, &header)?)
    }

    /// The next offset is this one, where it would be less.
    pub(crate) fn continue_at(&self, offset: i64) -> io::Result<()> {
        let mut state = self.state();
        if state.bounds().next < offset {
            let next = Segment::create(&self.folder, offset)?;
            state.active().close();
            state.segments.push(next);
        }
        Ok(())
    }

    fn segment_bytes(&self) -> u64 {
        if self.policy().compact {
            self.limits.compacted_segment_bytes
        } else {
            self.limits.segment_bytes
        }
    }

    /// Closes the newest segment and begins the next. The checkpoint follows when it is on the disk.
    pub(super) fn roll(&self, state: &mut State) -> io::Result<()> {
        let next = Segment::create(&self.folder, state.bounds().next)?;
        state.active().close();
        state.segments.push(next);
        Ok(())
    }

    /// Whole batches from an offset on: at most `max_bytes`, but one at least where there is one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, offset: i64, max_bytes: usize) -> Result<Vec<(Header, Bytes)>, ReadError> {
        let mut from = offset;
        loop {
            let Some(Place { path, file, position, end, next }) = self.place_of(from)? else {
                return Ok(Vec::new());
            };
            let read = file
                .and_then(|file| read_batches(&file, position, end, from, max_bytes))
                .map_err(|error| Damage::io(&path, error))?;
            match read {
                Ok(batches) if batches.is_empty() => match next {
                    // Compaction has left nothing from here to the next segment.
                    Some(base) => from = from.max(base),
                    None => return Ok(batches),
                },
                Ok(batches) => return Ok(batches),
                Err((at, bad)) => return Err(Damage::inside(&path, at, bad, from, None).into()),
            }
        }
    }

    /// Where to begin reading; none at the end.
    fn place_of(&self, offset: i64) -> Result<Option<Place>, ReadError> {
        let state = self.state();
        let bounds = state.bounds();
        if offset < bounds.start || offset > bounds.next {
            return Err(ReadError::OutOfRange);
        }
        if offset == bounds.next {
            return Ok(None);
        }
        let after = state.segments.partition_point(|segment| segment.known.base <= offset);
        let index = after.saturating_sub(1);
        let segment = &state.segments[index];
        let next = state.segments.get(index + 1).map(|segment| segment.known.base);
        Ok(Some(Place {
            path: segment.path.clone(),
            // Opened while nobody can put another file in its place.
            file: segment.file(),
            position: segment.place_of(offset),
            end: segment.known.bytes,
            next,
        }))
    }

    /// Offset and time of the first record of this time or later.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn at_time(&self, timestamp: i64) -> Result<Option<(i64, i64)>, ReadError> {
        let (start, places) = {
            let state = self.state();
            let late = state.segments.iter().filter(|one| one.known.max_timestamp >= timestamp);
            let places: Vec<_> = late
                .map(|one| {
                    (one.path.clone(), one.file(), one.place_of_time(timestamp), one.known.bytes)
                })
                .collect();
            (state.start, places)
        };
        for (path, file, place, end) in places {
            let mut found = None;
            let walked = file.and_then(|file| {
                walk(&file, place, end, 0, |_, header, batch| {
                    if header.max_timestamp >= timestamp && header.next_offset() > start {
                        found = first_at(header, batch, timestamp, start);
                    }
                    Ok(found.is_none())
                })
            });
            walked.map_err(|error| Damage::io(&path, error))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Deletes it with all its files.
    pub(super) fn delete(&self) -> io::Result<()> {
        let mut state = self.state();
        state.gone = true;
        fs::remove_dir_all(&self.folder)?;
        drop(state);
        self.waiters.wake();
        Ok(())
    }
}

fn first_at(header: &Header, batch: &[u8], timestamp: i64, start: i64) -> Option<(i64, i64)> {
    let unpacked = record::unpack(header, batch).ok()?;
    let records = record::records(header, &unpacked).ok()?;
    records
        .iter()
        .map(|one| {
            let offset = header.base_offset + i64::from(one.offset_delta);
            (offset, header.base_timestamp.saturating_add(one.timestamp_delta))
        })
        .find(|(offset, time)| *time >= timestamp && *offset >= start)
}

/// Where the segments in a folder begin.
pub(super) fn bases(folder: &Path) -> io::Result<BTreeSet<i64>> {
    let mut bases = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<i64>().ok());
        bases.extend(base);
    }
    Ok(bases)
}
