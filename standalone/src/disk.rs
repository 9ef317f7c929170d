//! Watches the room that is left where everything is kept, and says so in words before and while it is used up. It
//! deletes nothing: what may go is the operator's decision.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::notices::{self, Area};
use tokio_util::sync::CancellationToken;

use crate::metrics;

const LOOK_EVERY: Duration = Duration::from_secs(2);
const MIB: u64 = 1 << 20;
/// With less than this, or a tenth of a small disk, room is running out.
const LOW_BYTES: u64 = 1_024 * MIB;
/// With less than this, or a fiftieth of a small disk, it is full: what writes cannot be expected to.
const FULL_BYTES: u64 = 32 * MIB;
/// What the notice is called.
const NOTICE: &str = "disk";

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    free: u64,
    total: u64,
}

/// What that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Enough,
    Low,
    Full,
}

impl Room {
    fn of(folder: &Path) -> std::io::Result<Self> {
        let disk = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Self { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
    }

    fn level(self) -> Level {
        if self.free < FULL_BYTES.min(self.total / 50) {
            Level::Full
        } else if self.free < LOW_BYTES.min(self.total / 10) {
            Level::Low
        } else {
            Level::Enough
        }
    }

    fn words(self, folder: &Path) -> Option<String> {
        let (free, total) = (self.free / MIB, self.total / MIB);
        let place = folder.display();
        match self.level() {
            Level::Enough => None,
            Level::Low => Some(format!(
                "{free} MiB of {total} MiB are free where the data folder {place} is: make room"
            )),
            Level::Full => Some(format!(
                "the disk of the data folder {place} is full, {free} MiB of {total} MiB are free: nothing more can be \
                 recorded, devices fall back when their leases end; make room, and everything goes on by itself"
            )),
        }
    }
}

/// Whether the disk is full, as it was seen last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<AtomicBool>);

impl Disk {
    pub(crate) fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks until `stop`.
    pub(crate) async fn watch(self, folder: PathBuf, stop: CancellationToken) {
        let mut before = Level::Enough;
        loop {
            match Room::of(&folder) {
                Ok(room) => {
                    metrics::disk_free(room.free);
                    self.0.store(room.level() == Level::Full, Ordering::Relaxed);
                    self.say(&folder, room, before);
                    before = room.level();
                }
                Err(error) => tracing::warn!(%error, "the room on the disk cannot be seen"),
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn say(&self, folder: &Path, room: Room, before: Level) {
        let Some(words) = room.words(folder) else {
            if before != Level::Enough {
                tracing::info!("there is room on the disk again");
            }
            return notices::clear(NOTICE);
        };
        if room.level() != before {
            tracing::error!("{words}");
        }
        notices::post(NOTICE, Area::Log, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_the_folder_and_the_room_and_change_with_it() {
        let folder = Path::new("/srv/derms");
        let large = |free| Room { free, total: 1 << 40 };
        assert_eq!(large(2 * LOW_BYTES).words(folder), None);
        let low = large(LOW_BYTES - MIB).words(folder).expect("low");
        assert!(low.contains("1023 MiB of 1048576 MiB") && low.contains("/srv/derms"), "{low}");
        let full = large(FULL_BYTES - MIB).words(folder).expect("full");
        assert!(full.contains("is full, 31 MiB") && full.contains("make room"), "{full}");
    }

    #[test]
    fn a_small_disk_is_not_full_from_the_start() {
        let small = |free| Room { free, total: 64 * MIB };
        assert_eq!(small(60 * MIB).level(), Level::Enough);
        assert_eq!(small(5 * MIB).level(), Level::Low);
        assert_eq!(small(MIB).level(), Level::Full);
        assert_eq!(small(0).level(), Level::Full);
    }

    #[test]
    fn the_room_of_a_folder_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Room::of(folder.path()).expect("seen");
        assert!(room.free <= room.total && room.total > 0, "{room:?}");
    }
}
