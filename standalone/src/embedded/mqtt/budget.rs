//! What the broker's messages weigh, wherever rmqtt holds them: a message's payload carries its weight and gives it back
//! when the last queue, session or retained place that has it lets go. It must not know topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// What a message costs beside its bytes: rmqtt's own fields in a queue and its place in the window.
const MESSAGE_BYTES: usize = 1024;

/// The bytes of all messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// Bytes that give their weight back.
struct Weighed {
    bytes: Vec<u8>,
    weight: usize,
    budget: Budget,
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

impl Budget {
    /// A payload of its own memory that weighs until its last copy is gone; `beside` are the message's other bytes.
    pub(super) fn weigh(&self, payload: &[u8], beside: usize) -> Bytes {
        let weight = payload.len() + beside + MESSAGE_BYTES;
        self.0.fetch_add(weight, Ordering::Relaxed);
        // Bytes of an empty owner are not kept: an empty payload must weigh too.
        Bytes::from_owner(Weighed { bytes: payload.to_vec(), weight, budget: self.clone() })
    }

    /// What all messages weigh now.
    pub(super) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_weighs_until_its_last_copy_is_gone() {
        let budget = Budget::default();
        let payload = budget.weigh(b"hello", 10);
        assert_eq!(budget.used(), 15 + MESSAGE_BYTES);
        let copy = payload.clone();
        drop(payload);
        assert_eq!((copy.as_ref(), budget.used()), (&b"hello"[..], 15 + MESSAGE_BYTES));
        drop(copy);
        assert_eq!(budget.used(), 0);
        let empty = budget.weigh(b"", 0);
        assert_eq!(budget.used(), MESSAGE_BYTES);
        drop(empty);
        assert_eq!(budget.used(), 0);
    }
}
