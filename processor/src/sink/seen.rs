//! Recognises messages that stand in the log more than once: a bridge that was killed between delivery and
//! acknowledgement hands them over again.

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

/// The last message ids of one partition, as many as it may hold; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: HashSet<Uuid>,
    order: VecDeque<Uuid>,
    capacity: usize,
}

impl Seen {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Notes an id; whether it was new.
    pub(super) fn note(&mut self, id: Uuid) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_until_it_is_forgotten() {
        let mut seen = Seen::new(2);
        let id = Uuid::from_u128;
        assert!(seen.note(id(1)));
        assert!(!seen.note(id(1)));
        assert!(seen.note(id(2)));
        assert!(seen.note(id(3)), "the first is forgotten now");
        assert!(seen.note(id(1)));
        assert!(!seen.note(id(3)));
    }
}
