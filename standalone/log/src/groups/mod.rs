//! Owns the consumer groups of the log: who is a member, who works on what, how far they have come. Membership lives
//! in memory, as its clients do; positions are in the store.

mod answers;
mod group;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use group::{Group, Phase};

use crate::store::Store;

const GROUPS_MAX: usize = 10_000;
/// How often the time is looked at while members are awaited, and when not.
const TICK_JOINING: Duration = Duration::from_millis(25);
const TICK_STABLE: Duration = Duration::from_millis(500);

/// The groups.
#[derive(Debug)]
pub struct Groups {
    store: Arc<Store>,
    groups: Mutex<HashMap<String, Group>>,
    changed: Notify,
}

impl Groups {
    /// No groups; their positions are in `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, groups: Mutex::default(), changed: Notify::new() }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `act` work on a group; none where there would be too many.
    fn with<R>(&self, name: &str, act: impl FnOnce(&mut Group, Instant) -> R) -> Option<R> {
        let mut groups = self.all();
        if groups.len() >= GROUPS_MAX && !groups.contains_key(name) {
            return None;
        }
        let outcome = act(groups.entry(name.to_owned()).or_default(), Instant::now());
        if groups.get(name).is_some_and(Group::is_idle) {
            groups.remove(name);
        }
        drop(groups);
        self.changed.notify_one();
        Some(outcome)
    }

    /// Puts silent members out, and lets nobody wait too long. Ends when it is dropped.
    pub async fn watch(&self) {
        loop {
            let (joining, idle) = {
                let mut groups = self.all();
                let now = Instant::now();
                groups.values_mut().for_each(|group| group.tick(now));
                groups.retain(|_, group| !group.is_idle());
                let joining =
                    groups.values().any(|one| matches!(one.phase(), Phase::Joining { .. }));
                (joining, groups.is_empty())
            };
            if idle {
                self.changed.notified().await;
            } else if joining {
                tokio::time::sleep(TICK_JOINING).await;
            } else {
                // Whatever changes may be a join that has to be looked at soon.
                tokio::time::timeout(TICK_STABLE, self.changed.notified()).await.ok();
                tokio::time::sleep(TICK_JOINING).await;
            }
        }
    }
}
