//! What is recorded of the way out: the changed setpoints that the broker has, each as a record of `sent.v1`.
//!
//! A renewal says nothing new, and there are far more of them than of changes. One that takes the place of a change that
//! never went out is what tells the device of the change, so it is recorded as one. What the watchdog sends is of no
//! decision, and is not recorded.

use schemas::Timestamp;
use schemas::ids::FeederId;
use schemas::log::{InPartition, Outgoing};
use schemas::records::decision::Emit;
use schemas::records::decision_no::DecisionNo;
use schemas::records::sent::Sent;

use crate::commandable::Commandable;
use crate::outbox::{Order, Place, Settled};

/// The decision that a setpoint comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its record.
    pub place: Place,
    /// Its tree.
    pub root: FeederId,
    /// The device's feeder.
    pub feeder_id: FeederId,
    is_change: bool,
}

impl Origin {
    pub(crate) fn of(device: &Commandable<'_>, place: Place) -> Self {
        Self {
            place,
            root: device.decision().root.clone(),
            feeder_id: device.device().feeder_id.clone(),
            is_change: device.device().emit == Emit::Change,
        }
    }
}

/// When the broker was given a setpoint that it has, and when it acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub sent_at: Timestamp,
    pub acknowledged_at: Timestamp,
}

impl Order {
    /// Whether it tells its device something new.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_change)
    }

    /// Takes the place of one that the broker never had.
    pub(crate) fn take_place_of(&mut self, older: &Self) {
        if let Some(origin) = &mut self.origin {
            origin.is_change |= older.is_change();
        }
    }
}

impl Settled {
    /// What is to be recorded of it, if anything: in the partition of its decision.
    #[must_use]
    pub fn record(&self) -> Option<Outgoing> {
        let taken = self.taken.filter(|_| self.order.is_change())?;
        let (origin, setpoint) = (self.order.origin.as_ref()?, &self.order.setpoint);
        let DecisionNo { epoch, seq } = setpoint.no()?;
        let sent = Sent {
            setpoint_id: setpoint.id(),
            root: origin.root.clone(),
            epoch,
            seq,
            device_id: setpoint.envelope.device_id.clone(),
            feeder_id: origin.feeder_id.clone(),
            decided_at: self.order.decided,
            sent_at: taken.sent_at,
            broker_acked_at: taken.acknowledged_at,
        };
        Some(Outgoing::of(&sent, InPartition(origin.place.partition)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schemas::codec::Record;
    use schemas::ids::DeviceId;
    use schemas::records::decision::DeviceDecision;
    use schemas::topics::Topic;

    use super::*;
    use crate::commandable::{commandable, tests as make};
    use crate::outbox::{Attempt, Outbox, Tries};

    const TRIES: Tries = Tries { retries: 0, backoff: Duration::from_millis(200) };
    const PARTITION: i32 = 3;

    /// The setpoint of `ev-1` in a decision made at its number in seconds.
    fn order(seq: i64, emit: Emit) -> Order {
        let device = DeviceDecision { emit, ..make::device("ev-1", "south", 7_000) };
        let mut decision = make::decision(seq, seq * 1_000, vec![device]);
        decision.header.nodes[0].feeder_id = FeederId::new("south").unwrap();
        let (devices, _) = commandable(&decision);
        let place = Place { partition: PARTITION, offset: seq };
        Order::of(&devices[0], place, None, Timestamp(seq * 1_000)).unwrap()
    }

    /// The next try, begun and ended at these times.
    fn attempt(outbox: &mut Outbox, attempt: Attempt, (from, to): (i64, i64)) {
        assert!(outbox.next(Timestamp(from)).is_some(), "a setpoint is due at {from}");
        outbox.finished(&DeviceId::new("ev-1").unwrap(), attempt, Timestamp(to));
    }

    /// The records of what has been settled, as number, sent at, acknowledged at.
    fn records(outbox: &mut Outbox) -> Vec<(i64, i64, i64)> {
        let records = outbox.take_settled().into_iter().filter_map(|settled| settled.record());
        records
            .map(|outgoing| Sent::decode(&outgoing.value).expect("a record"))
            .map(|sent| (sent.seq, sent.sent_at.0, sent.broker_acked_at.0))
            .collect()
    }

    #[test]
    fn a_change_that_the_broker_has_is_recorded_with_its_decision_and_both_times() {
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(7, Emit::Change));
        attempt(&mut outbox, Attempt::Published, (7_010, 7_013));
        let settled = outbox.take_settled().remove(0);
        let record = settled.record().expect("a change is recorded");
        let (topic, key) = (Topic::Sent, "north".to_owned());
        assert_eq!((record.topic, record.partition, &record.key), (topic, PARTITION, &key));
        let expected = Sent {
            setpoint_id: settled.order.setpoint.id(),
            root: FeederId::new("north").unwrap(),
            epoch: 1,
            seq: 7,
            device_id: DeviceId::new("ev-1").unwrap(),
            feeder_id: FeederId::new("south").unwrap(),
            decided_at: Timestamp(7_000),
            sent_at: Timestamp(7_010),
            broker_acked_at: Timestamp(7_013),
        };
        assert_eq!(Sent::decode(&record.value), Ok(expected));
    }

    #[test]
    fn a_renewal_and_the_watchdogs_word_are_not_recorded() {
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(1, Emit::Renew));
        attempt(&mut outbox, Attempt::Published, (1_000, 1_005));
        outbox.offer(Order { origin: None, ..order(2, Emit::Change) });
        attempt(&mut outbox, Attempt::Published, (2_000, 2_005));
        // Nor a renewal in the place of that word.
        outbox.offer(Order { origin: None, ..order(3, Emit::Change) });
        outbox.offer(order(4, Emit::Renew));
        attempt(&mut outbox, Attempt::Published, (4_000, 4_005));
        assert_eq!(records(&mut outbox), []);
    }

    #[test]
    fn the_times_are_those_of_the_try_that_the_broker_acknowledged() {
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(1, Emit::Change));
        attempt(&mut outbox, Attempt::Unheard, (1_000, 3_000));
        attempt(&mut outbox, Attempt::Published, (3_500, 3_502));
        assert_eq!(records(&mut outbox), [(1, 3_500, 3_502)]);
    }

