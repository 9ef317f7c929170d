//! Which received messages may be acknowledged: the longest run from the oldest on that is done.
//!
//! MQTT 5 wants acknowledgements in the order the messages came (MQTT-4.6.0-2), the log answers in any order. A
//! message is known by its ticket; a ticket of an earlier connection means nothing, since the broker sends again what
//! it has no acknowledgement for. Knows neither the broker nor the log.

use std::collections::VecDeque;

/// Names one received message of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    connection: u64,
    number: u64,
}

#[derive(Debug)]
struct Slot<A> {
    ack: A,
    done: bool,
}

/// Messages received and not yet acknowledged, oldest first. `A` is what an acknowledgement needs.
#[derive(Debug)]
pub(crate) struct Ring<A> {
    connection: u64,
    first: u64,
    slots: VecDeque<Slot<A>>,
}

impl<A> Default for Ring<A> {
    fn default() -> Self {
        Self { connection: 0, first: 0, slots: VecDeque::new() }
    }
}

impl<A: Copy> Ring<A> {
    /// A new connection: everything before it is forgotten.
    pub(crate) fn reconnect(&mut self) {
        self.connection += 1;
        self.first = 0;
        self.slots.clear();
    }

    /// A message has come.
    pub(crate) fn push(&mut self, ack: A) -> Ticket {
        let number = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { ack, done: false });
        Ticket { connection: self.connection, number }
    }

    /// The log has what came of a message.
    pub(crate) fn done(&mut self, ticket: Ticket) {
        if ticket.connection != self.connection {
            return;
        }
        let index =
            ticket.number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
            slot.done = true;
        }
    }

    /// The oldest message, when it is done.
    pub(crate) fn next(&self) -> Option<A> {
        self.slots.front().filter(|slot| slot.done).map(|slot| slot.ack)
    }

    /// The oldest message is acknowledged.
    pub(crate) fn acknowledged(&mut self) {
        if self.slots.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Messages not yet acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn acknowledge_all(ring: &mut Ring<u16>) -> Vec<u16> {
        let mut acknowledged = Vec::new();
        while let Some(packet_id) = ring.next() {
            ring.acknowledged();
            acknowledged.push(packet_id);
        }
        acknowledged
    }

    #[test]
    fn the_oldest_message_holds_back_those_after_it() {
        let mut ring = Ring::default();
        let first = ring.push(7);
        let second = ring.push(8);
        ring.done(second);
        assert!(acknowledge_all(&mut ring).is_empty());
        ring.done(first);
        assert_eq!(acknowledge_all(&mut ring), [7, 8]);
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn a_ticket_of_an_earlier_connection_means_nothing() {
        let mut ring = Ring::default();
        let stale = ring.push(1);
        ring.reconnect();
        ring.push(1);
        ring.done(stale);
        assert_eq!(ring.next(), None);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push,
        Done(prop::sample::Index),
        Acknowledge,
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Push),
            4 => any::<prop::sample::Index>().prop_map(Step::Done),
            2 => Just(Step::Acknowledge),
            1 => Just(Step::Reconnect),
        ]
    }

    proptest! {
        #[test]
        fn acknowledgements_are_the_done_prefix_of_this_connection(steps in prop::collection::vec(step(), 1..200)) {
            let mut ring = Ring::default();
            // The model: every message ever received, with its connection and whether it is done.
            let mut received: Vec<(Ticket, u64, bool)> = Vec::new();
            let mut connection = 0;
            let mut acknowledged = Vec::new();
            for step in steps {
                match step {
                    Step::Push => {
                        let id = received.len() as u64;
                        let ticket = ring.push(id);
                        received.push((ticket, connection, false));
                    }
                    Step::Done(index) if !received.is_empty() => {
                        let message = index.get(received.as_slice()).0;
                        ring.done(message);
                        for entry in received.iter_mut().filter(|entry| entry.0 == message && entry.1 == connection) {
                            entry.2 = true;
                        }
                    }
                    Step::Done(_) => {}
                    Step::Acknowledge => {
                        while let Some(id) = ring.next() {
                            ring.acknowledged();
                            acknowledged.push(id);
                        }
                        let current: Vec<_> = received.iter().enumerate().filter(|(_, entry)| entry.1 == connection).collect();
                        let prefix: Vec<u64> = current.iter().take_while(|(_, entry)| entry.2).map(|(id, _)| *id as u64).collect();
                        let of_connection: Vec<u64> = acknowledged.iter().copied().filter(|id| received[*id as usize].1 == connection).collect();
                        prop_assert_eq!(of_connection, prefix);
                    }
                    Step::Reconnect => {
                        ring.reconnect();
                        connection += 1;
                    }
                }
            }
            // Each at most once.
            let mut unique = acknowledged.clone();
            unique.dedup();
            prop_assert_eq!(unique, acknowledged);
        }
    }
}
