//! The file behind the retained messages: records with a checksum, appended; a torn tail is cut off when opened; the
//! file is written anew when most of it is out of date, and when it lacks what a full disk did not take. It must not know
//! the broker's tree.

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
/// A file that lacks something is written anew, as soon as there is room: tried so often.
const CATCH_UP_EVERY_MS: i64 = 1_000;

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
    /// When the file was last found to lack something that was put.
    behind_since: Option<Timestamp>,
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
        let mut whole_bytes = 0;
        if let Ok(file) = File::open(&path) {
            let mut reader = BufReader::new(file);
            while let Some((entry, bytes)) = read(&mut reader) {
                kept.insert(entry.topic.clone(), entry);
                whole_bytes += bytes;
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
        let live_bytes = live.values().map(|live: &Live| live.record.len() as u64).sum();
        // Written anew at once: that cuts a torn tail off. On a full disk only the tail is cut off.
        let (file, bytes, behind_since) = match write_anew(folder, &live) {
            Ok((file, bytes)) => (file, bytes, None),
            Err(_) => {
                let file = File::options().create(true).append(true).open(&path)?;
                file.set_len(whole_bytes)?;
                (file, whole_bytes, Some(now))
            }
        };
        let folder = folder.to_path_buf();
        let opened = Self { folder, file, bytes, live, live_bytes, behind_since };
        Ok((opened, kept.into_values().collect()))
    }

    /// Appends a message. It is in the operating system's hands when this returns, so a killed process keeps it.
    ///
    /// # Errors
    /// When the disk does not take it: it is written with a later one, as soon as there is room.
    pub(super) fn put(&mut self, entry: Entry, now: Timestamp) -> io::Result<()> {
        let record = record(&entry)?;
        let appended = if self.behind_since.is_none() { self.append(&record, now) } else { Ok(()) };
        let len = record.len() as u64;
        let old = if entry.retain.publish.payload.is_empty() {
            self.live.remove(&entry.topic)
        } else {
            self.live_bytes += len;
            self.live.insert(entry.topic, Live { expires_at: entry.expires_at, record })
        };
        self.live_bytes -= old.map_or(0, |old| old.record.len() as u64);
        appended?;
        let catch_up = self.behind_since.is_some_and(|since| now.since(since) >= CATCH_UP_EVERY_MS);
        if catch_up || self.bytes > REWRITE_BYTES_MIN && self.bytes / 4 > self.live_bytes {
            self.rewrite(now)?;
        }
        Ok(())
    }

    /// Topics that have a message.
    pub(super) fn topics(&self) -> usize {
        self.live.len()
    }

    /// Bytes of their records.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Whether a topic has a message.
    pub(super) fn has(&self, topic: &str) -> bool {
        self.live.contains_key(topic)
    }

    /// Lets go of what has expired.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.live.retain(|_, live| live.expires_at.is_none_or(|at| at > now));
        self.live_bytes = self.live.values().map(|live| live.record.len() as u64).sum();
    }

    fn append(&mut self, record: &[u8], now: Timestamp) -> io::Result<()> {
        if let Err(error) = self.file.write_all(record) {
            // What would follow a torn record could not be read. The file that is written anew does without either way.
            drop(self.file.set_len(self.bytes));
            self.behind_since = Some(now);
            return Err(error);
        }
        self.bytes += record.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self, now: Timestamp) -> io::Result<()> {
        self.live.retain(|_, live| live.expires_at.is_none_or(|at| at > now));
        self.behind_since = self.behind_since.map(|_| now);
        (self.file, self.bytes) = write_anew(&self.folder, &self.live)?;
        self.live_bytes = self.bytes;
        self.behind_since = None;
        Ok(())
    }

    /// Forces the file to disk, with what it lacked.
    pub(super) fn close(mut self, now: Timestamp) -> io::Result<()> {
        if self.behind_since.is_some() {
            return self.rewrite(now);
        }
        self.file.sync_all()
    }
}

