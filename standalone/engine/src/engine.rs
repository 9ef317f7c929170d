//! Owns the open engine: its library, its data folder and lock, turns of statements (so many at once, so many waiting),
//! sessions, cancelling and closing. It must not know HTTP.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::{self, EngineOptions, Part};
use crate::connection::{Connection, Parameters};
use crate::error::{DbError, OpenError, code};
use crate::ffi::Api;
use crate::guard::Guard;
use crate::threads::{Root, Threads};

/// Statements that run at one time. The engine parallelises each by itself; more would only compete.
const RUNNING_MAX: usize = 8;
/// Of them, statements of analysts: the writer always finds a turn.
const ANALYSTS_RUNNING_MAX: usize = 4;
/// Statements that may wait for their turn; a further one is refused with ClickHouse's code 202.
const WAITING_MAX: usize = 128;
/// How long a statement waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a statement is told to stop, and how often: longer than it may wait for its turn.
const CANCEL_MAX: Duration = Duration::from_secs(60);
const CANCEL_POLL: Duration = Duration::from_millis(100);

/// ClickHouse's engine on one data folder. Cheap to clone; closed at the end of `serve`, or when the last
/// clone is dropped.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    // Keeps the engine up between statements; it also carries the cancelling of others' statements.
    root: Mutex<Root>,
    threads: Threads,
    api: &'static Api,
    data: PathBuf,
    config: PathBuf,
    database: String,
    guard: Guard,
    running: Arc<Semaphore>,
    analysts: Arc<Semaphore>,
    waiting: AtomicUsize,
    version: String,
    timezone: String,
    lock: Mutex<Option<File>>,
}

/// A statement's turn; given back when dropped.
pub(crate) struct Turn {
    _running: OwnedSemaphorePermit,
    _analyst: Option<OwnedSemaphorePermit>,
}

/// The library is loaded at most once, and has at most one data folder open.
static API: OnceLock<Api> = OnceLock::new();
static OPEN: AtomicBool = AtomicBool::new(false);

impl Engine {
    /// Loads the engine's library and opens (or makes) the data folder.
    ///
    /// # Errors
    /// When the library cannot be loaded, the folder is not usable or in use, or an engine is open already.
    pub fn open(library: &Path, data: &Path, options: &EngineOptions) -> Result<Self, OpenError> {
        let folder_error = |source| OpenError::DataFolder { path: data.to_path_buf(), source };
        std::fs::create_dir_all(data).map_err(folder_error)?;
        let data = data.canonicalize().map_err(folder_error)?;
        let lock = lock(&data)?;
        if OPEN.swap(true, Ordering::SeqCst) {
            return Err(OpenError::AlreadyOpen);
        }
        let config = access::write(&data, options).map_err(folder_error);
        config
            .and_then(|config| Self::start(library, &data, config, lock, options))
            .inspect_err(|_| OPEN.store(false, Ordering::SeqCst))
    }

