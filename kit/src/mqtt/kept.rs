//! Messages that wait for a receipt from the log: kept after the broker has acknowledged them, and sent again, unchanged
//! and under their own id, when it must be thought that they are lost.
//!
//! Messages of one device reach the log in the order in which they were sent. So the receipt of a later one says that an
//! earlier one without a receipt is lost, and it is sent again. Where no receipts come at all, nobody can tell: the
//! bridge may be away, and the broker may have everything. Then the oldest message alone is sent again, now and then: its
//! receipt sets the others free. So a long outage, or a bridge that knows no receipts, costs next to nothing.
//!
//! A function of its calls and the times in them; knows no connection.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::Outgoing;
use crate::doubling::Doubling;

/// How long an overtaken message is still given: shares of several bridges, and what a bridge gathers, come out of order.
const OVERTAKEN_PATIENCE: Duration = Duration::from_secs(3);
/// Overtakings closer together than this count as one, so that few are remembered.
const OVERTAKEN_APART: Duration = Duration::from_millis(250);
/// The longest pause between two tries of the oldest message while no receipts come.
const TRY_PAUSE_MAX: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Entry<T> {
    id: Uuid,
    message: Outgoing<T>,
    /// When the broker acknowledged it; none while it is on its way there.
    acknowledged: Option<Instant>,
}

/// The messages of one device that have no receipt yet, oldest sending first.
#[derive(Debug)]
pub struct Kept<T> {
    max: usize,
    /// By the number of their latest sending.
    entries: BTreeMap<u64, Entry<T>>,
    numbers: HashMap<Uuid, u64>,
    next_number: u64,
    /// Sendings before these numbers were overtaken at these times.
    overtakings: VecDeque<(u64, Instant)>,
    /// Sendings before this one were overtaken long enough ago.
    lost_before: u64,
    /// The last receipt, or try of the oldest message.
    heard: Option<Instant>,
    /// From one try of the oldest to the next.
    try_pauses: Doubling,
    /// Its next try waits for nothing.
    tries_at_once: bool,
    has_receipts: bool,
    was_connected: bool,
}

impl<T: Clone> Kept<T> {
    /// Keeps at most `max` messages; the oldest is tried again when no receipt came for `patience`.
    #[must_use]
    pub fn new(max: usize, patience: Duration) -> Self {
        Self {
            max: max.max(1),
            entries: BTreeMap::new(),
            numbers: HashMap::new(),
            next_number: 0,
            overtakings: VecDeque::new(),
            lost_before: 0,
            heard: None,
            try_pauses: Doubling::new(patience, TRY_PAUSE_MAX),
            tries_at_once: false,
            has_receipts: false,
            was_connected: false,
        }
    }

    /// Notes a message that is handed to the connection. Gives the oldest, where it has to give way: nobody keeps that
    /// any longer.
    pub fn keep(&mut self, id: Uuid, message: Outgoing<T>) -> Option<Uuid> {
        self.insert(Entry { id, message, acknowledged: None });
        if self.entries.len() <= self.max {
            return None;
        }
        let (_, oldest) = self.entries.pop_first()?;
        self.numbers.remove(&oldest.id);
        Some(oldest.id)
    }

    fn insert(&mut self, entry: Entry<T>) {
        let number = self.next_number;
        self.next_number += 1;
        self.numbers.insert(entry.id, number);
        self.entries.insert(number, entry);
    }

    /// The broker has acknowledged a message.
    pub fn acknowledged(&mut self, id: Uuid, now: Instant) {
        let entry = self.numbers.get(&id).and_then(|number| self.entries.get_mut(number));
        if let Some(entry) = entry {
            entry.acknowledged = Some(now);
        }
    }

    /// A message will get no receipt: it never reached the broker.
    pub fn forget(&mut self, id: Uuid) {
        if let Some(number) = self.numbers.remove(&id) {
            self.entries.remove(&number);
        }
    }

