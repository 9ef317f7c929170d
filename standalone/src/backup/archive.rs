//! The format of a backup: entries one after the other, each a line of JSON that names a file, its bytes as they are, and
//! a line with the checksum of both; the last entry says that nothing is missing. It must not know what the files are.

use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const FORMAT: u32 = 1;
const LINE_BYTES_MAX: u64 = 8 * 1024;
const CHUNK_BYTES: usize = 1 << 20;

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is no backup of derms")]
    Foreign,
    #[error(
        "it was written by a newer derms (format {0}; this one reads {FORMAT}): restore with that one"
    )]
    Newer(u32),
    #[error("it is damaged: {file} is not what was written")]
    Damaged { file: String },
    #[error("it is incomplete: it ends after {files} files")]
    CutShort { files: u64 },
    #[error("{file} leads out of the folder: it is no backup of derms")]
    Outside { file: String },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Title {
    format: u32,
    /// The program that wrote it.
    pub(crate) version: String,
    /// When, as people write it.
    pub(crate) at: String,
}

/// What it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Title(Title),
    File { path: String, mode: u32, bytes: u64 },
    End(Sums),
}

/// Writes a backup.
pub(super) struct Writer<W> {
    out: W,
    sums: Sums,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, at: String) -> io::Result<Self> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut writer = Self { out, sums: Sums::default() };
        writer.line(&Entry::Title(Title { format: FORMAT, version, at }))?;
        Ok(writer)
    }

    /// Adds a file under a path, as long as it is now: what is appended to it meanwhile is not part of it.
    pub(super) fn add(&mut self, path: &str, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let (mode, bytes) = (metadata.permissions().mode() & 0o777, metadata.len());
        let line = self.line(&Entry::File { path: path.to_owned(), mode, bytes })?;
        let (copied, sum) = copy(&line, &mut file.take(bytes), &mut self.out)?;
        if copied != bytes {
            return Err(io::Error::other(format!("{path} became shorter while it was read")));
        }
        writeln!(self.out, "{sum}")?;
        self.sums.files += 1;
        self.sums.bytes += bytes;
        Ok(())
    }

    /// Says that nothing is missing.
    pub(super) fn finish(mut self) -> io::Result<(W, Sums)> {
        let sums = self.sums;
        self.line(&Entry::End(sums))?;
        self.out.flush()?;
        Ok((self.out, sums))
    }

    fn line(&mut self, entry: &Entry) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        Ok(line)
    }
}

/// Reads a backup to its end and checks all of it; with a folder, puts its files there.
pub(super) fn read(
    mut from: impl BufRead,
    into: Option<&Path>,
) -> Result<(Title, Sums, Vec<String>), Unreadable> {
    let Some((Entry::Title(title), _)) = entry(&mut from)? else {
        return Err(Unreadable::Foreign);
    };
    if title.format > FORMAT {
        return Err(Unreadable::Newer(title.format));
    }
    let (mut sums, mut paths) = (Sums::default(), Vec::new());
    loop {
        match entry(&mut from)? {
            Some((Entry::File { path, mode, bytes }, line)) => {
                take(&mut from, into, &line, (&path, mode, bytes))?;
                sums.files += 1;
                sums.bytes += bytes;
                paths.push(path);
            }
            Some((Entry::End(said), _)) if said == sums => return Ok((title, sums, paths)),
            Some(_) | None => return Err(Unreadable::CutShort { files: sums.files }),
        }
    }
}

fn entry(from: &mut impl BufRead) -> Result<Option<(Entry, Vec<u8>)>, Unreadable> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let entry = serde_json::from_slice(&line).map_err(|_| Unreadable::Foreign)?;
    Ok(Some((entry, line)))
}

fn take(
    from: &mut impl BufRead,
    into: Option<&Path>,
    line: &[u8],
    (path, mode, bytes): (&str, u32, u64),
) -> Result<(), Unreadable> {
    let damaged = || Unreadable::Damaged { file: path.to_owned() };
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.is_empty() {
        return Err(Unreadable::Outside { file: path.to_owned() });
    }
    let (copied, sum) = match into {
        Some(folder) => {
            let place: PathBuf = folder.join(path);
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = File::options();
            let mut file = file.write(true).create_new(true).mode(mode & 0o777).open(&place)?;
            let outcome = copy(line, &mut from.take(bytes), &mut file)?;
            file.sync_all()?;
            outcome
        }
        None => copy(line, &mut from.take(bytes), &mut io::sink())?,
    };
    let mut said = String::new();
    from.take(LINE_BYTES_MAX).read_line(&mut said).map_err(|_| damaged())?;
    if copied != bytes || said.trim_end() != sum {
        return Err(damaged());
    }
    Ok(())
}

/// Copies to the end; gives how much that was, and the checksum of it with the line before it.
fn copy(line: &[u8], from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut chunk, mut hash, mut copied) = (vec![0; CHUNK_BYTES], Sha256::new(), 0);
    hash.update(line);
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            let sum = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((copied, sum));
        }
        hash.update(&chunk[..count]);
        to.write_all(&chunk[..count])?;
        copied += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(folder: &Path) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), "now".to_owned()).expect("memory");
        for (name, text) in [("a", "one"), ("b/c", ""), ("b/d", "{\"end\":1}\n")] {
            let place = folder.join(name.replace('/', "-"));
            fs::write(&place, text).expect("a file");
            writer.add(name, &File::open(&place).expect("it is there")).expect("memory");
        }
        writer.finish().expect("memory").0
    }

    #[test]
    fn what_was_put_in_comes_out_and_nothing_is_overwritten() {
        let (folder, into) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let bytes = archive(folder.path());
        let (title, sums, paths) = read(&*bytes, Some(into.path())).expect("whole");
        assert_eq!((title.at.as_str(), sums.files, sums.bytes), ("now", 3, 13));
        assert_eq!(paths, ["a", "b/c", "b/d"]);
        assert_eq!(fs::read_to_string(into.path().join("b/d")).expect("there"), "{\"end\":1}\n");
        let again = read(&*bytes, Some(into.path()));
        assert!(
            matches!(again, Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists)
        );
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = archive(folder.path());
        read(&*whole, None).expect("whole");
        for length in 0..whole.len() - 1 {
            assert!(read(&whole[..length], None).is_err(), "cut at {length}");
        }
        let text = String::from_utf8(whole.clone()).expect("text");
        // The title is for people; everything after it counts.
        let after_title = text.find('\n').expect("a line") + 1;
        for place in after_title..whole.len() - 1 {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(read(&*changed, None).is_err(), "changed at {place}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let into = tempfile::tempdir().expect("a folder");
        for path in ["../x", "/x", "a/../../x", "", "."] {
            let title = r#"{"title":{"format":1,"version":"1","at":"now"}}"#;
            let file = serde_json::json!({"file": {"path": path, "mode": 384, "bytes": 0}});
            let text = format!("{title}\n{file}\n");
            let outcome = read(text.as_bytes(), Some(into.path()));
            assert!(matches!(outcome, Err(Unreadable::Outside { .. })), "{path:?}: {outcome:?}");
        }
    }
}