    fn start(
        library: &Path,
        data: &Path,
        config: PathBuf,
        lock: File,
        options: &EngineOptions,
    ) -> Result<Self, OpenError> {
        let api = load(library)?;
        let not_started = || OpenError::NotStarted { path: data.to_path_buf() };
        let within = options.within.as_deref().unwrap_or(data);
        let (root, threads) = Root::open(within, RUNNING_MAX, {
            let (path, config) = (data.to_path_buf(), config.clone());
            move || Connection::open(api, &path, &config).ok_or(OpenError::NotStarted { path })
        })?;
        let facts = root.run(|connection| {
            play(connection, Part::Root)?;
            let sql = "SELECT version(), timezone()";
            let facts = connection.query(sql.as_bytes(), "TSV", &Parameters::default())?;
            Ok::<_, DbError>((facts, Guard::load(connection)?))
        });
        let (facts, guard) = facts
            .ok_or_else(not_started)?
            .inspect_err(|error| tracing::warn!(%error, "the engine does not answer as it should"))
            .map_err(|_| not_started())?;
        let facts = String::from_utf8_lossy(&facts.data).trim().to_owned();
        let (version, timezone) = facts.split_once('\t').ok_or_else(not_started)?;
        Ok(Self {
            inner: Arc::new(Inner {
                root: Mutex::new(root),
                threads,
                api,
                data: data.to_path_buf(),
                config,
                database: options.database.clone(),
                guard,
                running: Arc::new(Semaphore::new(RUNNING_MAX)),
                analysts: Arc::new(Semaphore::new(ANALYSTS_RUNNING_MAX)),
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

    pub(crate) fn data(&self) -> &Path {
        &self.inner.data
    }

    /// The one database that users see.
    pub(crate) fn database(&self) -> &str {
        &self.inner.database
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.inner.guard
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Code 202 when too many wait already or for too long, code 236 when the engine is closing.
    pub(crate) async fn turn(&self, analyst: bool) -> Result<Turn, DbError> {
        let waiting = Waiting::enter(&self.inner.waiting)?;
        let turn = async {
            // The narrower one first: who waits for it holds no turn of others.
            let own = if analyst { Some(taken(&self.inner.analysts).await?) } else { None };
            Ok(Turn { _running: taken(&self.inner.running).await?, _analyst: own })
        };
        let turn = tokio::time::timeout(WAIT_MAX, turn).await;
        drop(waiting);
        turn.unwrap_or_else(|_| Err(busy(&format!("no turn within {} s", WAIT_MAX.as_secs()))))
    }

    /// Runs work on a thread that may call the engine, with a session of its own: settings and temporary tables never
    /// leak into another's. Blocks until it has ended; the caller holds a turn.
    pub(crate) fn with_session<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let (api, data, config) =
            (self.inner.api, self.inner.data.clone(), self.inner.config.clone());
        let outcome = self.inner.threads.run(move || {
            let mut connection = Connection::open(api, &data, &config)?;
            Some(work(&mut connection))
        });
        outcome.flatten().ok_or_else(DbError::unexplained)
    }

    /// Cancels the statement that runs under `tag` (see `request.rs`). Blocks until it runs no more, at most for
    /// [`CANCEL_MAX`]: one that waits for its turn, or is in the list of statements and has nothing to stop yet, hears
    /// the next word only.
    pub(crate) fn cancel(&self, tag: &str, runs: impl Fn() -> bool) {
        let give_up = Instant::now() + CANCEL_MAX;
        while runs() && Instant::now() < give_up {
            // A tag is a UUID of our own making, so it needs no escaping.
            self.on_root(format!("KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC"));
            std::thread::sleep(CANCEL_POLL);
        }
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
            self.on_root("KILL QUERY WHERE query_id != currentQueryID() ASYNC".into());
            std::thread::sleep(CLOSE_POLL);
        }
        self.inner.stop();
    }

    fn on_root(&self, sql: String) {
        let root = self.inner.root.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = root.run(move |connection| {
            connection.query(sql.as_bytes(), "TSV", &Parameters::default()).map(drop)
        });
        if let Some(Err(error)) = outcome {
            tracing::warn!(%error, "engine refused to cancel statements");
        }
    }
}

fn load(library: &Path) -> Result<&'static Api, OpenError> {
    if let Some(api) = API.get() {
        return Ok(api);
    }
    let api = Api::load(library).map_err(|error| OpenError::LibraryUnusable {
        path: library.to_path_buf(),
        reason: error.to_string(),
    })?;
    // SAFETY: called before the first connection, as the interface asks. Signals belong to the host process.
    unsafe { (api.set_signal_handlers_enabled)(0) };
    Ok(API.get_or_init(|| api))
}

/// Takes a part, and its grants alone, for the rest of the session.
pub(crate) fn play(connection: &mut Connection, part: Part) -> Result<(), DbError> {
    let sql = format!("SET ROLE {}", part.role());
    connection.query(sql.as_bytes(), "TSV", &Parameters::default()).map(drop)
}

async fn taken(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbError> {
    Arc::clone(of).acquire_owned().await.map_err(|_| closing())
}

/// One that waits for its turn.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, DbError> {
        let entered = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return Err(busy(&format!("{RUNNING_MAX} run and {WAITING_MAX} wait")));
        }
        Ok(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// ClickHouse's answer when there is no room for another statement.
pub(crate) fn busy(why: &str) -> DbError {
    DbError::new(
        code::TOO_MANY_SIMULTANEOUS_QUERIES,
        "TOO_MANY_SIMULTANEOUS_QUERIES",
        &format!("Too many simultaneous queries: {why}"),
    )
}

/// How often a closing engine looks whether its statements have ended.
const CLOSE_POLL: Duration = Duration::from_millis(20);

impl Inner {
    /// Closes the last connection, which stops the engine, and then gives the folder up.
    fn stop(&self) {
        if self.root.lock().unwrap_or_else(PoisonError::into_inner).close() {
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
