//! Owns the errors: why the engine could not be opened, and what a statement failed with in ClickHouse's
//! own numbering. It must not know HTTP headers or bodies.

use std::path::PathBuf;

/// Why the engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No library at any of the places that were looked at.
    #[error(
        "the ClickHouse engine library is missing: run scripts/fetch-engine, or set DERMS_CHDB_LIB \
         to a libchdb.so (looked at {})", .looked_at.iter().map(|path| path.display().to_string())
         .collect::<Vec<_>>().join(", ")
    )]
    LibraryMissing { looked_at: Vec<PathBuf> },
    /// The file is there but is not an engine library that this program knows.
    #[error("the ClickHouse engine library {} cannot be loaded: {reason}; run scripts/fetch-engine again", .path.display())]
    LibraryUnusable { path: PathBuf, reason: String },
    /// The data folder cannot be made or locked.
    #[error("the ClickHouse data folder {} cannot be used: {source}", .path.display())]
    DataFolder { path: PathBuf, source: std::io::Error },
    /// Another process has the folder open.
    #[error("the ClickHouse data folder {} is in use by another process", .path.display())]
    InUse { path: PathBuf },
    /// One engine and one data folder per process is what the library allows.
    #[error("the ClickHouse engine is already open in this process")]
    AlreadyOpen,
    /// Its threads could not be begun, or not be shut in.
    #[error("the ClickHouse engine's threads cannot be started: {0}")]
    Threads(std::io::Error),
    /// The engine refused to start on this folder.
    #[error("the ClickHouse engine did not start on {}", .path.display())]
    NotStarted { path: PathBuf },
}

/// A statement's failure, in ClickHouse's words and numbering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DbError {
    /// ClickHouse's error code.
    pub code: u32,
    /// The whole text, starting with `Code: N. DB::Exception:`.
    pub message: String,
}

/// The codes that this crate gives out itself.
pub(crate) mod code {
    pub(crate) const BAD_ARGUMENTS: u32 = 36;
    pub(crate) const NOT_IMPLEMENTED: u32 = 48;
    pub(crate) const SYNTAX_ERROR: u32 = 62;
    pub(crate) const READONLY: u32 = 164;
    pub(crate) const ACCESS_DENIED: u32 = 497;
    pub(crate) const UNKNOWN_SETTING: u32 = 115;
    pub(crate) const QUERY_IS_TOO_LARGE: u32 = 223;
    pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
    pub(crate) const CANNOT_READ_ALL_DATA: u32 = 33;
    pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
    pub(crate) const ABORTED: u32 = 236;
    pub(crate) const STD_EXCEPTION: u32 = 1001;
}

impl DbError {
    pub(crate) fn new(code: u32, name: &str, text: &str) -> Self {
        Self { code, message: format!("Code: {code}. DB::Exception: {text} ({name})") }
    }

    /// Takes over the engine's own text, which starts with its code.
    pub(crate) fn from_engine(message: String) -> Self {
        let number = message
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split('.').next())
            .and_then(|number| number.parse().ok());
        match number {
            Some(code) => Self { code, message },
            None => Self::new(code::STD_EXCEPTION, "STD_EXCEPTION", &message),
        }
    }

    pub(crate) fn unexplained() -> Self {
        Self::new(code::STD_EXCEPTION, "STD_EXCEPTION", "the engine gave no reason")
    }

    /// Whether the engine says that a statement has no streamed form.
    pub(crate) fn is_not_streamable(&self) -> bool {
        self.code == code::BAD_ARGUMENTS
            && self.message.contains("Streaming query is not supported")
    }
}
