//! When a part counts as well.

use std::sync::atomic::{AtomicI64, Ordering};

use schemas::records::operator::{Change, DeviceRegistered, FeederChange};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{DeviceId, Watts};

use super::*;
use crate::test_data::{NOW, device_state, feeder_state, operator_record};

#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn live_with_a_device() -> Live {
    let live = Live::default();
    live.apply_operator(
        0,
        &operator_record(Change::DeviceRegistered(DeviceRegistered {
            device_id: DeviceId::new("ev-1").expect("an id"),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: FeederId::new("f1").expect("an id"),
            site_id: None,
        })),
    );
    live
}

fn control_of(live: &Live, now: Timestamp) -> Part {
    control(&live.view(), now)
}

#[test]
fn without_devices_there_is_nothing_to_decide() {
    assert!(control_of(&Live::default(), NOW).ok);
}

#[test]
fn control_is_not_well_before_the_first_decision_and_after_three_silent_intervals() {
    let live = live_with_a_device();
    assert!(!control_of(&live, NOW).ok);
    live.apply_feeder(feeder_state("f1", 1, 1, Watts(1)));
    assert!(control_of(&live, NOW.plus_ms(5_000)).ok);
    // Three intervals of 5 s, and the lateness and idle time that a decision may take.
    assert!(control_of(&live, NOW.plus_ms(18_000)).ok);
    let late = control_of(&live, NOW.plus_ms(18_001));
    assert!(!late.ok);
    assert_eq!(late.since, Some(NOW));
    assert_eq!(late.detail.as_deref(), Some("decisions have stopped for f1"));
}

#[test]
fn a_stopped_feeder_is_named_and_a_disabled_one_is_nobodys_business() {
    let live = live_with_a_device();
    let mut state = feeder_state("f1", 1, 1, Watts(1));
    state.node.stopped = Some("5 failed cycles".to_owned());
    live.apply_feeder(state);
    let part = control_of(&live, NOW);
    assert_eq!((part.ok, part.detail.as_deref()), (false, Some("f1 is stopped: 5 failed cycles")));
    let disabled = live_with_a_device();
    disabled.apply_operator(
        1,
        &operator_record(Change::FeederChange(FeederChange {
            feeder_id: FeederId::new("f1").expect("an id"),
            parent_id: None,
            import_limit_w: None,
            export_limit_w: None,
            mode: Some(FeederMode::Disabled),
            policy: None,
        })),
    );
    assert!(control_of(&disabled, NOW).ok);
}

#[test]
fn mqtt_is_judged_by_the_newest_sample() {
    let live = live_with_a_device();
    assert!(devices(&live.view(), NOW).ok);
    live.apply_device(device_state("ev-1", "f1", 1, 1));
    assert!(devices(&live.view(), NOW.plus_ms(30_000)).ok);
    let silent = devices(&live.view(), NOW.plus_ms(60_000));
    assert!(!silent.ok);
    assert_eq!(silent.detail.as_deref(), Some("judged by samples: the newest arrived 60 s ago"));
}

#[test]
fn a_probe_remembers_since_when() {
    let clock = Arc::new(TestClock::default());
    let probe = Probe::new(clock.clone());
    assert!(!probe.read().ok);
    clock.0.store(5, Ordering::SeqCst);
    probe.pass("reachable");
    clock.0.store(9, Ordering::SeqCst);
    probe.pass("reachable");
    assert_eq!(probe.read().since, Some(Timestamp(5)));
    probe.fail("gone".to_owned());
    let part = probe.read();
    assert_eq!((part.ok, part.since), (false, Some(Timestamp(9))));
}

#[test]
fn one_bad_part_degrades_the_whole_and_a_log_that_is_still_read_is_not_well() {
    let clock = Arc::new(TestClock::default());
    let live = Arc::new(Live::default());
    let (log, clickhouse) = (Arc::new(Probe::new(clock.clone())), Arc::new(Probe::new(clock)));
    let monitor = HealthMonitor::new(live.clone(), log.clone(), clickhouse.clone());
    log.pass("reachable");
    clickhouse.pass("reachable");
    assert_eq!(monitor.read(NOW).status(), "degraded");
    live.set_complete();
    assert_eq!(monitor.read(NOW).status(), "ok");
    clickhouse.fail("gone".to_owned());
    assert_eq!(monitor.read(NOW).status(), "degraded");
}

#[test]
fn who_watches_a_part_is_believed_and_said_first() {
    let part = |ok, detail: &str| Part { ok, detail: Some(detail.to_owned()), since: Some(NOW) };
    let mut health = Health {
        log: part(true, "reachable"),
        clickhouse: part(false, "no route"),
        control: part(true, "2 feeders decided in time"),
        mqtt: part(true, "judged by samples"),
        down: Vec::new(),
    };
    let notice = |area, what: &str, words: &str| Notice {
        what: what.to_owned(),
        area,
        words: words.to_owned(),
        since: NOW.plus_ms(1_000),
    };
    health.heed(notice(Area::Log, "disk", "the disk is full"));
    health.heed(notice(Area::Log, "the embedded log", "the embedded log does not answer"));
    health.heed(notice(Area::ClickHouse, "the embedded ClickHouse", "it is started again"));
    assert_eq!(health.status(), "degraded");
    assert_eq!(health.down, ["disk", "the embedded log", "the embedded ClickHouse"]);
    let log = health.log;
    assert!(!log.ok && log.since == Some(NOW.plus_ms(1_000)), "{log:?}");
    assert_eq!(log.detail.as_deref(), Some("the embedded log does not answer; the disk is full"));
    let clickhouse = health.clickhouse;
    assert_eq!(clickhouse.detail.as_deref(), Some("it is started again; no route"));
    assert_eq!(clickhouse.since, Some(NOW));
    assert!(health.control.ok && health.mqtt.ok);
}
