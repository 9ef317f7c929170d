//! What is believed where: a record that continues nothing is void and named, and none stops control for good.

use super::tests::{claim, part};
use super::*;
use crate::records::operator::LogMade;

/// More than any writer counts to.
const GIANT: i64 = 1 << 50;

fn standing(seqs: i64) -> Ledger {
    let mut ledger = Ledger::new();
    ledger.read(claim(1, 1));
    for seq in 1..=seqs {
        assert!(counts(&mut ledger, part(1, 1, seq, 0, 1)));
    }
    ledger
}

fn counts(ledger: &mut Ledger, record: LedgerRecord) -> bool {
    matches!(ledger.read(record), Verdict::Decided(_))
}

fn dated(record: LedgerRecord, at: i64) -> LedgerRecord {
    let LedgerRecord::DecisionPart(mut part) = record else { unreachable!("a decision") };
    if let Some(header) = &mut part.header {
        header.at = Timestamp(at);
    }
    LedgerRecord::DecisionPart(part)
}

#[test]
fn a_claim_that_leaves_epochs_out_is_void_and_the_next_one_counts() {
    for jump in [3, GIANT, i64::MAX] {
        let mut ledger = standing(2);
        assert_eq!(ledger.read(claim(9, jump)), Verdict::Void(Void::ClaimJump));
        assert!(counts(&mut ledger, part(1, 1, 3, 0, 1)), "control goes on");
        assert!(matches!(ledger.read(claim(2, 2)), Verdict::Claimed(_)));
    }
    let mut ledger = standing(2);
    for late in [i64::MIN, -1, 0, 1] {
        assert_eq!(ledger.read(claim(9, late)), Verdict::Void(Void::LateClaim), "{late}");
    }
}

#[test]
fn a_decision_that_leaves_numbers_out_is_void_and_the_next_one_counts() {
    for jump in [4, GIANT, i64::MAX] {
        let mut ledger = standing(2);
        assert_eq!(ledger.read(part(1, 1, jump, 0, 1)), Verdict::Void(Void::DecisionJump));
        assert!(counts(&mut ledger, part(1, 1, 3, 0, 1)), "after {jump}");
    }
}

#[test]
fn a_decision_of_the_year_9999_is_void_and_the_next_one_counts() {
    let mut ledger = standing(2);
    let far = dated(part(1, 1, 3, 0, 1), 253_402_300_799_999);
    assert_eq!(ledger.read(far), Verdict::Void(Void::Ahead));
    assert!(counts(&mut ledger, part(1, 1, 3, 0, 1)));
}

#[test]
fn a_reader_that_begins_at_a_record_that_lies_is_put_right_by_those_that_follow() {
    // A decision under a giant epoch stands where retention has cut the log off.
    let mut ledger = Ledger::new();
    assert!(counts(&mut ledger, part(9, GIANT, 1, 0, 1)));
    assert!(counts(&mut ledger, part(1, 7, 40, 0, 1)), "the real owner");
    assert!(matches!(ledger.read(claim(2, 8)), Verdict::Claimed(_)));
    assert!(counts(&mut ledger, part(2, 8, 41, 0, 1)));
    // A giant number does.
    let mut ledger = Ledger::new();
    assert!(counts(&mut ledger, part(1, 7, GIANT, 0, 1)));
    assert!(counts(&mut ledger, part(1, 7, 40, 0, 1)));
    assert!(counts(&mut ledger, part(1, 7, 41, 0, 1)));
    assert_eq!(ledger.read(part(1, 7, GIANT, 0, 1)), Verdict::Void(Void::DecisionJump));
    // A snapshot or a stored position names a giant.
    let mut ledger = Ledger::resume(Some(Holder { epoch: GIANT, writer: Uuid::from_u128(9) }));
    assert!(counts(&mut ledger, part(1, 7, 40, 0, 1)));
    assert!(matches!(ledger.read(claim(2, 8)), Verdict::Claimed(_)));
}

#[test]
fn where_the_first_of_two_racing_claims_is_cut_away_its_writer_is_the_owner() {
    let mut ledger = Ledger::new();
    // The loser's claim is the first record there is.
    assert!(matches!(ledger.read(claim(2, 5)), Verdict::Claimed(_)));
    assert!(counts(&mut ledger, part(1, 5, 40, 0, 1)), "the winner decides, the loser never does");
    assert_eq!(ledger.read(part(2, 5, 41, 0, 1)), Verdict::Void(Void::Fenced));
}

#[test]
fn a_former_owner_is_fenced_off_also_from_who_resumes() {
    let holder = Holder { epoch: 2, writer: Uuid::from_u128(2) };
    let mut ledger = Ledger::resume(Some(holder));
    assert_eq!(ledger.read(part(1, 1, 9, 0, 1)), Verdict::Void(Void::Fenced));
    assert_eq!(ledger.read(claim(9, 4)), Verdict::Void(Void::ClaimJump));
    assert!(counts(&mut ledger, part(2, 2, 9, 0, 1)));
}

#[test]
fn a_claim_on_another_log_is_void() {
    let id = Uuid::from_u128;
    let made = |log, from| LogMade {
        log_id: id(log),
        adopted: true,
        restored_from: from,
        ends: Vec::new(),
    };
    let mut lineage = Lineage::new(made(5, None));
    assert!(lineage.restore(&made(6, Some(id(5)))));
    assert!(!lineage.restore(&made(9, Some(id(5)))), "it is not that log any more");
    let mut ledger = Ledger::new().of(Some(lineage));
    let on = |epoch, log: Option<u128>| {
        let LedgerRecord::Claim(claim) = claim(1, epoch) else { unreachable!("a claim") };
        LedgerRecord::Claim(Claim { log: log.map(id), ..claim })
    };
    for (epoch, log) in [(1, None), (2, Some(5)), (3, Some(6))] {
        assert!(matches!(ledger.read(on(epoch, log)), Verdict::Claimed(_)), "{log:?}");
    }
    assert_eq!(ledger.read(on(4, Some(9))), Verdict::Void(Void::OtherLog));
    assert!(matches!(ledger.read(on(4, Some(6))), Verdict::Claimed(_)));
}