    /// The log has a message, or a dead letter of it. False where it was not waited for.
    pub fn receipt(&mut self, id: Uuid, now: Instant) -> bool {
        self.has_receipts = true;
        self.heard = Some(now);
        self.try_pauses.begin_anew();
        self.tries_at_once = false;
        let Some(number) = self.numbers.remove(&id) else { return false };
        self.entries.remove(&number);
        match self.overtakings.back_mut() {
            Some((before, at)) if now.duration_since(*at) < OVERTAKEN_APART => {
                *before = number.max(*before);
            }
            _ => self.overtakings.push_back((number, now)),
        }
        true
    }

    /// A connection stands. What the broker had of one before may be lost: the oldest message is tried at once.
    pub fn connected(&mut self) {
        let waits = self.entries.values().any(|entry| entry.acknowledged.is_some());
        if std::mem::replace(&mut self.was_connected, true) && waits {
            self.heard = None;
            self.tries_at_once = true;
        }
    }

    /// Messages that must be sent again, at most `max`; they count as on their way from here on.
    pub fn due(&mut self, now: Instant, max: usize) -> Vec<Outgoing<T>> {
        while let Some((before, _)) =
            self.overtakings.pop_front_if(|(_, at)| now.duration_since(*at) >= OVERTAKEN_PATIENCE)
        {
            self.lost_before = self.lost_before.max(before);
        }
        let waiting = |entry: &Entry<T>| entry.acknowledged.is_some();
        let lost = self.entries.range(..self.lost_before).filter(|(_, entry)| waiting(entry));
        let mut numbers: Vec<u64> = lost.map(|(number, _)| *number).take(max).collect();
        if numbers.is_empty() {
            numbers.extend(self.oldest_to_try(now));
        }
        numbers.into_iter().filter_map(|number| self.send_again(number)).collect()
    }

    /// The oldest message, when no receipt came for so long that it is time to try.
    fn oldest_to_try(&mut self, now: Instant) -> Option<u64> {
        let (number, entry) =
            self.entries.iter().find(|(_, entry)| entry.acknowledged.is_some())?;
        let quiet_since = entry.acknowledged.max(self.heard)?;
        let pause = if self.tries_at_once { Duration::ZERO } else { self.try_pauses.pause() };
        if now.duration_since(quiet_since) < pause {
            return None;
        }
        self.heard = Some(now);
        if std::mem::take(&mut self.tries_at_once) {
            self.try_pauses.begin_anew();
        } else {
            self.try_pauses.failed();
        }
        Some(*number)
    }

    fn send_again(&mut self, number: u64) -> Option<Outgoing<T>> {
        let entry = self.entries.remove(&number)?;
        let message = entry.message.clone();
        self.insert(Entry { acknowledged: None, ..entry });
        Some(message)
    }

