//! Any record of decisions with any numbers goes from the log to the outbox without harm, and the next good one is acted
//! on.

use std::time::Duration;

use bridge_outbound::{Attempt, OnSilence, Opening, Outbound, Read, Rules, Tries};
use proptest::prelude::*;
use schemas::Timestamp;
use schemas::log::LogRecord;
use schemas::mqtt::Topics;
use schemas::samples::{AT, EXTREMES, ROOT, encode, samples, spoil};
use schemas::topics::Topic;
use serde_json::json;

const RULES: Rules =
    Rules { on_silence: OnSilence::HoldLast, silence_ms: 15_000, hold_max_ms: 60_000 };
const NOW: Timestamp = Timestamp(AT + 5_000);

/// What the way out does with a record; whether a decision was acted on.
fn read(out: &mut Outbound, value: Vec<u8>) -> bool {
    let offset = out.next_offset(0).expect("it is open");
    let (topic, key) = (Topic::Decisions, ROOT.as_bytes().to_vec());
    let record = LogRecord { topic, partition: 0, offset, timestamp: NOW, key, value };
    let Read::Decided(root, _) = out.read(&record, NOW) else { return false };
    while let Some(order) = out.next(NOW) {
        assert!(!order.messages(&Topics::default(), NOW).is_empty());
        out.finished(&order.setpoint.envelope.device_id, Attempt::Published, NOW);
    }
    assert_eq!(out.positions()[0].1, offset + 1);
    out.look(NOW.plus_ms(20_000), |_| Some(root.clone()));
    true
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
        let tries = Tries { retries: 3, backoff: Duration::from_millis(100) };
        let mut out = Outbound::new(RULES, tries);
        out.open(0, Opening::from(0));
        read(&mut out, bytes(&all[0]));
        prop_assert!(read(&mut out, bytes(&of(1))));
        let mut spoilt = if kind == 0 { all[0].clone() } else { of(seq) };
        let mut acted_on = false;
        for (which, extreme) in spoils {
            if let Some(bytes) = spoil(Topic::Decisions, &mut spoilt, which, extreme) {
                acted_on |= read(&mut out, bytes);
            }
        }
        // What the owner decides next, or after a decision that was believed in its name.
        let next = if acted_on { 3 } else { 2 };
        let claimed = spoilt.get("Claim").is_some_and(|claim| claim["epoch"] == json!(2));
        prop_assert!(claimed || read(&mut out, bytes(&of(next))) || read(&mut out, bytes(&of(next + 1))));
    }
}
