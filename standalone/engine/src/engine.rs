//! Owns the open engine: its library, its data folder and lock, admission of statements (so many at once,
//! so many waiting), cancelling and closing. It must not know HTTP.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::{Connection, Parameters};
use crate::error::{DbError, OpenError, code};
use crate::ffi::Api;

/// Statements that run at one time. The engine parallelises each by itself; more would only compete.
const RUNNING_MAX: usize = 8;
/// Statements that may wait for their turn; a further one is refused with ClickHouse's code 202.
const WAITING_MAX: usize = 128;

/// ClickHouse's engine on one data folder. Cheap to clone; closed at the end of `serve`, or when the last
/// clone is dropped.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    // Keeps the engine up between statements; it also carries the cancelling of others' statements.
    root: Mutex<Option<Connection>>,
    api: &'static Api,
    data: PathBuf,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    version: String,
    timezone: String,
    lock: Mutex<Option<File>>,
}

/// The library is loaded at most once, and has at most one data folder open.
static API: OnceLock<Api> = OnceLock::new();
static OPEN: AtomicBool = AtomicBool::new(false);

impl Engine {
    /// Loads the engine's library and opens (or makes) the data folder.
    ///
    /// # Errors
    /// When the library cannot be loaded, the folder is not usable or in use, or an engine is open already.
    pub fn open(library: &Path, data: &Path) -> Result<Self, OpenError> {
        let folder_error = |source| OpenError::DataFolder { path: data.to_path_buf(), source };
        std::fs::create_dir_all(data).map_err(folder_error)?;
        let data = data.canonicalize().map_err(folder_error)?;
        let lock = lock(&data)?;
        if OPEN.swap(true, Ordering::SeqCst) {
            return Err(OpenError::AlreadyOpen);
        }
        Self::start(library, &data, lock).inspect_err(|_| OPEN.store(false, Ordering::SeqCst))
    }

    fn start(library: &Path, data: &Path, lock: File) -> Result<Self, OpenError> {
        let api = match API.get() {
            Some(api) => api,
            None => {
                let api = Api::load(library).map_err(|error| OpenError::LibraryUnusable {
                    path: library.to_path_buf(),
                    reason: error.to_string(),
                })?;
                // SAFETY: called before the first connection, as the interface asks. Signals belong to
                // the host process.
                unsafe { (api.set_signal_handlers_enabled)(0) };
                API.get_or_init(|| api)
            }
        };
        let not_started = || OpenError::NotStarted { path: data.to_path_buf() };
        let mut root = Connection::open(api, data).ok_or_else(not_started)?;
        let facts = root
            .query(b"SELECT version(), timezone()", "TSV", &Parameters::default())
            .map_err(|_| not_started())?;
        let facts = String::from_utf8_lossy(&facts.data).trim().to_owned();
        let (version, timezone) = facts.split_once('\t').ok_or_else(not_started)?;
        Ok(Self {
            inner: Arc::new(Inner {
                root: Mutex::new(Some(root)),
                api,
                data: data.to_path_buf(),
                running: Arc::new(Semaphore::new(RUNNING_MAX)),
                waiting: AtomicUsize::new(0),
                version: version.to_owned(),
                timezone: timezone.to_owned(),
                lock: Mutex::new(Some(lock)),
            }),
        })
    }

    /// The engine's version, as `SELECT version()` gives it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// The engine's time zone.
    #[must_use]
    pub fn timezone(&self) -> &str {
        &self.inner.timezone
    }

    /// Waits for a turn, on a blocking thread.
    ///
    /// # Errors
    /// Code 202 when too many wait already, code 236 when the engine is closing.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, DbError> {
        if self.inner.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(DbError::new(
                code::TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                &format!("Too many simultaneous queries: {RUNNING_MAX} run and {WAITING_MAX} wait"),
            ));
        }
        let permit = futures::executor::block_on(Arc::clone(&self.inner.running).acquire_owned());
        self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
        permit.map_err(|_| closing())
    }

    /// A session of its own for one statement: settings and temporary tables never leak into another's.
    pub(crate) fn connect(&self) -> Result<Connection, DbError> {
        Connection::open(self.inner.api, &self.inner.data).ok_or_else(DbError::unexplained)
    }

    /// Cancels the statement that runs under `tag` (see `request.rs`); blocks for a moment.
    pub(crate) fn cancel(&self, tag: &str) {
        // A tag is a UUID of our own making, so it needs no escaping.
        let sql = format!("KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC");
        self.on_root(&sql);
    }

    /// Refuses new statements, cancels those that run, waits for them to end and stops the engine, which
    /// flushes it. Blocks until `deadline` at most.
    pub(crate) fn close(&self, deadline: Instant) {
        self.inner.running.close();
        while self.inner.running.available_permits() < RUNNING_MAX {
            if Instant::now() >= deadline {
                // Its data is safe all the same: parts are complete or absent.
                tracing::warn!("engine left open: a statement does not end");
                return;
            }
            self.on_root("KILL QUERY WHERE query_id != currentQueryID() ASYNC");
            std::thread::sleep(CLOSE_POLL);
        }
        self.inner.stop();
    }

    fn on_root(&self, sql: &str) {
        let mut root = self.inner.root.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = root.as_mut()
            && let Err(error) = connection.query(sql.as_bytes(), "TSV", &Parameters::default())
        {
            tracing::warn!(%error, "engine refused to cancel statements");
        }
    }
}

/// How often a closing engine looks whether its statements have ended.
const CLOSE_POLL: Duration = Duration::from_millis(20);

impl Inner {
    /// Closes the last connection, which stops the engine, and then gives the folder up.
    fn stop(&self) {
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner).take();
        if root.is_some() {
            drop(root);
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
            OPEN.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn closing() -> DbError {
    DbError::new(code::ABORTED, "ABORTED", "The engine is closing")
}

/// Takes the folder for this process: the engine itself would let two processes write the same parts.
fn lock(data: &Path) -> Result<File, OpenError> {
    let folder_error = |source| OpenError::DataFolder { path: data.to_path_buf(), source };
    let file = File::create(data.join("derms.lock")).map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: data.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(folder_error(source)),
    }
}

/// Ends the process at once, skipping the C++ destructors of the engine library, which crash when
/// any engine thread is still busy. Call it last, with everything closed and flushed.
pub fn exit_process(status: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(status) }
}
