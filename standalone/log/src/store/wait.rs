//! Readers that wait for a record of one of several partitions.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Those who wait at one partition.
#[derive(Debug, Default)]
pub struct Waiters(Mutex<Vec<Arc<Notify>>>);

impl Waiters {
    fn with<R>(&self, change: impl FnOnce(&mut Vec<Arc<Notify>>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes all of them, once.
    pub(super) fn wake(&self) {
        for waiter in self.with(std::mem::take) {
            waiter.notify_one();
        }
    }

    /// Wakes this one at the next record.
    pub fn add(&self, waiter: &Arc<Notify>) {
        self.with(|waiters| {
            if !waiters.iter().any(|there| Arc::ptr_eq(there, waiter)) {
                waiters.push(Arc::clone(waiter));
            }
        });
    }

    /// It waits no longer.
    pub fn remove(&self, waiter: &Arc<Notify>) {
        self.with(|waiters| waiters.retain(|there| !Arc::ptr_eq(there, waiter)));
    }
}
