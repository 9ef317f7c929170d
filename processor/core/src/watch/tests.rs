//! The running sums against adding up everything each time, and the pace of decisions on an overload.

use proptest::prelude::*;
use schemas::records::decision::Positions;
use schemas::records::decision_no::DecisionNo;
use schemas::records::lifecycle::DeviceRetired;
use schemas::records::operator::{Change, DeviceRegistered, FeederChange, OperatorRecord};
use schemas::records::telemetry::DeviceOrigin;
use uuid::Uuid;

use super::*;
use crate::{Tick, Tree, samples};

const FEEDERS: [&str; 4] = ["root", "left", "right", "elsewhere"];
const LIMIT_W: i64 = 20_000;
const INTERVAL_MS: i64 = 5_000;

fn feeder(name: &str) -> FeederId {
    FeederId::new(name).expect("an id")
}

fn device(number: usize) -> DeviceId {
    DeviceId::new(&format!("device-{number}")).expect("an id")
}

fn apply(registry: &mut Registry, change: Change) {
    let record = OperatorRecord {
        id: Uuid::nil(),
        at: Timestamp(0),
        source: None,
        actor: "test".to_owned(),
        change,
    };
    // A retirement of an unknown device is refused, and changes nothing.
    registry.apply(&record).ok();
}

fn limit(registry: &mut Registry, name: &str, parent: Option<&str>, export: Option<i64>) {
    apply(
        registry,
        Change::FeederChange(FeederChange {
            feeder_id: feeder(name),
            parent_id: parent.map(feeder),
            import_limit_w: Some(Watts(LIMIT_W)),
            export_limit_w: export.map(Watts),
            mode: None,
            policy: None,
        }),
    );
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.settings.interval_ms = INTERVAL_MS;
    limit(&mut registry, "root", None, Some(10_000));
    limit(&mut registry, "left", Some("root"), None);
    limit(&mut registry, "right", Some("root"), None);
    registry
}

fn kind(is_meter: bool) -> DeviceType {
    if is_meter { DeviceType::Meter } else { DeviceType::Ev }
}

fn sample(number: usize, name: &str, is_meter: bool, power_w: i64, at: i64) -> Telemetry {
    let said = samples::sample(device(number), kind(is_meter), feeder(name), Timestamp(at));
    Telemetry { power_w: Watts(power_w), ..said }
}

fn registered(number: usize, name: &str, is_meter: bool) -> Change {
    Change::DeviceRegistered(DeviceRegistered {
        device_id: device(number),
        device_type: kind(is_meter),
        origin: DeviceOrigin::Physical,
        feeder_id: feeder(name),
        site_id: None,
    })
}

#[test]
fn what_the_registry_knows_of_a_device_goes_before_what_it_says() {
    let (mut registry, root) = (registry(), feeder("root"));
    limit(&mut registry, "elsewhere", None, None);
    apply(&mut registry, registered(0, "left", false));
    let mut watch = Watch::default();
    watch.hear(&sample(0, "elsewhere", true, LIMIT_W * 2, 0));
    assert!(watch.over_w(&registry, &root, Timestamp(0)) > Watts::ZERO);
    // A meter of its node would hide what stands beside it.
    watch.hear(&sample(1, "left", false, LIMIT_W, 0));
    let margin_w = registry.settings.shed_margin_w.0;
    assert_eq!(watch.over_w(&registry, &root, Timestamp(0)), Watts(2 * LIMIT_W - margin_w));
}

/// Everything heard, added up from nothing.
fn over_from_nothing(heard: &[Telemetry], registry: &Registry, now: Timestamp) -> Watts {
    let mut watch = Watch::default();
    for sample in heard {
        watch.hear(sample);
    }
    watch.over_w(registry, &feeder("root"), now)
}

proptest! {
    #[test]
    fn running_sums_are_the_sums_of_the_newest_words(
        steps in prop::collection::vec(
            (0_usize..6, 0_usize..4, any::<bool>(), -30_000_i64..30_000, 0_u8..8), 1..60,
        ),
    ) {
        let mut registry = registry();
        let (mut watch, mut heard) = (Watch::default(), Vec::new());
        for (step, (number, place, is_meter, power_w, then)) in steps.into_iter().enumerate() {
            let at = i64::try_from(step).expect("few") * 1_000;
            let sample = sample(number, FEEDERS[place], is_meter, power_w, at);
            watch.hear(&sample);
            heard.push(sample);
            match then {
                0 => apply(
                    &mut registry,
                    Change::DeviceRetired(DeviceRetired { device_id: device(number) }),
                ),
                1 => limit(&mut registry, "elsewhere", Some("left"), None),
                2 => limit(&mut registry, FEEDERS[place], None, Some(1_000)),
                3 => apply(&mut registry, registered(number, FEEDERS[place], is_meter)),
                _ => {}
            }
            let (root, now) = (feeder("root"), Timestamp(at));
            prop_assert_eq!(
                watch.over_w(&registry, &root, now),
                over_from_nothing(&heard, &registry, now)
            );
        }
    }
}

