//! What has been seen of one partition, to recognise messages that come again.
//!
//! A message comes again with its id, its device and its time. The last ids are remembered, and for each device its newest
//! time and those before it. A time newer than every one of its device is certainly new; one that is older than what is
//! remembered may have been seen long ago: whether it was is for ClickHouse to say.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use schemas::{DeviceId, Timestamp};
use uuid::Uuid;

use crate::caps::{DEDUP_TIMES_PER_DEVICE, DEDUP_WINDOW};

/// Whether a message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// It did not.
    New,
    /// It did.
    Again,
    /// It may have, longer ago than this remembers.
    Unsure,
}

/// The last ids, as many as it may hold; the oldest is forgotten first.
#[derive(Debug, Default)]
struct Ids {
    known: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Ids {
    fn note(&mut self, id: Uuid) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > DEDUP_WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// The newest moments of a device.
#[derive(Debug)]
struct Moments {
    /// Time, and what tells messages of the same time apart.
    newest: BTreeSet<(Timestamp, u64)>,
    /// Every moment from here on is among them.
    whole_from: Timestamp,
}

/// What may be stored from before a memory begins.
#[derive(Debug, Clone, Default)]
pub(super) enum Past {
    /// Nothing: it begins with the first record of the first log.
    #[default]
    Nothing,
    /// Something of these devices.
    Newest(Arc<Newest>),
}

/// From when on nothing of a device was stored when a memory began.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Of the devices that were heard lately.
    pub(super) of: HashMap<DeviceId, Timestamp>,
    /// Of all others.
    pub(super) others: Timestamp,
}

impl Past {
    fn ends(&self, device: &DeviceId) -> Timestamp {
        match self {
            Self::Nothing => Timestamp(i64::MIN),
            Self::Newest(newest) => newest.of.get(device).copied().unwrap_or(newest.others),
        }
    }
}

/// Everything seen of one partition.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: Ids,
    devices: HashMap<DeviceId, Moments>,
    past: Past,
}

impl Seen {
    /// A memory of nothing yet.
    pub(super) fn new(past: Past) -> Self {
        Self { past, ..Self::default() }
    }

    /// Notes an id alone.
    pub(super) fn note_id(&mut self, id: Uuid) -> Novelty {
        if self.ids.note(id) { Novelty::New } else { Novelty::Again }
    }

    /// Notes a message. `tag` tells messages of one device and time apart, where that is allowed.
    pub(super) fn note(&mut self, id: Uuid, device: &DeviceId, ts: Timestamp, tag: u64) -> Novelty {
        if !self.ids.note(id) {
            return Novelty::Again;
        }
        if let Some(moments) = self.devices.get_mut(device) {
            return moments.note(ts, tag);
        }
        let mut moments = Moments { newest: BTreeSet::new(), whole_from: self.past.ends(device) };
        let novelty = moments.note(ts, tag);
        self.devices.insert(device.clone(), moments);
        novelty
    }
}

impl Moments {
    fn note(&mut self, ts: Timestamp, tag: u64) -> Novelty {
        if ts < self.whole_from {
            return Novelty::Unsure;
        }
        if !self.newest.insert((ts, tag)) {
            return Novelty::Again;
        }
        if self.newest.len() > DEDUP_TIMES_PER_DEVICE
            && let Some((oldest, _)) = self.newest.pop_first()
        {
            self.whole_from = oldest.plus_ms(1);
        }
        Novelty::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn device() -> DeviceId {
        DeviceId::new("ev-1").unwrap()
    }

    fn note(seen: &mut Seen, id: u128, ts: i64) -> Novelty {
        seen.note(Uuid::from_u128(id), &device(), Timestamp(ts), 0)
    }

    #[test]
    fn an_id_and_a_time_of_a_device_are_new_once() {
        let mut seen = Seen::new(Past::Nothing);
        assert_eq!(note(&mut seen, 1, 10), Novelty::New);
        assert_eq!(note(&mut seen, 1, 10), Novelty::Again);
        assert_eq!(note(&mut seen, 2, 10), Novelty::Again, "the same time under another id");
        assert_eq!(note(&mut seen, 3, 11), Novelty::New);
        assert_eq!(note(&mut seen, 4, 5), Novelty::New, "out of order, and never seen");
        let tagged = seen.note(Uuid::from_u128(5), &device(), Timestamp(11), 9);
        assert_eq!(tagged, Novelty::New, "another message of the same time");
    }

    #[test]
    fn what_is_older_than_the_memory_is_unsure() {
        let mut seen = Seen::new(Past::Nothing);
        for number in 0..=DEDUP_TIMES_PER_DEVICE {
            let number = i64::try_from(number).unwrap();
            assert_eq!(note(&mut seen, u128::from(number.unsigned_abs()), number), Novelty::New);
        }
        assert_eq!(note(&mut seen, 900_000, 0), Novelty::Unsure);
    }

    fn later(of: Option<i64>, others: i64) -> Seen {
        let of = of.map(|newest| (device(), Timestamp(newest))).into_iter().collect();
        Seen::new(Past::Newest(Arc::new(Newest { of, others: Timestamp(others) })))
    }

    #[test]
    fn what_may_be_stored_from_before_the_memory_is_unsure_however_many_they_are() {
        let mut seen = later(Some(12), 100);
        for (id, ts) in [(1, 10), (2, 11), (3, 9)] {
            assert_eq!(note(&mut seen, id, ts), Novelty::Unsure, "{ts}");
        }
        assert_eq!(note(&mut seen, 4, 12), Novelty::New);
        assert_eq!(note(&mut seen, 5, 12), Novelty::Again);
        let mut seen = later(None, 100);
        assert_eq!(note(&mut seen, 1, 99), Novelty::Unsure, "not heard lately");
        assert_eq!(note(&mut seen, 2, 100), Novelty::New);
    }

    proptest! {
        #[test]
        fn it_never_says_new_of_what_came_before(times in prop::collection::vec(0..400_i64, 1..600)) {
            let mut seen = Seen::new(Past::Nothing);
            let mut all = HashSet::new();
            for (id, ts) in (0..).zip(times) {
                let novelty = note(&mut seen, id, ts);
                let came_before = !all.insert(ts);
                prop_assert!(!(came_before && novelty == Novelty::New), "{ts}");
                prop_assert!(came_before || novelty != Novelty::Again, "{ts}");
            }
        }

        #[test]
        fn a_memory_that_begins_later_never_says_new_of_what_was_stored(
            stored in prop::collection::btree_set(0..400_i64, 1..200),
            times in prop::collection::vec(0..500_i64, 1..600),
        ) {
            let mut seen = later(stored.last().map(|newest| newest + 1), 0);
            let mut all: HashSet<i64> = stored.into_iter().collect();
            for (id, ts) in (0..).zip(times) {
                let novelty = note(&mut seen, id, ts);
                let came_before = !all.insert(ts);
                prop_assert!(!(came_before && novelty == Novelty::New), "{ts}");
                prop_assert!(came_before || novelty != Novelty::Again, "{ts}");
            }
        }
    }
}
