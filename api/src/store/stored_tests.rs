//! When what ClickHouse holds is not well.

use schemas::Watts;
use schemas::records::operator::LogMade;
use uuid::Uuid;

use super::*;
use crate::test_data::{NOW, feeder_state};

/// An identity as it is made at a moment, without chance.
fn id_at(at: Timestamp, count: u128) -> Uuid {
    let ms = u128::try_from(at.0).expect("after 1970");
    Uuid::from_u128((ms << 80) | (7_u128 << 76) | (2_u128 << 62) | count)
}

fn made(at: Timestamp, adopted: bool) -> Lineage {
    let made = LogMade { log_id: id_at(at, 1), adopted, restored_from: None, ends: Vec::new() };
    Lineage::new(made)
}

#[test]
fn history_is_behind_when_the_newest_decision_is_not_stored_within_half_a_minute() {
    let live = Live::default();
    assert_eq!(newest_decision(&live.view()), None);
    live.apply_feeder(feeder_state("f1", 1, 1, Watts(1)));
    let (feeder_id, decided) = newest_decision(&live.view()).expect("one is decided");
    assert_eq!((feeder_id.as_str(), decided), ("f1", NOW));
    assert_eq!(behind(decided, Some(NOW.plus_ms(-30_000))), None);
    let words = behind(decided, Some(NOW.plus_ms(-47_000))).expect("it is behind");
    assert!(words.contains("47 s behind") && words.contains("the sink does not store"), "{words}");
    let words = behind(decided, None).expect("nothing is stored");
    assert!(words.contains("at least 3600 s behind"), "{words}");
}

#[test]
fn a_log_made_anew_is_told_for_a_while_where_rows_of_another_one_are_stored() {
    let log = made(NOW, false);
    let own = log.current().to_string();
    let other = id_at(NOW.plus_ms(-9_000_000), 2).to_string();
    assert_eq!(another_log(Some(&log), &[], NOW), None, "a first start");
    assert_eq!(another_log(Some(&log), std::slice::from_ref(&own), NOW), None);
    for rows_of in [vec![other.clone(), own.clone()], vec![other.clone()]] {
        let words = another_log(Some(&log), &rows_of, NOW).expect("it is told");
        assert!(words.contains("made anew") && words.contains(&other), "{words}");
    }
    let words = another_log(Some(&log), &[String::new()], NOW).expect("it is told");
    assert!(words.contains("one without identity"), "{words}");
    assert_eq!(another_log(Some(&log), &[other], NOW.plus_ms(LOG_CHANGE_TOLD_MS + 2_000)), None);
    assert_eq!(another_log(None, &[own], NOW), None, "nobody has said which log it is");
}

#[test]
fn a_log_that_is_older_than_identities_is_no_other_than_before_and_a_copy_put_back_is() {
    let mut log = made(NOW, true);
    assert_eq!(another_log(Some(&log), &[String::new()], NOW), None);
    let from = log.current();
    let copy = LogMade {
        log_id: id_at(NOW, 3),
        adopted: false,
        restored_from: Some(from),
        ends: Vec::new(),
    };
    assert!(log.restore(&copy));
    let words = another_log(Some(&log), &[], NOW).expect("it is told");
    assert!(words.contains("put back") && words.contains(&from.to_string()), "{words}");
}