    /// Messages without a receipt.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every message has its receipt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any receipt has ever come: a bridge that knows none sends none.
    #[must_use]
    pub fn has_receipts(&self) -> bool {
        self.has_receipts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// Keeps these messages, acknowledged by the broker at once.
    fn kept(numbers: std::ops::RangeInclusive<u128>, now: Instant) -> Kept<u128> {
        let mut kept = Kept::new(100, PATIENCE);
        numbers.for_each(|number| send(&mut kept, number, now));
        kept
    }

    fn send(kept: &mut Kept<u128>, number: u128, now: Instant) {
        let message =
            Outgoing { topic: "t".into(), payload: "p".into(), retain: false, tag: number };
        assert_eq!(kept.keep(id(number), message), None);
        kept.acknowledged(id(number), now);
    }

    fn due(kept: &mut Kept<u128>, now: Instant) -> Vec<u128> {
        kept.due(now, 100).into_iter().map(|message| message.tag).collect()
    }

    #[test]
    fn what_a_later_receipt_has_overtaken_is_sent_again_after_a_while() {
        let start = Instant::now();
        let mut kept = kept(1..=4, start);
        assert!(kept.receipt(id(3), start));
        assert_eq!(due(&mut kept, start + OVERTAKEN_PATIENCE / 2), [0; 0]);
        let later = start + OVERTAKEN_PATIENCE;
        assert_eq!(due(&mut kept, later), [1, 2], "4 was sent after 3");
        assert_eq!(due(&mut kept, later), [0; 0], "they are on their way");
        kept.acknowledged(id(1), later);
        kept.acknowledged(id(2), later);
        assert_eq!(due(&mut kept, later), [0; 0], "nothing sent after them has its receipt");
        send(&mut kept, 5, later);
        assert!(kept.receipt(id(5), later));
        assert_eq!(due(&mut kept, later + OVERTAKEN_PATIENCE), [4, 1, 2]);
    }

    #[test]
    fn a_receipt_in_time_ends_it_and_comes_once() {
        let start = Instant::now();
        let mut kept = kept(1..=2, start);
        assert!(kept.receipt(id(2), start));
        assert!(kept.receipt(id(1), start));
        assert!(!kept.receipt(id(1), start));
        assert!(kept.is_empty() && kept.has_receipts());
        assert_eq!(due(&mut kept, start + PATIENCE * 100), [0; 0]);
    }

    #[test]
    fn without_any_receipt_only_the_oldest_is_tried_and_ever_more_rarely() {
        let start = Instant::now();
        let mut kept = kept(1..=1, start);
        let mut sent = Vec::new();
        // A sample each second, for an hour and a half.
        for second in 1..5_400 {
            let now = start + Duration::from_secs(second);
            if second < 50 {
                send(&mut kept, u128::from(second) + 1, now);
            }
            for tag in due(&mut kept, now) {
                sent.push((second, tag));
                kept.acknowledged(id(tag), now);
            }
        }
        assert_eq!(sent[..4], [(10, 1), (30, 2), (70, 3), (150, 4)], "{sent:?}");
        assert!(sent.len() < 30, "{}", sent.len());
        assert_eq!(kept.len(), 50);
    }

    #[test]
    fn the_receipt_of_the_one_that_was_tried_sets_the_others_free() {
        let start = Instant::now();
        let mut kept = kept(1..=3, start);
        let tried = start + PATIENCE;
        assert_eq!(due(&mut kept, tried), [1]);
        kept.acknowledged(id(1), tried);
        assert!(kept.receipt(id(1), tried));
        assert_eq!(due(&mut kept, tried + OVERTAKEN_PATIENCE), [2, 3]);
    }

    #[test]
    fn after_a_reconnect_the_oldest_is_tried_at_once() {
        let start = Instant::now();
        let mut kept = kept(1..=2, start);
        kept.connected();
        assert_eq!(due(&mut kept, start), [0; 0], "the first connection is no reason");
        kept.connected();
        assert_eq!(due(&mut kept, start), [1]);
        assert_eq!(due(&mut kept, start), [0; 0]);
        assert_eq!(due(&mut kept, start + PATIENCE), [2]);
    }

    #[test]
    fn what_the_broker_does_not_have_yet_is_not_sent_again() {
        let start = Instant::now();
        let mut kept = kept(2..=2, start);
        let message = Outgoing { topic: "t".into(), payload: "p".into(), retain: false, tag: 9 };
        assert_eq!(kept.keep(id(9), message), None);
        kept.forget(id(2));
        assert_eq!(due(&mut kept, start + PATIENCE * 2), [0; 0]);
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn a_full_store_gives_up_the_oldest() {
        let mut kept = Kept::new(2, PATIENCE);
        let message = |tag| Outgoing { topic: "t".into(), payload: "p".into(), retain: false, tag };
        assert_eq!(kept.keep(id(1), message(1)), None);
        assert_eq!(kept.keep(id(2), message(2)), None);
        assert_eq!(kept.keep(id(3), message(3)), Some(id(1)));
        assert!(!kept.receipt(id(1), Instant::now()));
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn many_receipts_are_remembered_as_few_overtakings() {
        let start = Instant::now();
        let mut kept = Kept::new(100_000, PATIENCE);
        for number in 0..5_000 {
            send(&mut kept, number, start);
            let now = start + Duration::from_millis(u64::try_from(number).expect("few"));
            assert!(kept.receipt(id(number), now));
            due(&mut kept, now);
        }
        assert!(kept.overtakings.len() <= 13, "{}", kept.overtakings.len());
    }
}
