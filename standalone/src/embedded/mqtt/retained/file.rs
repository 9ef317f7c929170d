//! The file behind the retained messages: records with a checksum, appended; a torn tail is cut off when opened; the
//! file is written anew when most of it is out of date. It must not know the broker's tree.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rmqtt::types::Retain;
use schemas::Timestamp;
use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "retained.log";
const NEW_FILE_NAME: &str = "retained.new";
/// Bytes of a record's frame: length of the head, length of the payload, checksum of both.
const FRAME_BYTES: usize = 12;
/// Largest part of a record that is believed when reading; anything above is a torn or foreign file.
const PART_BYTES_MAX: u32 = 64 << 20;
/// The file is written anew when it is larger than this and than four times what it still says.
const REWRITE_BYTES_MIN: u64 = 4 << 20;

/// One retained message; an empty payload takes its topic's message away.
pub(super) struct Entry {
    pub(super) topic: String,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) retain: Retain,
}

/// A record's head; the payload follows as it is.
#[derive(Serialize, Deserialize)]
struct Head {
    topic: String,
    expires_at_ms: Option<i64>,
    retain: Retain,
}

/// The open file and what it says.
pub(super) struct RetainedFile {
    folder: PathBuf,
    file: File,
    bytes: u64,
    live: BTreeMap<String, Live>,
    live_bytes: u64,
}

struct Live {
    expires_at: Option<Timestamp>,
    record: Vec<u8>,
}

impl RetainedFile {
    /// Opens the file of a folder and gives what is retained and has not expired.
    pub(super) fn open(folder: &Path, now: Timestamp) -> io::Result<(Self, Vec<Entry>)> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE_NAME);
        let mut kept = BTreeMap::new();
        if let Ok(file) = File::open(&path) {
            let mut reader = BufReader::new(file);
            while let Some(entry) = read(&mut reader) {
                kept.insert(entry.topic.clone(), entry);
            }
        }
        kept.retain(|_, entry| {
            !entry.retain.publish.payload.is_empty() && entry.expires_at.is_none_or(|at| at > now)
        });
        let mut live = BTreeMap::new();
        for entry in kept.values() {
            let record = record(entry)?;
            live.insert(entry.topic.clone(), Live { expires_at: entry.expires_at, record });
        }
        // Written anew at once: that cuts a torn tail off.
        let (file, bytes) = write_anew(folder, &live)?;
        let opened = Self { folder: folder.to_path_buf(), file, bytes, live, live_bytes: bytes };
        Ok((opened, kept.into_values().collect()))
    }

    /// Appends a message. It is in the operating system's hands when this returns, so a killed process keeps it.
    pub(super) fn put(&mut self, entry: Entry, now: Timestamp) -> io::Result<()> {
        let record = record(&entry)?;
        self.file.write_all(&record)?;
        let len = record.len() as u64;
        self.bytes += len;
        let old = if entry.retain.publish.payload.is_empty() {
            self.live.remove(&entry.topic)
        } else {
            self.live_bytes += len;
            self.live.insert(entry.topic, Live { expires_at: entry.expires_at, record })
        };
        self.live_bytes -= old.map_or(0, |old| old.record.len() as u64);
        if self.bytes > REWRITE_BYTES_MIN && self.bytes / 4 > self.live_bytes {
            self.rewrite(now)?;
        }
        Ok(())
    }

    fn rewrite(&mut self, now: Timestamp) -> io::Result<()> {
        self.live.retain(|_, live| live.expires_at.is_none_or(|at| at > now));
        (self.file, self.bytes) = write_anew(&self.folder, &self.live)?;
        self.live_bytes = self.bytes;
        Ok(())
    }

    /// Forces the file to disk.
    pub(super) fn close(self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Writes a new file and moves it into place, so that there is a whole one at every moment.
fn write_anew(folder: &Path, live: &BTreeMap<String, Live>) -> io::Result<(File, u64)> {
    let (path, new) = (folder.join(FILE_NAME), folder.join(NEW_FILE_NAME));
    let mut writer = BufWriter::new(File::create(&new)?);
    let mut bytes = 0;
    for live in live.values() {
        writer.write_all(&live.record)?;
        bytes += live.record.len() as u64;
    }
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    Ok((file, bytes))
}

fn record(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut retain = entry.retain.clone();
    let payload = std::mem::take(&mut retain.publish.inner.payload);
    let head = serde_json::to_vec(&Head {
        topic: entry.topic.clone(),
        expires_at_ms: entry.expires_at.map(|at| at.0),
        retain,
    })?;
    let len = |part: &[u8]| u32::try_from(part.len()).map_err(io::Error::other);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&head);
    checksum.update(&payload);
    let mut record = Vec::with_capacity(FRAME_BYTES + head.len() + payload.len());
    record.extend_from_slice(&len(&head)?.to_le_bytes());
    record.extend_from_slice(&len(&payload)?.to_le_bytes());
    record.extend_from_slice(&checksum.finalize().to_le_bytes());
    record.extend_from_slice(&head);
    record.extend_from_slice(&payload);
    Ok(record)
}

/// The next record; `None` at the end and at the first one that is torn.
fn read(reader: &mut impl io::Read) -> Option<Entry> {
    let mut frame = [0; FRAME_BYTES];
    reader.read_exact(&mut frame).ok()?;
    let number = |at: usize| {
        frame[at..at + 4].try_into().map(u32::from_le_bytes).expect("four bytes of the frame")
    };
    let (head_len, payload_len, checksum) = (number(0), number(4), number(8));
    if head_len > PART_BYTES_MAX || payload_len > PART_BYTES_MAX {
        return None;
    }
    let mut record = Vec::new();
    let len = u64::from(head_len) + u64::from(payload_len);
    reader.take(len).read_to_end(&mut record).ok()?;
    if record.len() as u64 != len || crc32fast::hash(&record) != checksum {
        return None;
    }
    let payload = record.split_off(head_len as usize);
    let head: Head = serde_json::from_slice(&record).ok()?;
    let mut retain = head.retain;
    retain.publish.inner.payload = payload.into();
    Some(Entry { topic: head.topic, expires_at: head.expires_at_ms.map(Timestamp), retain })
}
