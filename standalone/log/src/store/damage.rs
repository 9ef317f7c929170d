//! Says what is wrong with a file of the log: which, what is lost, and what can be done.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::batch::BadBatch;
use super::checkpoint::Known;

/// What can be done.
const WAY_OUT: &str = "put the log's folder back from a backup, or start once with \
    DERMS_LOG_REPAIR=true to go on without what is lost (the damaged file is kept beside it as *.damaged)";

/// Why the log does not open.
#[derive(Debug, Error)]
pub enum Damage {
    /// A file cannot be read or written.
    #[error("the log's file {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file ends before what it has held.
    #[error(
        "the log's file {path} is cut short: it has {found} bytes of {expected}, and records up to offset {last} are lost; {WAY_OUT}"
    )]
    Shorter {
        /// Which.
        path: PathBuf,
        /// Bytes that it has.
        found: u64,
        /// Bytes that it had.
        expected: u64,
        /// The last offset it held.
        last: i64,
    },
    /// A file is damaged inside.
    #[error("the log's file {path} is damaged at byte {at} ({bad}): {lost} lost; {WAY_OUT}")]
    Inside {
        /// Which.
        path: PathBuf,
        /// Where.
        at: u64,
        /// How.
        bad: BadBatch,
        /// What is lost, in words.
        lost: String,
    },
    /// The list of topics and positions is damaged.
    #[error(
        "the log's file {path} is damaged in line {line}: topics, or positions of consumer groups, are lost from there on; {WAY_OUT}"
    )]
    Journal {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// A later version has written it.
    #[error(
        "the log's file {path} was written by a later version (format {found}, known is {known}): start that version again"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest known here.
        known: u32,
    },
}

impl Damage {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn shorter(path: &Path, found: u64, known: &Known) -> Self {
        let (expected, last) = (known.bytes, known.next - 1);
        Self::Shorter { path: path.to_owned(), found, expected, last }
    }

    pub(super) fn inside(
        path: &Path,
        at: u64,
        bad: BadBatch,
        first: i64,
        resumes: Option<i64>,
    ) -> Self {
        let lost = match resumes {
            Some(next) if next > first => {
                format!("the records of offsets {first} to {} are", next - 1)
            }
            Some(_) => "no record is".to_owned(),
            None => format!("the records from offset {first} to the file's end are"),
        };
        Self::Inside { path: path.to_owned(), at, bad, lost }
    }

    /// Whether a repair helps.
    #[must_use]
    pub fn is_repairable(&self) -> bool {
        matches!(self, Self::Shorter { .. } | Self::Inside { .. } | Self::Journal { .. })
    }
}
