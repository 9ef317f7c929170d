//! Logging: `tracing`, JSON unless a person reads it, filtered by `RUST_LOG`, else `LOG_LEVEL`.

use std::fs::File;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::settings::Settings;

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(std::path::PathBuf),
}

/// Starts logging for the process; a second call in one process changes nothing.
///
/// # Errors
/// When the filter cannot be read or the file cannot be opened.
pub fn init(settings: &Settings, destination: &Destination) -> anyhow::Result<()> {
    let level = settings.choice("LOG_LEVEL");
    let filter = match settings.optional_text("RUST_LOG") {
        Some(filter) => EnvFilter::try_new(filter).context("RUST_LOG")?,
        // librdkafka and the embedded servers are chatty at info.
        None => EnvFilter::try_new(format!("warn,{}", ours(level))).context("LOG_LEVEL")?,
    };
    let writer = match destination {
        Destination::Stderr => BoxMakeWriter::new(std::io::stderr),
        Destination::File(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("opening the log file {}", path.display()))?;
            BoxMakeWriter::new(Mutex::new(file))
        }
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // Tests start several services in one process: the first one's logging serves all.
    let started = if settings.flag("LOG_PRETTY") {
        builder.with_ansi(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    drop(started);
    Ok(())
}

fn ours(level: &str) -> String {
    [
        "service_kit",
        "control_core",
        "derms_bridge",
        "derms_processor",
        "derms_api",
        "derms_sim",
        "derms_agent",
        "derms_engine",
        "derms",
    ]
    .map(|target| format!("{target}={level}"))
    .join(",")
}
