//! A bounded number of places, in all and for each key (an address, a user): whoever takes one gives it back by
//! dropping it. Knows nothing of what the places are for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    InAll,
    /// This key has as many as it may.
    OfKey,
}

/// Places that are taken and given back.
#[derive(Debug)]
pub(crate) struct Places<K> {
    in_all: usize,
    each: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    in_all: usize,
    /// No more keys than places are taken.
    by_key: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// So many in all, and so many for each key.
    pub(crate) fn new(in_all: usize, each: usize) -> Arc<Self> {
        let taken = Taken { in_all: 0, by_key: HashMap::new() };
        Arc::new(Self { in_all, each, taken: Mutex::new(taken) })
    }

    /// Takes a place; without a key only the bound on all of them holds.
    ///
    /// # Errors
    /// Which bound is reached.
    pub(crate) fn take(self: &Arc<Self>, key: Option<K>) -> Result<Place<K>, Full> {
        let mut taken = self.lock();
        if taken.in_all >= self.in_all {
            return Err(Full::InAll);
        }
        if let Some(key) = &key {
            let of_key = taken.by_key.entry(key.clone()).or_insert(0);
            if *of_key >= self.each {
                return Err(Full::OfKey);
            }
            *of_key += 1;
        }
        taken.in_all += 1;
        Ok(Place { of: Arc::clone(self), key })
    }

    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A taken place.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash + Clone> {
    of: Arc<Places<K>>,
    key: Option<K>,
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        taken.in_all -= 1;
        if let Some(key) = &self.key
            && let Some(of_key) = taken.by_key.get_mut(key)
        {
            *of_key -= 1;
            if *of_key == 0 {
                taken.by_key.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_and_all_together_are_bounded_and_a_dropped_place_is_free_again() {
        let places = Places::new(3, 2);
        let first = places.take(Some("a")).expect("free");
        let second = places.take(Some("a")).expect("free");
        assert_eq!(places.take(Some("a")).err(), Some(Full::OfKey));
        let _other = places.take(Some("b")).expect("free");
        assert_eq!(places.take(Some("c")).err(), Some(Full::InAll));
        drop((first, second));
        let _nobody = places.take(None).expect("free");
        let _again = places.take(Some("a")).expect("free");
        assert_eq!(places.take(None).err(), Some(Full::InAll));
        assert_eq!(places.lock().by_key.len(), 2);
    }
}
