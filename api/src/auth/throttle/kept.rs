//! A map that never holds more than so many entries: when it is full, the half that was touched longest ago is forgotten
//! at once, so that a flood of names costs little for each of them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use schemas::Timestamp;

#[derive(Debug)]
pub(super) struct Kept<K, V> {
    most: usize,
    entries: HashMap<K, (Timestamp, V)>,
}

impl<K: Eq + Hash, V> Kept<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(2), entries: HashMap::new() }
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// The entry of a key, made where there is none; touched now.
    pub(super) fn entry(&mut self, key: K, now: Timestamp, make: impl FnOnce() -> V) -> &mut V {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.forget_half();
        }
        let (touched, value) = self.entries.entry(key).or_insert_with(|| (now, make()));
        *touched = now;
        value
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    fn forget_half(&mut self) {
        let mut times: Vec<Timestamp> =
            self.entries.values().map(|(touched, _)| *touched).collect();
        let half = times.len() / 2;
        let middle = *times.select_nth_unstable(half).1;
        self.entries.retain(|_, (touched, _)| *touched > middle);
        if self.entries.len() >= self.most {
            self.entries.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_it_may_and_forgets_the_oldest_first() {
        let mut kept = Kept::new(10);
        for n in 0..1_000 {
            *kept.entry(n, Timestamp(n), || 0) += 1;
            assert!(kept.len() <= 10);
            assert_eq!(kept.get(&n), Some(&1));
        }
        assert_eq!(kept.get(&0), None);
        let mut at_once = Kept::new(10);
        for n in 0..1_000 {
            at_once.entry(n, Timestamp(7), || ());
            assert!(at_once.len() <= 10);
        }
    }
}
