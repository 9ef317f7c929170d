//! What the log knows beside records: topics with their settings, positions of consumer groups, first offsets, its own
//! identity. One file of lines, appended to; written anew when most of it is out of date.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::checksum;
use super::damage::Damage;
use super::disk::Disk;

const FILE_NAME: &str = "journal";
const FORMAT: u32 = 1;
/// Below this size it is not written anew.
const REWRITE_BYTES_MIN: u64 = 1 << 20;
/// Producer ids are reserved so many at a time.
const PRODUCER_IDS: i64 = 1_000;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
    /// Its settings, as given.
    pub configs: BTreeMap<String, String>,
    /// First offsets that were moved by hand, by partition.
    #[serde(default)]
    pub starts: BTreeMap<i32, i64>,
}

/// A group's position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The next offset to read.
    pub offset: i64,
    /// A text stored with it.
    #[serde(default)]
    pub metadata: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Log { format: u32, id: Uuid },
    Topic { name: String, topic: Topic },
    TopicDeleted { name: String },
    Position { group: String, topic: String, partition: i32, position: Position },
    GroupDeleted { group: String },
    ProducerIds { next: i64 },
}

/// Positions of one group.
pub type Positions = BTreeMap<(String, i32), Position>;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The log's identity: another one when it was made anew.
    pub id: Uuid,
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
    /// Positions by group.
    pub groups: BTreeMap<String, Positions>,
    next_producer: i64,
}

impl Contents {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Log { id, .. } => self.id = id,
            Event::Topic { name, topic } => {
                self.topics.insert(name, topic);
            }
            Event::TopicDeleted { name } => {
                self.topics.remove(&name);
                for positions in self.groups.values_mut() {
                    positions.retain(|(topic, _), _| *topic != name);
                }
            }
            Event::Position { group, topic, partition, position } => {
                self.groups.entry(group).or_default().insert((topic, partition), position);
            }
            Event::GroupDeleted { group } => {
                self.groups.remove(&group);
            }
            Event::ProducerIds { next } => self.next_producer = next,
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut events = vec![
            Event::Log { format: FORMAT, id: self.id },
            Event::ProducerIds { next: self.next_producer },
        ];
        events.extend(
            self.topics
                .iter()
                .map(|(name, topic)| Event::Topic { name: name.clone(), topic: topic.clone() }),
        );
        for (group, positions) in &self.groups {
            events.extend(positions.iter().map(|((topic, partition), position)| Event::Position {
                group: group.clone(),
                topic: topic.clone(),
                partition: *partition,
                position: position.clone(),
            }));
        }
        events
    }
}

/// The file and what it says.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    disk: Disk,
    file: File,
    bytes: u64,
    /// Its size when it was last written anew.
    fresh_bytes: u64,
    dirty: bool,
    contents: Contents,
    /// Producer ids up to this one are reserved.
    reserved: i64,
}

impl Journal {
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join(FILE_NAME).exists()
    }

    /// Opens it, or makes it. With `repair`, what stands after a damage is given up.
    pub(super) fn open(folder: &Path, disk: &Disk, repair: bool) -> Result<Self, Damage> {
        let path = folder.join(FILE_NAME);
        let failed = |error| Damage::io(&path, error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let bytes = fs::read(&path).map_err(failed)?;
        let nothing = Contents {
            id: Uuid::now_v7(),
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            next_producer: 1,
        };
        let (contents, good) = read(&path, &bytes, nothing, repair)?;
        if good < bytes.len() {
            file.set_len(good as u64).map_err(failed)?;
        }
        let next_producer = contents.next_producer;
        let mut journal = Self {
            path: path.clone(),
            disk: disk.clone(),
            file,
            bytes: good as u64,
            fresh_bytes: good as u64,
            dirty: false,
            contents,
            reserved: next_producer,
        };
        if good == 0 {
            let id = journal.contents.id;
            journal.write(Event::Log { format: FORMAT, id }).map_err(failed)?;
        }
        Ok(journal)
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(super) fn put_topic(&mut self, name: &str, topic: Topic) -> io::Result<()> {
        self.write(Event::Topic { name: name.to_owned(), topic })
    }

    pub(super) fn delete_topic(&mut self, name: &str) -> io::Result<()> {
        self.write(Event::TopicDeleted { name: name.to_owned() })
    }

    pub(super) fn put_position(
        &mut self,
        group: &str,
        topic: &str,
        partition: i32,
        position: Position,
    ) -> io::Result<()> {
        let (group, topic) = (group.to_owned(), topic.to_owned());
        self.write(Event::Position { group, topic, partition, position })
    }

    pub(super) fn delete_group(&mut self, group: &str) -> io::Result<()> {
        self.write(Event::GroupDeleted { group: group.to_owned() })
    }

    /// An id that no producer has had.
    pub(super) fn producer_id(&mut self) -> io::Result<i64> {
        let id = self.contents.next_producer;
        if id >= self.reserved {
            let next = id + PRODUCER_IDS;
            self.write(Event::ProducerIds { next })?;
            self.reserved = next;
        }
        self.contents.next_producer = id + 1;
        Ok(id)
    }

    /// Writes it anew when it is worth it. Gives the file where something in it is not on the disk for sure: to write
    /// through to the disk, which may take a while, while others use the journal.
    pub(super) fn upkeep(&mut self) -> io::Result<Option<File>> {
        if self.bytes > REWRITE_BYTES_MIN && self.bytes > 4 * self.fresh_bytes {
            self.rewrite()?;
        }
        std::mem::take(&mut self.dirty).then(|| self.file.try_clone()).transpose()
    }

    fn write(&mut self, event: Event) -> io::Result<()> {
        let line = line(&event)?;
        if let Err(error) = self.disk.write_at(&self.file, &line, self.bytes) {
            self.file.set_len(self.bytes).ok();
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.dirty = true;
        self.contents.apply(event);
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut contents = self.contents.clone();
        contents.next_producer = self.reserved;
        let mut lines = Vec::new();
        for event in contents.events() {
            lines.extend(line(&event)?);
        }
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&new)?;
        self.disk.write_at(&file, &lines, 0)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        self.file = file;
        self.bytes = lines.len() as u64;
        self.fresh_bytes = self.bytes;
        Ok(())
    }
}

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string(event).map_err(io::Error::other)?;
    Ok(format!("{:08x} {text}\n", checksum(text.as_bytes())).into_bytes())
}

/// What the lines say, and how many bytes of them are good. Only the last line may be unfinished.
fn read(
    path: &Path,
    bytes: &[u8],
    mut contents: Contents,
    repair: bool,
) -> Result<(Contents, usize), Damage> {
    let mut good = 0;
    for (number, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match parse(text) {
            Some(Event::Log { format, .. }) if format > FORMAT => {
                return Err(Damage::Newer { path: path.to_owned(), found: format, known: FORMAT });
            }
            Some(event) => contents.apply(event),
            None if repair || good + text.len() == bytes.len() => break,
            None => return Err(Damage::Journal { path: path.to_owned(), line: number + 1 }),
        }
        good += text.len();
    }
    Ok((contents, good))
}

fn parse(line: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, json) = text.split_once(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (checksum(json.as_bytes()) == sum).then(|| serde_json::from_str(json).ok())?
}