#[test]
fn a_reading_that_is_not_the_newest_says_nothing_of_now() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    watch.hear(&sample(0, "root", false, 1_000, 5_000));
    // One of the same moment, and one from before it.
    for at in [5_000, 4_000] {
        watch
            .hear(&Telemetry { ts: Timestamp(at), ..sample(0, "root", false, LIMIT_W * 2, 5_100) });
        assert!(watch.over_w(&registry, &root, Timestamp(5_100)) < Watts::ZERO);
    }
    watch.hear(&sample(0, "root", false, LIMIT_W * 2, 6_000));
    assert!(watch.over_w(&registry, &root, Timestamp(6_000)) > Watts::ZERO);
}

#[test]
fn one_that_nobody_registered_counts_where_it_says_it_is_now() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    let over_w = LIMIT_W / 2 - registry.settings.shed_margin_w.0;
    watch.hear(&sample(0, "left", false, LIMIT_W, 0));
    watch.hear(&sample(1, "right", false, LIMIT_W / 2, 0));
    watch.hear(&sample(2, "left", false, -LIMIT_W / 2, 0));
    let at = |watch: &mut Watch, ms: i64| watch.over_w(&registry, &root, Timestamp(ms)).0;
    // On the right there are ten kilowatts more than on the left: none is over, and the root is at its limit.
    assert_eq!(at(&mut watch, 0), -registry.settings.shed_margin_w.0);
    watch.hear(&sample(0, "right", false, LIMIT_W, 1_000));
    assert_eq!(at(&mut watch, 1_000), over_w, "now it is on the right");
    // As a meter it says what all that stands beside it takes.
    watch.hear(&sample(1, "right", true, LIMIT_W / 4, 2_000));
    // So the root feeds 5 of the 10 kW back that it may.
    assert_eq!(at(&mut watch, 2_000), -5_000 - registry.settings.shed_margin_w.0);
}

#[test]
fn a_backlog_says_nothing_of_now() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    watch.hear(&sample(0, "root", false, 1_000, 100_000));
    let over_w = watch.over_w(&registry, &root, Timestamp(100_000));
    // Taken half a minute ago and more, and heard in a burst.
    for (taken, heard) in [(69_000, 100_100), (69_500, 100_150), (70_000, 100_200)] {
        let old = sample(0, "root", false, LIMIT_W * 2, heard);
        watch.hear(&Telemetry { ts: Timestamp(taken), ..old });
        assert_eq!(watch.over_w(&registry, &root, Timestamp(heard)), over_w);
    }
    assert_eq!(watch.latest(), Some(Timestamp(100_000)));
}

/// What a decision says of the load at the root.
fn header(registry: &Registry, trigger: Trigger, at: i64, load_w: i64) -> DecisionHeader {
    let tick = Tick {
        now: Timestamp(at),
        trigger,
        no: DecisionNo::new(1, 1),
        writer: Uuid::nil(),
        positions: Positions::default(),
    };
    let mut header = Tree::new(feeder("root")).decide(registry, tick).header;
    header.nodes[0].load_w = Watts(load_w);
    header
}

#[test]
fn an_overload_that_a_window_did_not_contain_is_answered_right_after_its_decision() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    watch.hear(&sample(0, "root", false, LIMIT_W * 2, 5));
    watch.decided(&registry, &root, &header(&registry, Trigger::Window, 5, 1_000));
    let soon = Timestamp(5 + PAUSE_MS);
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(5)), Some(soon));
    assert!(watch.is_due(&registry, &root, soon, Timestamp(5)));
    // What that decision knew is no news to the window after it, however little its own meters are believed.
    watch.decided(&registry, &root, &header(&registry, Trigger::Overload, soon.0, 1_000));
    watch.decided(&registry, &root, &header(&registry, Trigger::Window, INTERVAL_MS, 1_000));
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(INTERVAL_MS)), None);
}

