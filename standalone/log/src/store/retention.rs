//! Upkeep of a partition that takes whole segments: age, bytes, what an operator gave up; and what makes a restart
//! short: syncing and checkpoints. None of it holds the partition for longer than some bookkeeping.

use std::io;
use std::sync::Arc;

use super::checkpoint;
use super::partition::Partition;
use super::producers::Producers;
use super::segment::{Segment, index_of};

/// The newest segment is checkpointed when so much has been appended since.
const CHECKPOINT_BYTES: u64 = 1 << 20;
/// A segment that is not full is closed at this age, so that retention and compaction see it.
const SEGMENT_AGE_MAX_MS: i64 = 86_400_000;
const SEGMENT_AGE_MIN_MS: i64 = 60_000;

impl Partition {
    /// Writes through to the disk what was appended since the last time, and checkpoints what is worth it.
    pub(super) fn sync(&self, all: bool) -> io::Result<()> {
        let due: Vec<(i64, u64)> = {
            let state = self.state();
            let newest = state.segments.len() - 1;
            let segments = state.segments.iter().enumerate();
            segments
                .filter(|(index, one)| {
                    let open = one.known.bytes - one.covered.min(one.known.bytes);
                    one.synced < one.known.bytes
                        || open >= CHECKPOINT_BYTES
                        || (open > 0 && (all || *index < newest))
                })
                .map(|(_, one)| (one.known.base, one.known.bytes))
                .collect()
        };
        for (base, bytes) in due {
            self.sync_segment(base, bytes, all)?;
        }
        Ok(())
    }

    fn sync_segment(&self, base: i64, bytes: u64, all: bool) -> io::Result<()> {
        let file = self.of(base, |one| one.file());
        let Some(file) = file.transpose()? else {
            return Ok(());
        };
        file.sync_data()?;
        let mut state = self.state();
        let newest = state.segments.last().map(|one| one.known.base);
        let producers = state.producers.clone();
        let Some(one) = state.segments.iter_mut().find(|one| one.known.base == base) else {
            return Ok(());
        };
        one.synced = one.synced.max(bytes);
        let closed = newest != Some(base);
        let open = one.known.bytes - one.covered.min(one.known.bytes);
        if open == 0 || !(all || closed || open >= CHECKPOINT_BYTES) {
            return Ok(());
        }
        // Of a closed segment the producers of now are as good: they are only added to what its successors say.
        let (known, path) = (one.known.clone(), index_of(&one.path));
        drop(state);
        checkpoint::store(&path, &known, &producers)?;
        self.of(base, |one| one.covered = one.covered.max(known.bytes));
        Ok(())
    }

    fn of<R>(&self, base: i64, then: impl FnOnce(&mut Segment) -> R) -> Option<R> {
        let mut state = self.state();
        state.segments.iter_mut().find(|one| one.known.base == base).map(then)
    }

    /// Closes the newest segment when it is old.
    pub(super) fn roll_by_age(&self, now: i64) -> io::Result<()> {
        let retention = self.policy().retention_ms.unwrap_or(i64::MAX);
        let age = (retention / 8).clamp(SEGMENT_AGE_MIN_MS, SEGMENT_AGE_MAX_MS);
        let mut state = self.state();
        let known = &state.active().known;
        if known.bytes > 0 && now.saturating_sub(known.first_timestamp) > age {
            self.roll(&mut state)?;
        }
        Ok(())
    }

    /// Deletes the segments that are too old or too many, and says how many bytes that were.
    pub(super) fn retain(&self, now: i64) -> io::Result<u64> {
        let policy = self.policy();
        if !policy.delete {
            return self.drop_oldest(|_, _| false);
        }
        self.drop_oldest(|one, left| {
            let old = policy
                .retention_ms
                .is_some_and(|ms| one.known.max_timestamp < now.saturating_sub(ms));
            old || policy.retention_bytes.is_some_and(|max| left > max)
        })
    }

    /// Deletes its oldest closed segment, and says how many bytes that were.
    pub(super) fn cut(&self) -> io::Result<u64> {
        let mut first = true;
        self.drop_oldest(|_, _| std::mem::take(&mut first))
    }

    /// The time of the oldest closed segment.
    pub(super) fn oldest(&self) -> Option<i64> {
        let state = self.state();
        let closed = state.segments.split_last().map(|(_, closed)| closed)?;
        closed.first().map(|one| one.known.max_timestamp)
    }

    /// Gives up all records before an offset.
    pub(super) fn advance_start(&self, offset: i64) -> i64 {
        let mut state = self.state();
        let next = state.bounds().next;
        state.start = state.start.max(offset.min(next));
        state.start
    }

    fn drop_oldest(&self, mut too_old: impl FnMut(&Segment, u64) -> bool) -> io::Result<u64> {
        let mut dropped = Vec::new();
        {
            let mut state = self.state();
            let mut left: u64 = state.segments.iter().map(|one| one.known.bytes).sum();
            let start = state.start;
            while state.segments.len() > 1 {
                let end = state.segments[1].known.base;
                if end > start && !too_old(&state.segments[0], left) {
                    break;
                }
                let one = state.segments.remove(0);
                left -= one.known.bytes;
                state.start = state.start.max(end);
                dropped.push(one);
            }
        }
        // Readers that are at it keep the file open.
        let mut bytes = 0;
        for one in dropped {
            bytes += one.known.bytes;
            one.delete()?;
        }
        Ok(bytes)
    }

    /// Whether there is room for thought: closed segments that compaction has not seen are as large as the rest.
    pub(super) fn is_dirty(&self) -> bool {
        let state = self.state();
        let closed = state.segments.split_last().map_or(&[][..], |(_, closed)| closed);
        let (mut clean, mut dirty) = (0, 0);
        for one in closed {
            *(if one.known.base < state.compacted { &mut clean } else { &mut dirty }) +=
                one.known.bytes;
        }
        dirty > 0 && dirty >= clean
    }

    /// What is known of producers, for a segment that is written anew.
    pub(super) fn producers(&self) -> Arc<Producers> {
        Arc::new(self.state().producers.clone())
    }
}
