//! Any record of decisions with any numbers goes from the log to the outbox without harm, and the next good one is acted
//! on.

use std::time::Duration;

use proptest::prelude::*;
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::records::decision::LedgerRecord;
use schemas::samples::{AT, EXTREMES, encode, samples, spoil};
use schemas::topics::Topic;
use serde_json::json;

use crate::commandable::commandable;
use crate::outbox::{Attempt, Order, Outbox, Place, Tries};
use crate::partitions::{Partition, Reading};
use crate::watchdog::{OnSilence, Rules, Watchdog};

const RULES: Rules =
    Rules { on_silence: OnSilence::HoldLast, silence_ms: 15_000, hold_max_ms: 60_000 };

/// What the way out does with a record; whether a decision was acted on.
struct WayOut {
    partition: Partition,
    watchdog: Watchdog,
    outbox: Outbox,
    now: Timestamp,
}

impl WayOut {
    fn read(&mut self, bytes: &[u8]) -> bool {
        let offset = self.partition.next();
        let Ok(record) = LedgerRecord::decode(bytes) else {
            self.partition.skip(offset);
            return false;
        };
        let Reading::Decided(decision, from) = self.partition.read(offset, record) else {
            return false;
        };
        let (devices, _) = commandable(&decision);
        let fence = (decision.epoch, decision.seq);
        self.watchdog.heard(&decision.root, fence, &devices, 0, self.now);
        let place = Place { partition: 0, offset: from };
        let orders = devices.iter().filter_map(|device| Order::of(device, place, None, self.now));
        for order in orders {
            assert!(!order.setpoint.encode().is_empty());
            self.outbox.offer(order);
        }
        while let Some(order) = self.outbox.next(self.now) {
            self.outbox.finished(&order.setpoint.envelope.device_id, Attempt::Published, self.now);
        }
        self.partition.position(self.outbox.oldest_open(0));
        let root = decision.root.clone();
        self.watchdog.tick(self.now.plus_ms(20_000), |_| Some(root.clone()));
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_numbers_in_a_decision_leave_the_way_out_open(
        kind in 0..2_usize,
        seq in 1..4_i64,
        spoils in prop::collection::vec((0..200_usize, prop::sample::select(EXTREMES.to_vec())), 1..4),
    ) {
        let all = samples(Topic::Decisions);
        let of = |seq: i64| {
            let mut decision = all[1].clone();
            decision["DecisionPart"]["seq"] = json!(seq);
            decision
        };
        let bytes =
            |record: &serde_json::Value| encode(Topic::Decisions, record).expect("a sample");
        let mut out = WayOut {
            partition: Partition::new(schemas::ledger::Ledger::new(), 0),
            watchdog: Watchdog::new(RULES),
            outbox: Outbox::new(Tries { retries: 3, backoff: Duration::from_millis(100) }),
            now: Timestamp(AT + 5_000),
        };
        out.read(&bytes(&all[0]));
        prop_assert!(out.read(&bytes(&of(1))));
        let mut spoilt = if kind == 0 { all[0].clone() } else { of(seq) };
        let mut acted_on = false;
        for (which, extreme) in spoils {
            if let Some(bytes) = spoil(Topic::Decisions, &mut spoilt, which, extreme) {
                acted_on |= out.read(&bytes);
            }
        }
        // What the owner decides next, or after a decision that was believed in its name.
        let next = if acted_on { 3 } else { 2 };
        let claimed = spoilt.get("Claim").is_some_and(|claim| claim["epoch"] == json!(2));
        prop_assert!(claimed || out.read(&bytes(&of(next))) || out.read(&bytes(&of(next + 1))));
    }
}
