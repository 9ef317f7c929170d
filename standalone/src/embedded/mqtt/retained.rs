//! The broker's retained messages: in memory for reading, in an append-only file so that they survive a restart and
//! a killed process. It must not know MQTT sessions.

mod file;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::types::{Retain, TopicFilter, TopicName};
use schemas::Timestamp;
use service_kit::clock::{Clock as _, SystemClock};

use self::file::{Entry, RetainedFile};

/// Topics with a retained message; half of them are kept for our services' own.
const TOPICS_MAX: usize = 100_000;
/// Bytes of all retained messages, likewise.
const BYTES_MAX: u64 = 64 << 20;

/// The retained messages, shared by the broker and its owner.
#[derive(Clone)]
pub(super) struct RetainedStore {
    inner: Arc<Inner>,
}

struct Inner {
    tree: DefaultRetainStorage,
    file: Mutex<Option<RetainedFile>>,
}

impl RetainedStore {
    /// Opens the store and reads what it kept.
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let now = SystemClock.now();
        let folder = folder.to_path_buf();
        let (file, kept) =
            tokio::task::spawn_blocking(move || RetainedFile::open(&folder, now)).await??;
        let tree = DefaultRetainStorage::new();
        for entry in kept {
            let left = entry.expires_at.map(|at| until(now, at));
            let topic = TopicName::from(entry.topic.as_str());
            if let Err(error) = tree.set_with_timeout(&topic, entry.retain, left).await {
                tracing::warn!(%error, "a retained message could not be restored");
            }
        }
        Ok(Self { inner: Arc::new(Inner { tree, file: Mutex::new(Some(file)) }) })
    }

    /// Whether there is no room for another message on this topic.
    pub(super) fn is_full_for(&self, topic: &str, of_service: bool) -> bool {
        let share: u32 = if of_service { 1 } else { 2 };
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().is_some_and(|file| {
            file.live_bytes() > BYTES_MAX / u64::from(share)
                || file.topics() >= TOPICS_MAX / share as usize && !file.has(topic)
        })
    }

    /// Topics with a message.
    pub(super) fn topics(&self) -> usize {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().map_or(0, RetainedFile::topics)
    }

    /// Lets go of what has expired.
    pub(super) async fn sweep(&self) {
        self.inner.tree.remove_expired_messages().await;
        let mut file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file.as_mut() {
            file.sweep(SystemClock.now());
        }
    }

    /// Writes everything out and closes the file; later messages are no longer kept.
    pub(super) fn close(&self) {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(file) = file
            && let Err(error) = file.close(SystemClock.now())
        {
            tracing::warn!(%error, "retained messages were not written out");
        }
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0))
}

fn after(now: Timestamp, interval: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)))
}

/// Takes the time that a message has waited off its expiry interval, as MQTT 5 wants; rmqtt does not for
/// retained ones.
fn age(retain: &mut Retain, now: Timestamp) {
    let Some(created) = retain.publish.create_time else { return };
    let Some(properties) = retain.publish.inner.properties.as_mut() else { return };
    let waited = u32::try_from(now.0.saturating_sub(created) / 1000).unwrap_or(0);
    properties.message_expiry_interval = properties.message_expiry_interval.map(|interval| {
        NonZeroU32::new(interval.get().saturating_sub(waited)).unwrap_or(NonZeroU32::MIN)
    });
}

#[async_trait]
impl RetainStorage for RetainedStore {
    fn enable(&self) -> bool {
        true
    }

    async fn set(
        &self,
        topic: &TopicName,
        retain: Retain,
        expiry: Option<Duration>,
    ) -> rmqtt::Result<()> {
        let now = SystemClock.now();
        // Zero is rmqtt's word for a message that its publisher gave no expiry.
        let expiry = expiry.filter(|interval| !interval.is_zero());
        let entry = Entry {
            topic: topic.to_string(),
            expires_at: expiry.map(|interval| after(now, interval)),
            retain: retain.clone(),
        };
        {
            let mut file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(file) = file.as_mut() {
                // Kept in memory all the same: a full disk must not stop control.
                if let Err(error) = file.put(entry, now) {
                    tracing::warn!(%error, "a retained message is kept in memory only");
                }
            }
        }
        self.inner.tree.set_with_timeout(topic, retain, expiry).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        let now = SystemClock.now();
        let mut found = self.inner.tree.get_message(filter).await?;
        for (_, retain) in &mut found {
            age(retain, now);
        }
        Ok(found)
    }

    async fn count(&self) -> isize {
        self.inner.tree.count().await
    }

    async fn max(&self) -> isize {
        self.inner.tree.max().await
    }
}
