//! `derms backup` and `derms restore`: all of a data folder in one file, taken while `derms up` runs or not, and put back
//! into an empty folder. It knows where each part keeps what, and the order in which that must be read.

mod archive;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use service_kit::clock::{Clock as _, SystemClock, write_time};

use self::archive::{Sums, Title, Writer};
use crate::folder;
use crate::running::Running;
use crate::solo::Server;

/// The log's folders, in the order in which they are read after its list of topics and positions: what names other records
/// comes before them, so that the copy has whatever its own records speak of.
const LOG_ORDER: [&str; 7] =
    ["sent.v1", "snapshots", "decisions", "device-state", "feeder-state", "acks", "telemetry"];
/// How often the files of a folder are looked for before it is given up.
const OPENING_TRIES: usize = 20;
/// In the data folder: says to the next start that the log is a copy.
pub(crate) const RESTORED: &str = "restored";
/// Names the backup that ClickHouse has to read at the next start.
const CLICKHOUSE_RESTORE: &str = "clickhouse.restore";

/// Writes all of `data` into a new file, and says what it holds.
///
/// # Errors
/// When the file exists, or something cannot be read; then no file is left behind.
pub(crate) async fn backup(data: &Path, to: &Path) -> anyhow::Result<String> {
    anyhow::ensure!(data.is_dir(), "there is no data folder {}", data.display());
    anyhow::ensure!(!to.exists(), "{} exists: nothing is overwritten", to.display());
    // Nobody starts it meanwhile; who runs already is asked to help.
    let idle = folder::lock(data).ok();
    let running = if idle.is_some() { None } else { Some(Running::read(data)?) };
    let name = format!("backup-{}", SystemClock.now().0);
    // First: the log then has whatever these rows were made of.
    let rows = match &running {
        Some(running) => {
            running.back_up_clickhouse(&name).await?;
            Some(rows_of(data, &name))
        }
        None => None,
    };
    let part = to.with_extension("part");
    let written = write(data, rows.as_deref(), &part);
    if let Some(rows) = &rows {
        fs::remove_file(rows).with_context(|| format!("removing {}", rows.display()))?;
    }
    let outcome = written.and_then(|sums| {
        // Unlike renaming, this overwrites nothing.
        fs::hard_link(&part, to).with_context(|| format!("naming the file {}", to.display()))?;
        Ok(sums)
    });
    fs::remove_file(&part).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let sums = outcome?;
    Ok(format!(
        "{} holds {} files with {} MiB: the log, ClickHouse, retained messages, accounts and secrets; keep it as safe as \
         the data folder",
        to.display(),
        sums.files,
        sums.bytes >> 20
    ))
}

/// Where ClickHouse keeps a backup of its own.
fn rows_of(data: &Path, name: &str) -> PathBuf {
    data.join(Server::ClickHouse.folder()).join(format!("backups/{name}.tar"))
}

fn write(data: &Path, rows: Option<&Path>, part: &Path) -> anyhow::Result<Sums> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .with_context(|| format!("making the file {}", part.display()))?;
    let mut writer = Writer::new(BufWriter::new(file), write_time(SystemClock.now()))?;
    for folder in folders(data, rows.is_some())? {
        for (path, file) in open_all(data, &folder)? {
            let name = name_of(data, &path)?;
            writer.add(&name, &file).with_context(|| format!("reading {}", path.display()))?;
        }
    }
    if let Some(rows) = rows {
        let file = File::open(rows).with_context(|| format!("opening {}", rows.display()))?;
        writer.add(&name_of(data, rows)?, &file)?;
    }
    let (file, sums) = writer.finish()?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(sums)
}

fn name_of(data: &Path, path: &Path) -> anyhow::Result<String> {
    let name = path.strip_prefix(data).context("a file of the data folder")?;
    Ok(name.to_str().context("a name that is valid UTF-8")?.to_owned())
}

/// Every folder in which something may be kept, in the order in which they are read. While ClickHouse runs, its own files
/// are left to itself.
fn folders(data: &Path, clickhouse_runs: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![data.to_path_buf()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        next += 1;
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("reading the folder {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            let left_out = clickhouse_runs && path == data.join(Server::ClickHouse.folder());
            if entry.file_type()?.is_dir() && !left_out {
                found.push(path);
            }
        }
    }
    found.sort_by_cached_key(|path| (rank(data, path), path.clone()));
    Ok(found)
}

