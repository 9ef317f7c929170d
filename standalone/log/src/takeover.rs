//! Brings in the data of an older version, which kept all in one SQLite file: topics with their settings, records with
//! their offsets, times and keys, positions of groups. The old file is kept aside, so that one can go back.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, mem};

use libsql::{Connection, Rows, params};
use thiserror::Error;

use crate::store::record::Builder;
use crate::store::{AppendError, Damage, Disk, Limits, Position, Store, TopicError};

const OLD_NAME: &str = "log.db";
/// What the old file is called afterwards; SQLite's own files beside it follow.
const KEPT_NAME: &str = "log.db.before";
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];
const NEW_FOLDER: &str = "takeover";
/// Records of so many bytes are put into one batch, and at most so many.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_RECORDS: i64 = 5_000;

/// Why the old data was not brought in; it is untouched.
#[derive(Debug, Error)]
pub enum TakeoverError {
    /// The old file cannot be read.
    #[error(
        "the log of an older version, {path}, cannot be read ({source}): it is damaged or not whole. \
         Put the folder back from a backup, or move the file away to begin with an empty log"
    )]
    Old {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: libsql::Error,
    },
    /// The new files cannot be written.
    #[error("taking over the log of an older version: {0}")]
    Io(#[from] io::Error),
    /// The same.
    #[error("taking over the log of an older version: {0}")]
    Append(#[from] AppendError),
    /// The same.
    #[error("taking over the log of an older version: {0}")]
    Topic(#[from] TopicError),
    /// The same.
    #[error("taking over the log of an older version: {0}")]
    Open(#[from] Damage),
}

/// Whether an older version has left something in `folder` that the next start brings in.
#[must_use]
pub fn is_due(folder: &Path) -> bool {
    !Store::exists(folder) && folder.join(OLD_NAME).exists()
}

/// Brings in what an older version left in `folder`, where there is some and no log of this version yet.
///
/// # Errors
/// [`TakeoverError`]; the old file stays as it is, and the next start tries again.
pub async fn take_over(folder: &Path) -> Result<(), TakeoverError> {
    let old = folder.join(OLD_NAME);
    if !is_due(folder) {
        return Ok(());
    }
    tracing::warn!(file = %old.display(), "taking over the log of an older version; this is done once");
    let new = folder.join(NEW_FOLDER);
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    let limits = Limits { bytes_max: u64::MAX, ..Limits::default() };
    let store = Store::open(&new, limits, Disk::default(), false)?;
    let count = copy(&old, &store).await.map_err(|error| match error {
        Copy::Old(source) => TakeoverError::Old { path: old.clone(), source },
        Copy::New(error) => error,
    })?;
    store.sync(true)?;
    drop(store);
    // Everything but the journal first: it is what makes this a log.
    let (journal, rest): (Vec<_>, Vec<_>) = fs::read_dir(&new)?
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .partition(|entry| entry.file_name() == "journal");
    for entry in rest.into_iter().chain(journal) {
        let to = folder.join(entry.file_name());
        if to.is_dir() {
            fs::remove_dir_all(&to)?;
        }
        fs::rename(entry.path(), to)?;
    }
    fs::remove_dir(&new)?;
    for suffix in BESIDE {
        let from = folder.join(format!("{OLD_NAME}{suffix}"));
        if from.exists() {
            fs::rename(from, folder.join(format!("{KEPT_NAME}{suffix}")))?;
        }
    }
    tracing::warn!(records = count, kept = KEPT_NAME, "the log of an older version is taken over");
    Ok(())
}

/// Which side failed.
enum Copy {
    Old(libsql::Error),
    New(TakeoverError),
}

impl From<libsql::Error> for Copy {
    fn from(error: libsql::Error) -> Self {
        Self::Old(error)
    }
}

impl From<io::Error> for Copy {
    fn from(error: io::Error) -> Self {
        Self::New(error.into())
    }
}

impl From<AppendError> for Copy {
    fn from(error: AppendError) -> Self {
        Self::New(error.into())
    }
}

impl From<TopicError> for Copy {
    fn from(error: TopicError) -> Self {
        Self::New(error.into())
    }
}

async fn copy(old: &Path, store: &Store) -> Result<u64, Copy> {
    let database = libsql::Builder::new_local(old).build().await?;
    let connection = database.connect()?;
    let mut count = 0;
    for (id, name, partitions) in topics(&connection).await? {
        let configs = configs(&connection, id).await?;
        store.create_topic(&name, partitions, configs, false)?;
        for (topition, partition) in topitions(&connection, id).await? {
            count += records(&connection, topition, store, &name, partition).await?;
        }
    }
    positions(&connection, store).await?;
    Ok(count)
}

async fn topics(connection: &Connection) -> Result<Vec<(i64, String, i32)>, Copy> {
    let mut rows = connection.query("select id, name, partitions from topic", ()).await?;
    let mut topics = Vec::new();
    while let Some(row) = rows.next().await? {
        topics.push((row.get(0)?, row.get(1)?, row.get(2)?));
    }
    Ok(topics)
}

async fn configs(connection: &Connection, topic: i64) -> Result<BTreeMap<String, String>, Copy> {
    let text = "select name, value from topic_configuration where topic = ?1";
    let mut rows = connection.query(text, params![topic]).await?;
    let mut configs = BTreeMap::new();
    while let Some(row) = rows.next().await? {
        if let Some(value) = row.get::<Option<String>>(1)? {
            configs.insert(row.get(0)?, value);
        }
    }
    Ok(configs)
}

async fn topitions(connection: &Connection, topic: i64) -> Result<Vec<(i64, i32)>, Copy> {
    let text = "select id, partition from topition where topic = ?1 order by partition";
    let mut rows = connection.query(text, params![topic]).await?;
    let mut topitions = Vec::new();
    while let Some(row) = rows.next().await? {
        topitions.push((row.get(0)?, row.get(1)?));
    }
    Ok(topitions)
}

async fn records(
    connection: &Connection,
    topition: i64,
    store: &Store,
    topic: &str,
    partition: i32,
) -> Result<u64, Copy> {
    let open = store.partition(topic, partition).ok_or(TopicError::Unknown)?;
    let (first, high) = bounds(connection, topition).await?;
    let mut headers = Headers::open(connection, topition).await?;
    let text =
        "select offset_id, timestamp, k, v from record where topition = ?1 order by offset_id";
    let mut rows = connection.query(text, params![topition]).await?;
    let mut batch: Option<(i64, Builder)> = None;
    let (mut count, mut next) = (0, 0);
    while let Some(row) = rows.next().await? {
        let (offset, timestamp): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (key, value): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
        let full = batch.as_ref().is_some_and(|(first, batch)| {
            batch.bytes() >= BATCH_BYTES || offset - first >= BATCH_RECORDS
        });
        if full && let Some((_, batch)) = batch.take() {
            append(&open, batch)?;
        }
        let (_, builder) = batch.get_or_insert_with(|| (offset, Builder::new(offset, timestamp)));
        let headers = headers.of(offset).await?;
        builder.push(offset, timestamp, key.as_deref(), value.as_deref(), &headers);
        (count, next) = (count + 1, offset + 1);
    }
    if let Some((_, batch)) = batch {
        append(&open, batch)?;
    }
    // Offsets that were given away are not given again, even where nothing of them is left.
    open.continue_at(high.max(next)).map_err(AppendError::from)?;
    if first > 0 {
        store.delete_records(topic, partition, first)?;
    }
    Ok(count)
}

fn append(partition: &crate::store::Partition, batch: Builder) -> Result<(), Copy> {
    let batch = batch.build(true).map_err(io::Error::other)?;
    Ok(partition.append_placed(&batch)?)
}

/// First offset, and the one after the last.
async fn bounds(connection: &Connection, topition: i64) -> Result<(i64, i64), Copy> {
    let text =
        "select coalesce(max(low), 0), coalesce(max(high), 0) from watermark where topition = ?1";
    let mut rows = connection.query(text, params![topition]).await?;
    match rows.next().await? {
        Some(row) => Ok((row.get(0)?, row.get(1)?)),
        None => Ok((0, 0)),
    }
}

/// Name and value.
type Header = (Vec<u8>, Option<Vec<u8>>);

/// The headers of a partition's records, read beside the records.
struct Headers {
    rows: Rows,
    ahead: Option<(i64, Header)>,
}

impl Headers {
    async fn open(connection: &Connection, topition: i64) -> Result<Self, Copy> {
        let text =
            "select offset_id, k, v from header where topition = ?1 order by offset_id, rowid";
        let rows = connection.query(text, params![topition]).await?;
        let mut headers = Self { rows, ahead: None };
        headers.advance().await?;
        Ok(headers)
    }

    async fn advance(&mut self) -> Result<(), Copy> {
        self.ahead = match self.rows.next().await? {
            Some(row) => Some((row.get(0)?, (row.get(1)?, row.get(2)?))),
            None => None,
        };
        Ok(())
    }

    async fn of(&mut self, offset: i64) -> Result<Vec<Header>, Copy> {
        let mut headers = Vec::new();
        while self.ahead.as_ref().is_some_and(|(at, _)| *at <= offset) {
            let (at, header) = mem::take(&mut self.ahead).unwrap_or_default();
            if at == offset {
                headers.push(header);
            }
            self.advance().await?;
        }
        Ok(headers)
    }
}

async fn positions(connection: &Connection, store: &Store) -> Result<(), Copy> {
    let text = "select g.name, t.name, p.partition, o.committed_offset, o.metadata \
                from consumer_offset o join consumer_group g on g.id = o.consumer_group \
                join topition p on p.id = o.topition join topic t on t.id = p.topic";
    let mut rows = connection.query(text, ()).await?;
    while let Some(row) = rows.next().await? {
        let (group, topic): (String, String) = (row.get(0)?, row.get(1)?);
        let (partition, offset): (i32, i64) = (row.get(2)?, row.get(3)?);
        let metadata: Option<String> = row.get(4)?;
        store.put_position(&group, &topic, partition, Position { offset, metadata })?;
    }
    Ok(())
}