    #[test]
    fn a_change_that_never_went_out_is_not_recorded() {
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(1, Emit::Change));
        attempt(&mut outbox, Attempt::Refused, (1_000, 1_005));
        outbox.offer(order(2, Emit::Change));
        assert_eq!(outbox.next(Timestamp(60_000)), None, "its lease is over");
        assert_eq!(records(&mut outbox), []);
    }

    #[test]
    fn a_renewal_in_the_place_of_a_change_that_the_broker_never_had_is_recorded_as_one() {
        // While the change waits, and while it is on its way and gets no answer.
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(1, Emit::Change));
        outbox.offer(order(2, Emit::Renew));
        attempt(&mut outbox, Attempt::Published, (2_000, 2_005));
        assert_eq!(records(&mut outbox), [(2, 2_000, 2_005)]);

        outbox.offer(order(3, Emit::Change));
        assert!(outbox.next(Timestamp(3_000)).is_some());
        outbox.offer(order(4, Emit::Renew));
        outbox.finished(&DeviceId::new("ev-1").unwrap(), Attempt::Unheard, Timestamp(5_000));
        attempt(&mut outbox, Attempt::Published, (5_000, 5_005));
        assert_eq!(records(&mut outbox), [(4, 5_000, 5_005)]);
    }

    #[test]
    fn a_renewal_behind_a_change_that_the_broker_has_is_none() {
        let mut outbox = Outbox::new(TRIES);
        outbox.offer(order(1, Emit::Change));
        assert!(outbox.next(Timestamp(1_000)).is_some());
        outbox.offer(order(2, Emit::Renew));
        outbox.finished(&DeviceId::new("ev-1").unwrap(), Attempt::Published, Timestamp(1_005));
        attempt(&mut outbox, Attempt::Published, (2_000, 2_005));
        assert_eq!(records(&mut outbox), [(1, 1_000, 1_005)]);
    }
}