/// Opens the files of one folder that are kept. All of them before one is read: the log joins small segments of a partition
/// into one and removes the others, and a copy must have the records in the one or in the others.
fn open_all(data: &Path, folder: &Path) -> anyhow::Result<Vec<(PathBuf, File)>> {
    for _ in 0..OPENING_TRIES {
        let entries = match fs::read_dir(folder) {
            // A topic or a table that was deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => {
                entries.with_context(|| format!("reading the folder {}", folder.display()))?
            }
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() && is_kept(data, &entry.path()) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let open = |path: PathBuf| File::open(&path).map(|file| (path, file));
        match paths.into_iter().map(open).collect::<io::Result<Vec<_>>>() {
            // One that is gone may be a part of another one now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                return opened.with_context(|| format!("opening files in {}", folder.display()));
            }
        }
    }
    anyhow::bail!("files in {} come and go too quickly to be copied: try again", folder.display())
}

/// Locks, logs and what is made again by itself are not.
fn is_kept(data: &Path, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let in_log = path.starts_with(data.join(Server::Log.folder()));
    let passing = name == "derms.lock" || name == Running::FILE || name.starts_with("derms.log");
    // An index may say more of a segment than the copy of it has; without one it is read anew.
    let helps = in_log && (name.ends_with(".index") || name.ends_with(".new"));
    !passing && !helps
}

/// The rank of a folder: the log's own order, then whatever else there is of the log, then the rest.
fn rank(data: &Path, path: &Path) -> usize {
    let log = data.join(Server::Log.folder());
    let Ok(inside) = path.strip_prefix(&log) else {
        return LOG_ORDER.len() + 2;
    };
    if path == log {
        return 0;
    }
    let inside = inside.to_string_lossy();
    1 + LOG_ORDER.iter().position(|part| inside.contains(part)).unwrap_or(LOG_ORDER.len())
}

/// Puts a backup into a folder that is not there yet or is empty, and says what it holds.
///
/// # Errors
/// When the folder holds something, or the backup is not whole: then the folder is as it was.
pub(crate) fn restore(from: &Path, data: &Path) -> anyhow::Result<String> {
    let holds_something = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(
        !holds_something,
        "the folder {} holds something: choose one that is empty or not there yet",
        data.display()
    );
    let what = || format!("the backup {}", from.display());
    // Once through all of it before anything is written: a damaged one changes nothing.
    read(from, None).with_context(what)?;
    let new = data.with_extension("restoring");
    fs::create_dir(&new).with_context(|| format!("making the folder {}", new.display()))?;
    let outcome = put(from, &new).with_context(what).and_then(|told| {
        drop(fs::remove_dir(data));
        fs::rename(&new, data).with_context(|| format!("naming the folder {}", data.display()))?;
        Ok(told)
    });
    if outcome.is_err() {
        drop(fs::remove_dir_all(&new));
    }
    let (title, sums) = outcome?;
    Ok(format!(
        "{} holds the {} files with {} MiB that derms {} kept at {}; secrets and accounts are those of then; \
         derms up --data {} goes on from there",
        data.display(),
        sums.files,
        sums.bytes >> 20,
        title.version,
        title.at,
        data.display()
    ))
}

fn put(from: &Path, into: &Path) -> anyhow::Result<(Title, Sums)> {
    let (title, sums, paths) = read(from, Some(into))?;
    let rows = paths.iter().find_map(|path| {
        let name = path.strip_prefix("clickhouse/backups/")?;
        name.strip_suffix(".tar")
    });
    if let Some(name) = rows {
        fs::write(into.join(CLICKHOUSE_RESTORE), name).context("noting ClickHouse's backup")?;
    }
    // Agents and devices must not take what this log says for what they have heard already.
    File::create(into.join(RESTORED)).context("marking the log as a copy")?;
    Ok((title, sums))
}

/// Has ClickHouse read what `restore` has put there, if it has; once.
///
/// # Errors
/// When ClickHouse cannot read it.
pub(crate) async fn finish_restore(data: &Path, running: &Running) -> anyhow::Result<()> {
    let note = data.join(CLICKHOUSE_RESTORE);
    let name = match fs::read_to_string(&note) {
        Ok(name) => name,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", note.display())),
    };
    running.restore_clickhouse(&name).await.with_context(|| {
        format!("to go on without ClickHouse's rows, remove {}", note.display())
    })?;
    fs::remove_file(&note).with_context(|| format!("removing {}", note.display()))?;
    let rows = rows_of(data, &name);
    fs::remove_file(&rows).with_context(|| format!("removing {}", rows.display()))
}

fn read(from: &Path, into: Option<&Path>) -> anyhow::Result<(Title, Sums, Vec<String>)> {
    let file = File::open(from).context("opening it")?;
    Ok(archive::read(BufReader::new(file), into)?)
}
