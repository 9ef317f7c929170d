//! Owns the log's data: topics, their partitions' segments, positions of groups. It knows no protocol and no clients.

pub mod batch;
mod checkpoint;
mod compaction;
mod damage;
mod disk;
mod journal;
mod partition;
mod policy;
mod producers;
pub mod record;
mod repair;
mod retention;
mod scan;
mod segment;
mod upkeep;
mod wait;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use thiserror::Error;
use uuid::Uuid;

pub use damage::Damage;
pub use disk::Disk;
pub use journal::{Contents, Position, Positions, Topic};
pub use partition::{AppendError, Bounds, Partition, ReadError};
pub use policy::{CONFIGS, Policy};
pub use upkeep::{Upkeep, now_ms};

use journal::Journal;

const PARTITIONS_FOLDER: &str = "partitions";
/// Topics and partitions that one log holds at most: each partition keeps a file open.
const PARTITIONS_MAX: usize = 2_000;
const TOPIC_NAME_MAX: usize = 200;

/// The bounds of a log.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A segment is closed before it becomes larger.
    pub segment_bytes: u64,
    /// The same for compacted partitions, whose newest segment is never compacted.
    pub compacted_segment_bytes: u64,
    /// Above this size of the whole log its oldest segments are deleted, but none of what is kept for ever or compacted.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 32 << 20, compacted_segment_bytes: 8 << 20, bytes_max: 16 << 30 }
    }
}

/// Why a topic is not made, changed or deleted.
#[derive(Debug, Error)]
pub enum TopicError {
    /// There is one of this name.
    #[error("the topic exists")]
    Exists,
    /// There is none of this name.
    #[error("there is no such topic")]
    Unknown,
    /// Its name cannot be taken.
    #[error(
        "a topic's name has 1 to {TOPIC_NAME_MAX} letters, digits, dots, underscores or hyphens"
    )]
    Name,
    /// Its number of partitions cannot be taken.
    #[error("the log holds 1 to {PARTITIONS_MAX} partitions in all")]
    Partitions,
    /// A setting cannot be taken.
    #[error("{0}")]
    Config(String),
    /// The disk did not take it.
    #[error("the log cannot be written: {0}")]
    Disk(#[from] io::Error),
    /// Its files cannot be used.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

type Place = (String, i32);

/// The log's data.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    limits: Limits,
    disk: Disk,
    journal: Mutex<Journal>,
    partitions: RwLock<HashMap<Place, Arc<Partition>>>,
}

