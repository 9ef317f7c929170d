//! The room for packets that have come in part, over all connections: many clients that each send most of a large packet
//! cannot take all memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a connection may hold without being counted: most packets are smaller.
const FREE_BYTES: usize = 4 << 10;

/// The room.
#[derive(Debug)]
pub struct Inbound {
    held: AtomicUsize,
    max: usize,
}

impl Inbound {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { held: AtomicUsize::new(0), max }
    }
}

/// What one connection holds of it; given back when dropped.
pub(crate) struct Share {
    room: Arc<Inbound>,
    held: usize,
}

impl Share {
    pub(crate) fn of(room: Arc<Inbound>) -> Self {
        Self { room, held: 0 }
    }

    /// Says how much the connection holds now; false when that is more than there is room for.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let held = bytes.saturating_sub(FREE_BYTES);
        if held == self.held {
            return true;
        }
        self.room.held.fetch_sub(self.held, Ordering::Relaxed);
        self.held = held;
        self.room.held.fetch_add(held, Ordering::Relaxed) + held <= self.room.max || held == 0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_come_back() {
        let room = Arc::new(Inbound::new(100));
        let mut one = Share::of(room.clone());
        let mut two = Share::of(room.clone());
        assert!(two.set(FREE_BYTES) && one.set(FREE_BYTES + 80));
        assert!(!two.set(FREE_BYTES + 30));
        assert!(one.set(0) && two.set(FREE_BYTES + 30));
        drop(two);
        assert!(one.set(FREE_BYTES + 100));
        drop(one);
        assert_eq!(room.held.load(Ordering::Relaxed), 0);
    }
}