/// The times in an interval, in steps of 10 ms, at which decisions on an overload were made.
fn decided_at(registry: &Registry, load_w: impl Fn(i64) -> i64) -> Vec<i64> {
    let (mut watch, root) = (Watch::default(), feeder("root"));
    watch.hear(&sample(0, "root", false, load_w(0), 0));
    watch.decided(registry, &root, &header(registry, Trigger::Window, 0, load_w(0)));
    let (mut last, mut all) = (0, Vec::new());
    for at in (10..INTERVAL_MS).step_by(10) {
        watch.hear(&sample(0, "root", false, load_w(at), at));
        if watch.is_due(registry, &root, Timestamp(at), Timestamp(last)) {
            watch.decided(registry, &root, &header(registry, Trigger::Overload, at, 0));
            last = at;
            all.push(at);
        }
    }
    all
}

proptest! {
    #[test]
    fn a_new_overload_is_decided_on_at_once_at_any_phase_and_once(
        begins in 2_i64..400, over_w in 2_000_i64..50_000,
    ) {
        let begins = begins * 10;
        let all = decided_at(&registry(), |at| if at < begins { 1_000 } else { LIMIT_W + over_w });
        prop_assert_eq!(all[0], begins);
        // What stays is looked at once more, half an interval on.
        prop_assert!(all.len() <= 2, "{:?}", all);
        prop_assert!(all.get(1).is_none_or(|at| at - begins >= INTERVAL_MS / 2), "{:?}", all);
    }

    #[test]
    fn a_load_that_jumps_to_and_fro_costs_a_bounded_number_of_decisions(period in 1_i64..50) {
        let all = decided_at(&registry(), |at| {
            if (at / (period * 10)) % 2 == 0 { 1_000 } else { LIMIT_W * 2 }
        });
        prop_assert!(all.len() <= 6, "{:?}", all);
    }
}

#[test]
fn an_overload_that_grows_is_decided_on_again_at_once() {
    let step = |at: i64| match at {
        0..100 => 1_000,
        100..200 => LIMIT_W + 5_000,
        _ => LIMIT_W + 15_000,
    };
    assert_eq!(decided_at(&registry(), step)[..2], [100, 200]);
}

#[test]
fn an_overload_that_the_window_knew_waits_for_its_middle() {
    let all = decided_at(&registry(), |_| LIMIT_W + 5_000);
    assert_eq!(all, [INTERVAL_MS / 2]);
}

#[test]
fn too_much_generation_is_an_overload_too() {
    let all = decided_at(&registry(), |at| if at < 500 { 0 } else { -15_000 });
    assert_eq!(all[0], 500);
}

#[test]
fn it_wants_to_be_asked_again_while_something_is_open() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(0)), None);
    watch.hear(&sample(0, "root", false, LIMIT_W * 2, 5));
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(0)), Some(Timestamp(PAUSE_MS)));
    watch.decided(&registry, &root, &header(&registry, Trigger::Window, 5, LIMIT_W * 2));
    watch.hear(&sample(0, "root", false, LIMIT_W * 2, 30));
    assert!(!watch.is_due(&registry, &root, Timestamp(30), Timestamp(5)));
    let half_way = Timestamp(5 + INTERVAL_MS / 2);
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(5)), Some(half_way));
    assert!(watch.is_due(&registry, &root, half_way, Timestamp(5)));
}

#[test]
fn without_a_margin_each_watt_more_is_an_overload_that_grows() {
    let (mut registry, root) = (registry(), feeder("root"));
    registry.settings.shed_margin_w = Watts::ZERO;
    let mut watch = Watch::default();
    watch.hear(&sample(0, "root", false, LIMIT_W + 1, 10));
    assert!(watch.is_due(&registry, &root, Timestamp(20), Timestamp(0)));
    watch.decided(&registry, &root, &header(&registry, Trigger::Overload, 20, 0));
    watch.hear(&sample(0, "root", false, LIMIT_W + 1, 30));
    assert!(!watch.is_due(&registry, &root, Timestamp(40), Timestamp(20)));
    watch.hear(&sample(0, "root", false, LIMIT_W + 2, 50));
    assert!(watch.is_due(&registry, &root, Timestamp(60), Timestamp(20)));
}

#[test]
fn what_a_window_knew_within_the_margin_is_no_overload_that_it_knew() {
    let (registry, root) = (registry(), feeder("root"));
    let mut watch = Watch::default();
    watch.hear(&sample(0, "root", false, LIMIT_W + 600, 5));
    watch.decided(&registry, &root, &header(&registry, Trigger::Window, 5, LIMIT_W + 400));
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(5)), Some(Timestamp(5 + PAUSE_MS)));
    watch.decided(&registry, &root, &header(&registry, Trigger::Window, 5, LIMIT_W + 600));
    assert_eq!(watch.next_look(INTERVAL_MS, Timestamp(5)), None);
}
