//! Logging: `tracing`, JSON unless a person reads it, filtered by `RUST_LOG`, else `LOG_LEVEL`; bounded in rate for each
//! place in the code, and in size where it goes to a file.

mod limits;
mod output;
mod rotating;

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::Context;
use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use self::limits::Limits;
use self::output::Output;
use crate::settings::{Settings, key};

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard error.
    Stderr,
    /// A file, appended to; older lines are in files beside it, and the oldest are deleted.
    File(std::path::PathBuf),
}

/// Where the lines of this process go, once logging has been started.
static OUTPUT: OnceLock<Arc<Mutex<Output>>> = OnceLock::new();

/// Starts logging for the process; a second call in one process changes nothing.
///
/// # Errors
/// When the filter cannot be read or the file cannot be opened.
pub fn init(settings: &Settings, destination: &Destination) -> anyhow::Result<()> {
    let level = settings.text(key::LOG_LEVEL);
    let filter = match settings.optional_text(key::RUST_LOG) {
        Some(filter) => EnvFilter::try_new(filter).context("RUST_LOG")?,
        // librdkafka and the embedded servers are chatty at info.
        None => EnvFilter::try_new(format!("warn,{}", ours(level))).context("LOG_LEVEL")?,
    };
    let output = Arc::new(Mutex::new(Output::open(destination)?));
    let lines = Lines { output: Arc::clone(&output), limits: Arc::default() };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    // Tests start several services in one process: the first one's logging serves all.
    let started = if settings.flag(key::LOG_PRETTY) {
        builder.with_ansi(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    if started.is_ok() {
        drop(OUTPUT.set(output));
    }
    Ok(())
}

/// Whether a line is one of a log, as another process of ours writes it.
#[must_use]
pub fn is_line(text: &str) -> bool {
    // JSON, or for people: those begin with the time.
    text.starts_with('{') || text.starts_with("20")
}

/// Takes a line of the log of another process of ours into this one's, as it is.
pub fn forward(line: &str) {
    if let Some(output) = OUTPUT.get() {
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write(format!("{line}\n").as_bytes());
    }
}

/// Gives each event a writer, or none where its place in the code has written too much.
struct Lines {
    output: Arc<Mutex<Output>>,
    limits: Arc<Mutex<Limits>>,
}

/// The way of one line.
struct Line {
    output: Option<Arc<Mutex<Output>>>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { output: Some(Arc::clone(&self.output)) }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        let admitted = {
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            limits.admit(meta, Instant::now())
        };
        let Some(left_out) = admitted else { return Line { output: None } };
        if !left_out.is_empty() {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            for place in left_out {
                output.note(&place.to_string());
            }
        }
        self.make_writer()
    }
}

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(output) = &self.output {
            output.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        }
        // What could not be written is counted there: who logs has no use for an error.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What our crates' targets begin with: what they say at the level of `LOG_LEVEL` is shown, of others only warnings.
pub const TARGETS: [&str; 7] = [
    "schemas",
    "service_kit",
    "control_core",
    "control_instance",
    "bridge_inbound",
    "bridge_outbound",
    "derms",
];

fn ours(level: &str) -> String {
    TARGETS.map(|target| format!("{target}={level}")).join(",")
}
