//! The copy that faults are put into: what the core's tests and the simulation are built from, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Crates of the copy: the simulation, and all that it runs.
const CRATES: [&str; 7] = [
    "schemas",
    "processor/core",
    "processor/instance",
    "bridge/inbound",
    "bridge/outbound",
    "simulator/device",
    "proving",
];
/// And what they need beside.
const FILES: [&str; 4] = ["Cargo.lock", "clippy.toml", "docs/contract.md", "docs/reality.md"];

/// The copy and what it was made from.
pub(crate) struct Tree {
    root: PathBuf,
    place: PathBuf,
}

impl Tree {
    /// It stands at one place, so that the dependencies are built once.
    pub(crate) fn copy(root: &Path) -> io::Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        let place = target.join("mutants/tree");
        for folder in CRATES {
            copy_folder(&root.join(folder), &place.join(folder))?;
        }
        for file in FILES {
            copy_file(&root.join(file), &place.join(file))?;
        }
        let text = fs::read_to_string(root.join("Cargo.toml"))?;
        write(&place.join("Cargo.toml"), manifest(&text)?.as_bytes())?;
        Ok(Self { root: root.to_owned(), place })
    }

    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Where it is built. Apart from everything else: cargo names what it builds by its place in the workspace, so it would
    /// take what was built with a fault for what has none.
    pub(crate) fn target(&self) -> PathBuf {
        self.place.join("../target")
    }

    /// Puts a fault in.
    pub(crate) fn put(&self, file: &Path, find: &str, replace: &str) -> io::Result<()> {
        let place = self.place.join(file);
        let text = fs::read_to_string(&place)?;
        fs::write(&place, text.replacen(find, replace, 1))
    }

    /// Takes it out again.
    pub(crate) fn restore(&self, file: &Path) -> io::Result<()> {
        copy_file(&self.root.join(file), &self.place.join(file))
    }
}

/// The workspace's manifest, of the crates of the copy: what replaces crates of others is not among them.
fn manifest(text: &str) -> io::Result<String> {
    let none = || io::Error::other("no members in Cargo.toml");
    let begin = text.find("members = [").ok_or_else(none)?;
    let end = begin + text[begin..].find(']').ok_or_else(none)?;
    let text = format!("{}members = {CRATES:?}{}", &text[..begin], &text[end + 1..]);
    let Some(begin) = text.find("[patch.") else { return Ok(text) };
    let end = text[begin + 1..].find("\n[").map_or(text.len(), |end| begin + 1 + end + 1);
    Ok(format!("{}{}", &text[..begin], &text[end..]))
}

/// A folder as it is there: what is no more there goes, and what is the same is left alone, so that it is not built again.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            let source = from.join(entry.file_name());
            if is_folder && !source.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if !is_folder && !source.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            copy_file(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    write(to, &fs::read(from)?)
}

/// Writes a file of the copy, unless that is what stands there.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if file.exists() && fs::read(file)? == bytes {
        return Ok(());
    }
    fs::write(file, bytes)
}
