//! A log file that never takes more than its share of the disk: full, it becomes FILE.1, and the oldest is deleted.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file of this size is full.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Full files that are kept: with the one being written, 64 MiB in all.
const FULL_KEPT: u32 = 3;

#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    #[cfg(test)]
    fails: bool,
}

impl RotatingFile {
    /// Opens a file to append to.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_with(path, FILE_BYTES_MAX)
    }

    fn open_with(path: &Path, bytes_max: u64) -> anyhow::Result<Self> {
        let doing = || format!("opening the log file {}", path.display());
        let file = append_to(path).with_context(doing)?;
        let bytes = file.metadata().with_context(doing)?.len();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            bytes,
            bytes_max,
            #[cfg(test)]
            fails: false,
        })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When there is no room for it; a part of it is not left behind.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if self.fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(line) {
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..FULL_KEPT).rev() {
            // One that is not there need not be moved.
            drop(fs::rename(self.full(number), self.full(number + 1)));
        }
        if fs::rename(&self.path, self.full(1)).is_ok() {
            self.file = append_to(&self.path)?;
        } else {
            // A folder that takes no names any more: better the newest lines than a file without end.
            self.file.set_len(0)?;
        }
        self.bytes = 0;
        Ok(())
    }

    fn full(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    #[cfg(test)]
    pub(super) fn fail(&mut self, fails: bool) {
        self.fails = fails;
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_within_their_share_and_the_newest_lines_are_there_over_restarts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        for start in 0..10 {
            let mut file = RotatingFile::open_with(&path, 1_000).expect("a file");
            for line in 0..100 {
                file.write(format!("start {start} line {line} {}\n", "x".repeat(50)).as_bytes())
                    .expect("room");
            }
        }
        let files: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(files.len(), 1 + FULL_KEPT as usize);
        for file in files {
            let bytes = file.expect("a file").metadata().expect("its size").len();
            assert!(bytes <= 1_000, "{bytes}");
        }
        let newest = fs::read_to_string(&path).expect("the newest");
        assert!(newest.lines().last().expect("a line").starts_with("start 9 line 99"), "{newest}");
    }
}
