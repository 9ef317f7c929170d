//! When a feeder's alarms are raised, to the watt and to the device.

use schemas::Timestamp;
use schemas::records::decision::{Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, FeederChange, OperatorRecord};
use uuid::Uuid;

use super::*;
use crate::{Tick, Tree};

/// A feeder of 10 kW that has nothing to say.
fn quiet() -> NodeDecision {
    let root = FeederId::new("root").expect("an id");
    let mut registry = Registry::default();
    let change = Change::FeederChange(FeederChange {
        feeder_id: root.clone(),
        parent_id: None,
        import_limit_w: Some(Watts(10_000)),
        export_limit_w: None,
        mode: None,
        policy: None,
    });
    let at = Timestamp(1_700_000_000_000);
    let actor = "test".to_owned();
    let record = OperatorRecord { id: Uuid::nil(), at, source: None, actor, change };
    registry.apply(&record).expect("the change is allowed");
    let tick = Tick {
        now: at,
        trigger: Trigger::Window,
        no: DecisionNo::new(1, 1),
        writer: Uuid::nil(),
        positions: Positions::default(),
    };
    Tree::new(root).decide(&registry, tick).header.nodes.remove(0)
}

/// The alarms of a feeder: each with its severity and what it says.
fn raised(change: impl FnOnce(&mut NodeDecision)) -> Vec<(String, Severity, String)> {
    let (mut node, mut alarms) = (quiet(), Vec::new());
    change(&mut node);
    of_node(&node, &mut alarms);
    assert!(alarms.iter().all(|alarm| alarm.feeder_id.as_ref() == Some(&node.feeder_id)));
    alarms.into_iter().map(|alarm| (alarm.code, alarm.severity, alarm.message)).collect()
}

#[track_caller]
fn check(raised: &[(String, Severity, String)], code: &str, severity: Severity, says: &str) {
    let [(found, how, message)] = raised else { panic!("{raised:?}") };
    assert_eq!((found.as_str(), *how), (code, severity));
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_load_above_the_limit_is_an_alarm_and_one_at_it_is_none() {
    assert_eq!(raised(|node| node.load_w = Watts(10_000)), []);
    let over = raised(|node| node.load_w = Watts(10_001));
    check(&over, OVER_LIMIT, Severity::Critical, &Watts(1).to_string());
}

#[test]
fn feeding_back_more_than_the_export_limit_is_an_alarm() {
    assert_eq!(raised(|node| node.load_w = Watts(-90_000)), []);
    let gives = |watts: i64| {
        raised(|node| (node.load_w, node.export_limit_w) = (Watts(-watts), Some(Watts(3_000))))
    };
    assert_eq!(gives(3_000), []);
    assert_eq!(gives(-9_000), []);
    check(&gives(3_250), OVER_LIMIT, Severity::Critical, &Watts(250).to_string());
}

#[test]
fn what_is_missing_is_critical_unless_only_leases_have_to_be_kept_alive() {
    let missing = |rung, watts| raised(|node| (node.rung, node.unmet_w) = (rung, Watts(watts)));
    assert_eq!(missing(Rung::Alarm, 0), []);
    assert_eq!(missing(Rung::Fallback, 0), []);
    check(&missing(Rung::Alarm, 1), INFEASIBLE, Severity::Critical, "cannot be met");
    check(&missing(Rung::Fallback, 1), INFEASIBLE, Severity::Warning, "live setpoints");
}

#[test]
fn more_than_a_third_that_is_not_heard_is_an_alarm() {
    let heard = |stale, all| raised(|node| (node.stale_count, node.device_count) = (stale, all));
    assert_eq!(heard(0, 0), []);
    assert_eq!(heard(3, 9), []);
    check(&heard(4, 11), STALE_FLEET, Severity::Warning, "4 of 11");
}

#[test]
fn control_that_is_stopped_says_why() {
    let stopped = raised(|node| node.stopped = Some("the reason".to_owned()));
    check(&stopped, STOPPED, Severity::Critical, "the reason");
}