/// Writes a new file and moves it into place, so that there is a whole one at every moment.
fn write_anew(folder: &Path, live: &BTreeMap<String, Live>) -> io::Result<(File, u64)> {
    let (path, new) = (folder.join(FILE_NAME), folder.join(NEW_FILE_NAME));
    let written = write_all(&new, live).and_then(|written| {
        fs::rename(&new, &path)?;
        Ok(written)
    });
    if written.is_err() {
        // A part of a file takes room that others need.
        drop(fs::remove_file(&new));
    }
    written
}

fn write_all(path: &Path, live: &BTreeMap<String, Live>) -> io::Result<(File, u64)> {
    let mut writer = BufWriter::new(File::create(path)?);
    let mut bytes = 0;
    for live in live.values() {
        writer.write_all(&live.record)?;
        bytes += live.record.len() as u64;
    }
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
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

/// The next record and its length; `None` at the end and at the first one that is torn.
fn read(reader: &mut impl io::Read) -> Option<(Entry, u64)> {
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
    let entry = Entry { topic: head.topic, expires_at: head.expires_at_ms.map(Timestamp), retain };
    Some((entry, FRAME_BYTES as u64 + len))
}

#[cfg(test)]
mod tests {
    use rmqtt::types::{CodecPublish as Publish, From as Sender, Id, QoS};

    use super::*;

    fn entry(topic: &str, payload: &str) -> Entry {
        let publish = Publish {
            dup: false,
            retain: true,
            qos: QoS::AtLeastOnce,
            topic: topic.into(),
            packet_id: None,
            payload: payload.to_owned().into(),
            properties: None,
        };
        let id = Id::new(1, 1, None, None, "a-client".into(), None);
        let retain =
            Retain { msg_id: None, from: Sender::from_system(id), publish: publish.into() };
        Entry { topic: topic.to_owned(), expires_at: None, retain }
    }

    fn topics(folder: &Path, now: Timestamp) -> Vec<String> {
        let (_, kept) = RetainedFile::open(folder, now).expect("it opens");
        kept.into_iter().map(|entry| entry.topic).collect()
    }

    #[test]
    fn what_a_full_disk_did_not_take_is_in_the_file_as_soon_as_there_is_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |ms: i64| Timestamp(1_000_000 + ms);
        let (mut file, _) = RetainedFile::open(folder.path(), at(0)).expect("it opens");
        file.put(entry("a", "1"), at(1)).expect("room");
        let room = std::mem::replace(&mut file.file, full());
        assert!(file.put(entry("b", "2"), at(2)).is_err(), "no room");
        file.file = room;
        // Nothing is appended behind what may be torn; the next look writes all of it.
        file.put(entry("c", "3"), at(3)).expect("kept in memory");
        assert_eq!(topics_of(folder.path()), ["a"]);
        file.put(entry("d", "4"), at(2_000)).expect("room again");
        assert_eq!(topics(folder.path(), at(2_001)), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_file_with_a_torn_tail_loses_the_tail_alone_even_where_it_cannot_be_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut file, _) = RetainedFile::open(folder.path(), Timestamp(1)).expect("it opens");
        file.put(entry("a", "1"), Timestamp(1)).expect("room");
        file.file.write_all(b"torn").expect("room");
        // A folder in the new file's place stands for a disk without room.
        fs::create_dir(folder.path().join(NEW_FILE_NAME)).expect("a folder");
        let (mut file, kept) = RetainedFile::open(folder.path(), Timestamp(2)).expect("it opens");
        assert_eq!(kept.len(), 1);
        fs::remove_dir(folder.path().join(NEW_FILE_NAME)).expect("it is there");
        file.put(entry("b", "2"), Timestamp(5_000)).expect("room again");
        drop(file);
        assert_eq!(topics(folder.path(), Timestamp(6_000)), ["a", "b"]);
    }

    fn full() -> File {
        File::options().write(true).open("/dev/full").expect("Linux has it")
    }

    /// What the file says, without opening it for writing.
    fn topics_of(folder: &Path) -> Vec<String> {
        let mut reader = BufReader::new(File::open(folder.join(FILE_NAME)).expect("it is there"));
        std::iter::from_fn(|| read(&mut reader)).map(|(entry, _)| entry.topic).collect()
    }
}
