//! What keeps the log small and a restart short, on a thread of its own: syncing every few seconds; retention, the cap of
//! bytes and compaction every few seconds. Each step is bounded, and none holds a partition while it reads or writes.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use service_kit::clock::{Clock as _, SystemClock};

use super::Store;
use super::partition::Partition;
use crate::metrics;

/// What a power cut may take. A process that is killed loses nothing.
const SYNC_EVERY: Duration = Duration::from_secs(3);
const TIDY_EVERY: Duration = Duration::from_secs(9);

impl Store {
    /// Writes through to the disk what was appended; with `all`, leaves nothing for a start to read again.
    ///
    /// # Errors
    /// The first that came up; everything is tried.
    pub fn sync(&self, all: bool) -> io::Result<()> {
        let journal = self.journal().upkeep();
        let mut outcome = journal.and_then(|file| file.map_or(Ok(()), |file| file.sync_data()));
        for (_, partition) in self.all() {
            outcome = outcome.and(partition.sync(all));
        }
        outcome
    }

    /// Deletes and compacts what is due.
    ///
    /// # Errors
    /// The first that came up; everything is tried.
    pub fn tidy(&self, now: i64) -> io::Result<()> {
        let mut outcome = Ok(());
        for (_, partition) in self.all() {
            let tidied = partition
                .roll_by_age(now)
                .and_then(|()| partition.retain(now))
                .and_then(|_| partition.compact(now));
            outcome = outcome.and(tidied);
        }
        outcome.and(self.cut())
    }

    /// Deletes the oldest segments while the log is too large.
    fn cut(&self) -> io::Result<()> {
        let mut bytes = self.bytes();
        let all = self.all();
        while bytes > self.limits.bytes_max {
            let may_be_cut = |one: &&Arc<Partition>| one.policy().may_be_cut();
            let oldest = all
                .iter()
                .map(|(_, one)| one)
                .filter(may_be_cut)
                .filter_map(|one| Some((one.oldest()?, one)))
                .min_by_key(|(time, _)| *time);
            let Some((_, partition)) = oldest else {
                return Ok(());
            };
            bytes -= partition.cut()?.max(1);
        }
        Ok(())
    }
}

/// The thread; it ends, with everything synced, when this is dropped.
#[derive(Debug)]
pub struct Upkeep {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub fn start(store: Arc<Store>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("log-upkeep".to_owned())
            .spawn(move || run(&store, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the log's upkeep ended badly");
        }
    }
}

fn run(store: &Store, stopped: &mpsc::Receiver<()>) {
    let mut tidied: Option<Instant> = None;
    metrics::BYTES_MAX.set(i64::try_from(store.limits().bytes_max).unwrap_or(i64::MAX));
    loop {
        note("syncing", store.sync(false));
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            note("tidying", store.tidy(now_ms()));
            tidied = Some(Instant::now());
        }
        metrics::BYTES.set(i64::try_from(store.bytes()).unwrap_or(i64::MAX));
        if !matches!(stopped.recv_timeout(SYNC_EVERY), Err(RecvTimeoutError::Timeout)) {
            break;
        }
    }
    note("syncing", store.sync(true));
}

/// An error does not end the upkeep: when there is room again, it goes on.
fn note(doing: &'static str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        metrics::UPKEEP_FAILED.inc();
        tracing::warn!(doing, %error, "the log's upkeep: tried again soon");
    }
}

/// The time of now, as records have it.
#[must_use]
pub fn now_ms() -> i64 {
    SystemClock.now().0
}
