//! The rule, exhaustively on small worlds: every interleaving of two writers' records.

use super::*;
use crate::ids::DeviceId;
use crate::records::decision::{DecisionHeader, Positions, Trigger};
use crate::units::Timestamp;

fn writer(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(super) fn claim(number: u128, epoch: i64) -> LedgerRecord {
    LedgerRecord::Claim(Claim {
        epoch,
        writer: writer(number),
        at: Timestamp(0),
        name: "test".to_owned(),
        log: None,
    })
}

pub(super) fn part(number: u128, epoch: i64, seq: i64, part: i32, parts: i32) -> LedgerRecord {
    let header = (part == 0).then(|| DecisionHeader {
        at: Timestamp(seq),
        trigger: Trigger::Window,
        window_start: Timestamp(0),
        window_end: Timestamp(0),
        positions: Positions::default(),
        policy: String::new(),
        certified: true,
        findings: Vec::new(),
        nodes: Vec::new(),
        alarms: Vec::new(),
    });
    LedgerRecord::DecisionPart(DecisionPart {
        epoch,
        writer: writer(number),
        root: FeederId::new("a").expect("valid"),
        seq,
        part,
        parts,
        header,
        devices: Vec::new(),
    })
}

fn decided(verdicts: &[Verdict]) -> Vec<(i64, i64)> {
    verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Decided(decision) => Some((decision.no.epoch, decision.no.seq)),
            Verdict::Claimed(_) | Verdict::Partial | Verdict::Void(_) => None,
        })
        .collect()
}

/// Every way to merge two sequences while keeping each one's order.
fn interleavings(left: &[LedgerRecord], right: &[LedgerRecord]) -> Vec<Vec<LedgerRecord>> {
    let (Some(first_left), Some(first_right)) = (left.first(), right.first()) else {
        return vec![[left, right].concat()];
    };
    let prepend = |first: &LedgerRecord, rest: Vec<Vec<LedgerRecord>>| {
        rest.into_iter().map(|tail| [vec![first.clone()], tail].concat()).collect::<Vec<_>>()
    };
    let mut all = prepend(first_left, interleavings(&left[1..], right));
    all.extend(prepend(first_right, interleavings(left, &right[1..])));
    all
}

#[test]
fn of_two_writers_only_the_last_claim_counts_after_it_stands() {
    let old = [claim(1, 1), part(1, 1, 1, 0, 1), part(1, 1, 2, 0, 2), part(1, 1, 2, 1, 2)];
    let new = [claim(2, 2), part(2, 2, 1, 0, 1), part(2, 2, 2, 0, 1)];
    for order in interleavings(&old, &new) {
        // A claim continues the one before it.
        let takeover = order.iter().position(|record| *record == claim(2, 2)).expect("is there");
        if takeover < order.iter().position(|record| *record == claim(1, 1)).expect("is there") {
            continue;
        }
        let mut ledger = Ledger::new();
        let mut verdicts = Vec::new();
        let mut base = 0;
        for record in &order {
            // The new owner has read what stood at its claim, and goes on from there.
            let continued = match record.clone() {
                LedgerRecord::DecisionPart(part) if part.epoch == 2 => {
                    let seq = base + part.seq;
                    LedgerRecord::DecisionPart(DecisionPart { seq, ..part })
                }
                other => other,
            };
            verdicts.push(ledger.read(continued));
            if *record == claim(2, 2) {
                base = ledger.last_seq(&FeederId::new("a").expect("valid")).unwrap_or(0);
            }
        }
        assert!(decided(&verdicts[..takeover]).iter().all(|(epoch, _)| *epoch == 1));
        let after = decided(&verdicts[takeover..]);
        assert_eq!(after, [(2, base + 1), (2, base + 2)], "in {order:?}");
    }
}

