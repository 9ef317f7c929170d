//! The messages of one connection from "queued" to "settled", in order, bounded, kept over reconnects.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{OnSettled, Outgoing, Settled};

/// How long sending pauses after a message that nobody was subscribed to.
const UNHEARD_PAUSE: Duration = Duration::from_secs(1);

/// Queued, handed to the client library, or in flight under a packet id.
pub(super) struct Outbox<T> {
    max: usize,
    on_settled: OnSettled<T>,
    state: Mutex<State<T>>,
    /// There may be something to send.
    work: Notify,
    /// Something was settled.
    settled: Notify,
}

struct State<T> {
    next_number: u64,
    queued: VecDeque<Entry<T>>,
    handed: VecDeque<Entry<T>>,
    in_flight: BTreeMap<u16, Entry<T>>,
    /// The broker said of a message that nobody is subscribed to it: until then only retained ones are sent.
    paused_until: Option<Instant>,
}

#[derive(Clone)]
struct Entry<T> {
    /// Its place in line; greetings stand before all others.
    number: u64,
    /// Belongs to one connection only.
    is_greeting: bool,
    message: Outgoing<T>,
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("max", &self.max).finish_non_exhaustive()
    }
}

impl<T: Clone> Outbox<T> {
    pub(super) fn new(max: usize, on_settled: OnSettled<T>) -> Self {
        let state = State {
            next_number: 1,
            queued: VecDeque::new(),
            handed: VecDeque::new(),
            in_flight: BTreeMap::new(),
            paused_until: None,
        };
        Self {
            max: max.max(1),
            on_settled,
            state: Mutex::new(state),
            work: Notify::new(),
            settled: Notify::new(),
        }
    }

    /// Queues a message; when there are too many, the oldest that is not on its way gives way.
    pub(super) fn push(&self, message: Outgoing<T>) {
        let discarded = {
            let mut state = self.state();
            let number = state.next_number;
            state.next_number += 1;
            state.queued.push_back(Entry { number, is_greeting: false, message });
            if state.queued.len() > self.max { state.queued.pop_front() } else { None }
        };
        if let Some(entry) = discarded {
            (self.on_settled)(&entry.message.tag, Settled::Discarded);
        }
        self.work.notify_one();
    }

    /// Puts the greeting of a new connection before everything else.
    pub(super) fn greet(&self, greeting: &[Outgoing<T>]) {
        let mut state = self.state();
        for message in greeting.iter().rev() {
            let entry = Entry { number: 0, is_greeting: true, message: message.clone() };
            state.queued.push_front(entry);
        }
    }

    /// The next message to send, once fewer than `window` are on their way; from here on it counts as handed over.
    pub(super) async fn next(&self, window: usize) -> Outgoing<T> {
        loop {
            if let Some(message) = self.try_next(window) {
                return message;
            }
            let paused_until = self.state().paused_until;
            let Some(paused_until) = paused_until else {
                self.work.notified().await;
                continue;
            };
            tokio::select! {
                () = self.work.notified() => {}
                () = tokio::time::sleep_until(paused_until) => self.try_again(),
            }
        }
    }

    fn try_again(&self) {
        self.state().paused_until = None;
    }

    fn try_next(&self, window: usize) -> Option<Outgoing<T>> {
        let mut state = self.state();
        if state.handed.len() + state.in_flight.len() >= window {
            return None;
        }
        let entry = if state.paused_until.is_some() {
            let place = state.queued.iter().position(|entry| entry.message.retain)?;
            state.queued.remove(place)?
        } else {
            state.queued.pop_front()?
        };
        let message = entry.message.clone();
        state.handed.push_back(entry);
        Some(message)
    }

    /// The oldest message handed over went out under this packet id.
    pub(super) fn sent(&self, packet_id: u16) {
        let mut state = self.state();
        if let Some(entry) = state.handed.pop_front() {
            state.in_flight.insert(packet_id, entry);
        }
    }

    /// The broker spoke about this packet id.
    pub(super) fn settle(&self, packet_id: u16, outcome: Settled) {
        let entry = self.state().in_flight.remove(&packet_id);
        if let Some(entry) = entry {
            (self.on_settled)(&entry.message.tag, outcome);
        }
        self.work.notify_one();
        self.settled.notify_waiters();
    }

    /// The broker took the message under this packet id, but nobody is subscribed to it. A retained one waits there for
    /// its readers; any other would be gone, so it is queued again in its old place.
    pub(super) fn unheard(&self, packet_id: u16) {
        {
            let mut state = self.state();
            if state.in_flight.get(&packet_id).is_some_and(|entry| !entry.message.retain)
                && let Some(entry) = state.in_flight.remove(&packet_id)
            {
                if state.paused_until.is_none() {
                    tracing::warn!(topic = entry.message.topic, "nobody listens yet: kept");
                }
                let place = state.queued.partition_point(|other| other.number < entry.number);
                state.queued.insert(place, entry);
                state.paused_until = Some(Instant::now() + UNHEARD_PAUSE);
                drop(state);
                self.work.notify_one();
                return;
            }
        }
        self.settle(packet_id, Settled::Acknowledged);
    }

