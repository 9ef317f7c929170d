//! Owns the threads that call the engine: one that opens, cancels and closes, and a fixed number that run statements.
//! All are children of one that has been shut in, so the threads which the engine begins are shut in too: no other
//! thread may call the engine. It must not know what a statement is.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use crate::connection::Connection;
use crate::error::OpenError;
use crate::sandbox;

/// Stack of each thread: room for the engine's parser at its greatest depth, several times over. Only what is used
/// takes memory.
const STACK_BYTES: usize = 32 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that run statements.
pub(crate) struct Threads {
    jobs: mpsc::Sender<Job>,
}

impl Threads {
    /// Begins `count` threads, as children of the calling one.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("statement-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    while let Ok(job) = next(&queue) {
                        // The thread outlives what goes wrong in one statement; its caller sees no result.
                        drop(catch_unwind(AssertUnwindSafe(job)));
                    }
                })?;
        }
        Ok(Self { jobs })
    }

    /// Runs a job and waits for its end. Whoever calls this holds a turn, so that a thread is free for it.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (result, ended) = mpsc::channel();
        let job = Box::new(move || drop(result.send(job())));
        self.jobs.send(job).ok()?;
        ended.recv().ok()
    }
}

fn next(queue: &Mutex<mpsc::Receiver<Job>>) -> Result<Job, mpsc::RecvError> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv()
}

/// Work for the first thread, on the connection that it keeps.
type RootJob = Box<dyn FnOnce(&mut Connection) + Send>;

/// The first thread, with the connection that keeps the engine up.
pub(crate) struct Root {
    jobs: Option<mpsc::Sender<RootJob>>,
    thread: Option<JoinHandle<()>>,
}

impl Root {
    /// Begins the thread, shuts it in, opens the connection on it, and begins the threads for statements.
    pub(crate) fn open(
        within: &Path,
        statements: usize,
        open: impl FnOnce() -> Result<Connection, OpenError> + Send + 'static,
    ) -> Result<(Self, Threads), OpenError> {
        let (jobs, queue) = mpsc::channel::<RootJob>();
        let (report, opened) = mpsc::channel();
        let within = within.to_path_buf();
        let body = move || {
            let began = shut_in(&within)
                .and_then(|()| Threads::start(statements))
                .map_err(OpenError::Threads)
                .and_then(|threads| Ok((open()?, threads)));
            match began {
                Err(error) => drop(report.send(Err(error))),
                Ok((mut kept, threads)) => {
                    drop(report.send(Ok(threads)));
                    while let Ok(job) = queue.recv() {
                        job(&mut kept);
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("engine".into()).stack_size(STACK_BYTES);
        let thread = thread.spawn(body).map_err(OpenError::Threads)?;
        let threads =
            opened.recv().map_err(|lost| OpenError::Threads(io::Error::other(lost)))??;
        Ok((Self { jobs: Some(jobs), thread: Some(thread) }, threads))
    }

    /// Runs a job on the connection and waits for it; `None` when it has been closed.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (result, ended) = mpsc::channel();
        let job = Box::new(move |kept: &mut Connection| drop(result.send(job(kept))));
        self.jobs.as_ref()?.send(job).ok()?;
        ended.recv().ok()
    }

    /// Closes the connection, on its thread. Gives whether it was open.
    pub(crate) fn close(&mut self) -> bool {
        drop(self.jobs.take());
        self.thread.take().is_some_and(|thread| thread.join().is_ok())
    }
}

fn shut_in(within: &Path) -> io::Result<()> {
    match sandbox::shut_in(within)? {
        Some(version) => tracing::info!(version, "the ClickHouse engine is shut in by Landlock"),
        None => tracing::warn!(
            "this kernel has no Landlock: only grants and the guard keep the ClickHouse engine's statements off files"
        ),
    }
    Ok(())
}