#[test]
fn of_two_claims_with_one_epoch_the_first_stands() {
    let mut ledger = Ledger::new();
    assert!(matches!(ledger.read(claim(1, 1)), Verdict::Claimed(_)));
    assert_eq!(ledger.read(claim(2, 1)), Verdict::Void(Void::LateClaim));
    assert_eq!(ledger.read(part(2, 1, 1, 0, 1)), Verdict::Void(Void::Fenced));
    assert!(matches!(ledger.read(part(1, 1, 1, 0, 1)), Verdict::Decided(_)));
}

#[test]
fn a_repeated_decision_is_void() {
    let mut ledger = Ledger::new();
    ledger.read(claim(1, 1));
    assert!(matches!(ledger.read(part(1, 1, 1, 0, 1)), Verdict::Decided(_)));
    assert!(matches!(ledger.read(part(1, 1, 2, 0, 1)), Verdict::Decided(_)));
    assert_eq!(ledger.read(part(1, 1, 2, 0, 1)), Verdict::Void(Void::Repeated));
    assert_eq!(ledger.read(part(1, 1, 1, 0, 1)), Verdict::Void(Void::Repeated));
}

#[test]
fn a_decision_in_parts_counts_when_it_is_whole() {
    let mut ledger = Ledger::new();
    ledger.read(claim(1, 1));
    assert_eq!(ledger.read(part(1, 1, 1, 0, 3)), Verdict::Partial);
    assert_eq!(ledger.read(part(1, 1, 1, 2, 3)), Verdict::Void(Void::Torn), "part 1 is missing");
    assert_eq!(ledger.read(part(1, 1, 2, 0, 2)), Verdict::Partial, "the next one starts afresh");
    assert!(matches!(ledger.read(part(1, 1, 2, 1, 2)), Verdict::Decided(_)));
}

#[test]
fn a_claim_ends_what_was_half_written() {
    let mut ledger = Ledger::new();
    ledger.read(claim(1, 1));
    assert_eq!(ledger.read(part(1, 1, 1, 0, 2)), Verdict::Partial);
    ledger.read(claim(2, 2));
    assert_eq!(ledger.read(part(1, 1, 1, 1, 2)), Verdict::Void(Void::Fenced));
    assert!(matches!(ledger.read(part(2, 2, 1, 0, 1)), Verdict::Decided(_)));
}

#[test]
fn parts_come_together_again_as_the_decision_they_were() {
    let LedgerRecord::DecisionPart(whole) = part(1, 1, 1, 0, 1) else { unreachable!() };
    let decision = Decision {
        no: whole.no(),
        writer: whole.writer,
        root: whole.root,
        header: whole.header.expect("part 0"),
        devices: Vec::new(),
    };
    assert_eq!(decision.clone().into_parts(10).len(), 1);
    let device = DeviceId::new("ev-1").expect("valid");
    assert_eq!(decision.setpoint_id(&device), decision.setpoint_id(&device));
    let mut ledger = Ledger::new();
    let mut last = Verdict::Partial;
    for part in decision.clone().into_parts(1) {
        last = ledger.read(LedgerRecord::DecisionPart(part));
    }
    assert_eq!(last, Verdict::Decided(decision));
}

#[test]
fn without_a_claim_to_go_by_the_record_of_the_highest_epoch_names_the_owner() {
    // A reader that begins in the middle meets a former owner's record first.
    let mut ledger = Ledger::new();
    assert!(matches!(ledger.read(part(1, 1, 7, 0, 1)), Verdict::Decided(_)));
    assert!(matches!(ledger.read(part(2, 2, 8, 0, 1)), Verdict::Decided(_)));
    assert_eq!(ledger.read(part(1, 1, 9, 0, 1)), Verdict::Void(Void::Fenced));
    assert!(matches!(ledger.read(claim(3, 3)), Verdict::Claimed(_)));
    assert_eq!(ledger.read(part(4, 4, 9, 0, 1)), Verdict::Void(Void::Fenced), "a claim is known");
}