    /// After the end of a connection: what it did not settle is queued again, in its old order.
    pub(super) fn take_back(&self) {
        let mut state = self.state();
        let in_flight = std::mem::take(&mut state.in_flight);
        let mut unsettled: Vec<Entry<T>> = in_flight.into_values().collect();
        unsettled.extend(state.handed.drain(..));
        state.queued.retain(|entry| !entry.is_greeting);
        unsettled.retain(|entry| !entry.is_greeting);
        unsettled.sort_by_key(|entry| entry.number);
        for entry in unsettled.into_iter().rev() {
            state.queued.push_front(entry);
        }
    }

    pub(super) fn outstanding(&self) -> usize {
        let state = self.state();
        state.queued.len() + state.handed.len() + state.in_flight.len()
    }

    /// Waits until nothing is outstanding.
    pub(super) async fn drained(&self) {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.outstanding() == 0 {
                return;
            }
            settled.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    type Log = Arc<Mutex<Vec<(u32, Settled)>>>;

    fn outbox(max: usize) -> (Outbox<u32>, Log) {
        let log = Log::default();
        let seen = log.clone();
        let on_settled: OnSettled<u32> =
            Arc::new(move |tag, outcome| seen.lock().expect("test").push((*tag, outcome)));
        (Outbox::new(max, on_settled), log)
    }

    fn message(tag: u32) -> Outgoing<u32> {
        Outgoing { topic: "t".into(), payload: "p".into(), retain: false, tag }
    }

    fn sent_order(outbox: &Outbox<u32>, window: usize) -> Vec<u32> {
        std::iter::from_fn(|| outbox.try_next(window)).map(|message| message.tag).collect()
    }

    #[test]
    fn messages_go_out_in_order_within_the_window() {
        let (outbox, log) = outbox(10);
        (1..=5).for_each(|tag| outbox.push(message(tag)));
        assert_eq!(sent_order(&outbox, 2), [1, 2]);
        outbox.sent(11);
        outbox.sent(12);
        outbox.settle(12, Settled::Acknowledged);
        assert_eq!(sent_order(&outbox, 2), [3]);
        assert_eq!(*log.lock().expect("test"), [(2, Settled::Acknowledged)]);
        assert_eq!(outbox.outstanding(), 4);
    }

    #[test]
    fn what_a_lost_connection_did_not_settle_goes_out_again_in_the_old_order() {
        let (outbox, _log) = outbox(10);
        outbox.greet(&[message(100), message(101)]);
        (1..=4).for_each(|tag| outbox.push(message(tag)));
        assert_eq!(sent_order(&outbox, 5), [100, 101, 1, 2, 3]);
        // Packet ids come round: a later message may have a smaller one.
        [8, 9, 65_535, 1].into_iter().for_each(|packet_id| outbox.sent(packet_id));
        outbox.settle(8, Settled::Acknowledged);
        outbox.take_back();
        assert_eq!(sent_order(&outbox, 5), [1, 2, 3, 4], "greetings belong to their connection");
    }

    #[test]
    fn a_full_outbox_discards_the_oldest_that_is_not_on_its_way() {
        let (outbox, log) = outbox(2);
        outbox.push(message(1));
        assert_eq!(sent_order(&outbox, 1), [1]);
        (2..=4).for_each(|tag| outbox.push(message(tag)));
        assert_eq!(*log.lock().expect("test"), [(2, Settled::Discarded)]);
        outbox.take_back();
        assert_eq!(sent_order(&outbox, 9), [1, 3, 4]);
    }

    #[test]
    fn what_nobody_listens_to_is_kept_and_goes_out_again_in_the_old_order() {
        let (outbox, log) = outbox(10);
        (1..=4).for_each(|tag| outbox.push(message(tag)));
        assert_eq!(sent_order(&outbox, 3), [1, 2, 3]);
        [11, 12, 13].into_iter().for_each(|packet_id| outbox.sent(packet_id));
        outbox.unheard(11);
        outbox.settle(12, Settled::Acknowledged);
        outbox.unheard(13);
        outbox.push(Outgoing { retain: true, ..message(5) });
        assert_eq!(sent_order(&outbox, 3), [5], "sending pauses, but for what the broker keeps");
        assert_eq!(*log.lock().expect("test"), [(2, Settled::Acknowledged)]);
        outbox.try_again();
        assert_eq!(sent_order(&outbox, 4), [1, 3, 4]);
    }

    #[test]
    fn a_retained_message_needs_no_listener() {
        let (outbox, log) = outbox(10);
        outbox.push(Outgoing { retain: true, ..message(1) });
        assert_eq!(sent_order(&outbox, 1), [1]);
        outbox.sent(5);
        outbox.unheard(5);
        assert_eq!(*log.lock().expect("test"), [(1, Settled::Acknowledged)]);
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let (outbox, log) = outbox(2);
        outbox.settle(7, Settled::Acknowledged);
        outbox.sent(7);
        assert!(log.lock().expect("test").is_empty());
    }
}