impl Store {
    /// Whether a folder holds a log already.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        Journal::exists(folder)
    }

    /// Opens the log in a folder, or makes it. With `repair` it goes on without what is damaged.
    ///
    /// # Errors
    /// [`Damage`], which says what can be done.
    pub fn open(folder: &Path, limits: Limits, disk: Disk, repair: bool) -> Result<Self, Damage> {
        fs::create_dir_all(folder).map_err(|error| Damage::io(folder, error))?;
        let journal = Journal::open(folder, &disk, repair)?;
        let store = Self {
            folder: folder.to_owned(),
            limits,
            disk,
            journal: Mutex::new(journal),
            partitions: RwLock::default(),
        };
        let topics = store.journal().contents().topics.clone();
        for (name, topic) in &topics {
            store.open_topic(name, topic, repair)?;
        }
        store.delete_strangers(&topics);
        Ok(store)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // A write that failed has changed nothing.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_topic(&self, name: &str, topic: &Topic, repair: bool) -> Result<(), Damage> {
        let policy = Policy::from_configs(&topic.configs).unwrap_or_else(|problem| {
            tracing::warn!(topic = name, problem, "a topic's settings are not understood");
            Policy::from_configs(&BTreeMap::new()).expect("the defaults are good")
        });
        for index in 0..topic.partitions {
            let folder = self.folder_of(name, index);
            if repair && folder.exists() {
                repair::repair(&folder)?;
            }
            let start = topic.starts.get(&index).copied().unwrap_or(0);
            let partition =
                Partition::open(folder, policy.clone(), start, &self.limits, &self.disk)?;
            let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
            partitions.insert((name.to_owned(), index), Arc::new(partition));
        }
        Ok(())
    }

    fn folder_of(&self, topic: &str, partition: i32) -> PathBuf {
        self.folder.join(PARTITIONS_FOLDER).join(format!("{topic}-{partition}"))
    }

    /// A topic whose deletion was interrupted leaves folders that nobody knows.
    fn delete_strangers(&self, topics: &BTreeMap<String, Topic>) {
        let known: Vec<_> = topics
            .iter()
            .flat_map(|(name, topic)| (0..topic.partitions).map(|one| self.folder_of(name, one)))
            .collect();
        let Ok(entries) = fs::read_dir(self.folder.join(PARTITIONS_FOLDER)) else {
            return;
        };
        for entry in entries.flatten().filter(|entry| !known.contains(&entry.path())) {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "a deleted topic's folder stays");
            }
        }
    }

    /// What the log knows beside records.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.journal().contents().clone()
    }

    /// Looks at it without a copy.
    pub fn with_contents<R>(&self, look: impl FnOnce(&Contents) -> R) -> R {
        look(self.journal().contents())
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.get(&(topic.to_owned(), partition)).cloned()
    }

    fn all(&self) -> Vec<(Place, Arc<Partition>)> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.iter().map(|(place, one)| (place.clone(), Arc::clone(one))).collect()
    }

    /// Makes a topic; with `dry` it is only checked.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        configs: BTreeMap<String, String>,
        dry: bool,
    ) -> Result<Uuid, TopicError> {
        check_name(name)?;
        Policy::from_configs(&configs).map_err(TopicError::Config)?;
        let mut journal = self.journal();
        if journal.contents().topics.contains_key(name) {
            return Err(TopicError::Exists);
        }
        let there = self.partitions.read().unwrap_or_else(PoisonError::into_inner).len();
        let fits = usize::try_from(partitions).is_ok_and(|count| count + there <= PARTITIONS_MAX);
        if partitions < 1 || !fits {
            return Err(TopicError::Partitions);
        }
        let id = Uuid::new_v4();
        let topic = Topic { id, partitions, configs, starts: BTreeMap::new() };
        if !dry {
            self.open_topic(name, &topic, false)?;
            if let Err(error) = journal.put_topic(name, topic) {
                self.forget(name, partitions)?;
                return Err(error.into());
            }
        }
        Ok(id)
    }

    /// Deletes a topic with its records and all positions in it.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        let mut journal = self.journal();
        let topic = journal.contents().topics.get(name).ok_or(TopicError::Unknown)?;
        let partitions = topic.partitions;
        journal.delete_topic(name)?;
        Ok(self.forget(name, partitions)?)
    }

    fn forget(&self, name: &str, partitions: i32) -> io::Result<()> {
        for index in 0..partitions {
            let place = (name.to_owned(), index);
            let mut open = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
            let gone = open.remove(&place);
            drop(open);
            gone.map_or(Ok(()), |one| one.delete())?;
        }
        Ok(())
    }

    /// Sets a topic's settings anew.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn configure(
        &self,
        name: &str,
        configs: BTreeMap<String, String>,
    ) -> Result<(), TopicError> {
        let policy = Policy::from_configs(&configs).map_err(TopicError::Config)?;
        let mut journal = self.journal();
        let mut topic = journal.contents().topics.get(name).cloned().ok_or(TopicError::Unknown)?;
        topic.configs = configs;
        let partitions = topic.partitions;
        journal.put_topic(name, topic)?;
        for index in 0..partitions {
            if let Some(one) = self.partition(name, index) {
                one.set_policy(policy.clone());
            }
        }
        Ok(())
    }

    /// Gives up a partition's records before an offset, and says where it begins now.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn delete_records(
        &self,
        name: &str,
        partition: i32,
        before: i64,
    ) -> Result<i64, TopicError> {
        let open = self.partition(name, partition).ok_or(TopicError::Unknown)?;
        let before = before.min(open.bounds().next);
        let mut journal = self.journal();
        let mut topic = journal.contents().topics.get(name).cloned().ok_or(TopicError::Unknown)?;
        topic.starts.insert(partition, before.max(open.bounds().start));
        journal.put_topic(name, topic)?;
        Ok(open.advance_start(before))
    }

    /// Stores a group's position.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn put_position(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        position: Position,
    ) -> io::Result<()> {
        self.journal().put_position(group, topic, partition, position)
    }

    /// A group's positions.
    #[must_use]
    pub fn positions(&self, group: &str) -> Positions {
        self.journal().contents().groups.get(group).cloned().unwrap_or_default()
    }

    /// Deletes a group's positions; whether there were any.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn delete_group(&self, group: &str) -> io::Result<bool> {
        let mut journal = self.journal();
        let known = journal.contents().groups.contains_key(group);
        if known {
            journal.delete_group(group)?;
        }
        Ok(known)
    }

    /// An id for an idempotent producer.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn producer_id(&self) -> io::Result<i64> {
        self.journal().producer_id()
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.all().iter().map(|(_, partition)| partition.bytes()).sum()
    }

    /// The log's bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

fn check_name(name: &str) -> Result<(), TopicError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let good = !name.is_empty() && name.len() <= TOPIC_NAME_MAX && name.bytes().all(fits);
    // A dot or two would be a folder of another meaning, but for the partition's number that follows.
    if good && name != "." && name != ".." { Ok(()) } else { Err(TopicError::Name) }
}
