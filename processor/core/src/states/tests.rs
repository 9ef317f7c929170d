//! What a view shows of a device: how closely it follows, and what is known of who it is.

use schemas::records::decision::{Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{
    Change, ControlSettings, DeviceRegistered, FeederChange, OperatorRecord,
};
use schemas::records::telemetry::{Capabilities, DeviceType, Telemetry};
use schemas::{DeviceId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::samples::sample;
use crate::tree::{Input, Tick};

const WINDOW_MS: i64 = 5_000;
/// At a whole number of slices of the rolling window, so that what is counted can be told exactly.
const START: i64 = 1_700_000_040_000;
const RATED_W: i64 = 7_000;

/// A feeder with one charger, decided window by window.
struct Street {
    registry: Registry,
    tree: Tree,
    now: i64,
    seq: i64,
}

fn charger() -> DeviceId {
    DeviceId::new("ev").expect("a valid id")
}

impl Street {
    fn new() -> Self {
        let root = FeederId::new("root").expect("a valid id");
        let (registry, tree) = (Registry::default(), Tree::new(root.clone()));
        let mut street = Self { registry, tree, now: START, seq: 0 };
        street.limit(20_000);
        street.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: charger(),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Simulated,
            feeder_id: root,
            site_id: None,
        }));
        street
    }

    fn operate(&mut self, change: Change) {
        let (id, at) = (Uuid::nil(), Timestamp(self.now));
        let record = OperatorRecord { id, at, source: None, actor: "test".to_owned(), change };
        self.registry.apply(&record).expect("the change is allowed");
    }

    fn limit(&mut self, watts: i64) {
        self.operate(Change::FeederChange(FeederChange {
            feeder_id: FeederId::new("root").expect("a valid id"),
            parent_id: None,
            import_limit_w: Some(Watts(watts)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }));
    }

    /// A window at whose beginning the charger says what it takes.
    fn window(&mut self, watts: i64) -> DeviceState {
        let capabilities =
            Capabilities { max_charge_w: Some(Watts(RATED_W)), ..Capabilities::default() };
        let at = Timestamp(self.now);
        let root = self.tree.root().clone();
        let power_w = Watts(watts);
        let said =
            Telemetry { power_w, capabilities, ..sample(charger(), DeviceType::Ev, root, at) };
        self.tree.apply(&Input::Telemetry(said), &self.registry);
        self.now += WINDOW_MS;
        self.seq += 1;
        let tick = Tick {
            now: Timestamp(self.now + 3_000),
            trigger: Trigger::Window,
            no: DecisionNo::new(1, self.seq),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let decision = self.tree.decide(&self.registry, tick);
        let mut states = self.tree.device_states(&decision, &self.registry);
        let state = states.next().expect("one device");
        assert_eq!(states.next(), None);
        state
    }

    /// Follows what it is told until that stays: then it may take all it can.
    fn settled() -> (Self, i32) {
        let mut street = Self::new();
        let mut state = street.window(0);
        for _ in 0..40 {
            let told = state.setpoint_w.map_or(0, |told| told.0);
            state = street.window(told);
        }
        assert_eq!(state.setpoint_w, Some(Watts(RATED_W)));
        (street, state.tracking_samples)
    }
}

#[test]
fn the_error_is_the_mean_of_what_is_taken_less_what_was_told() {
    let (mut street, _) = Street::settled();
    let windows = ControlSettings::default().tracking_window_ms / WINDOW_MS;
    let mut state = street.window(RATED_W);
    // By turns 80 W above and 120 W below: 20 W too little in the mean, 100 W off.
    for turn in 0..2 * windows {
        state = street.window(if turn % 2 == 0 { RATED_W + 80 } else { RATED_W - 120 });
    }
    assert_eq!(state.tracking_mean_w, Some(Watts(-20)));
    assert_eq!(state.tracking_mean_abs_w, Some(Watts(100)));
    assert_eq!(state.power_w, Some(Watts(RATED_W - 120)));
    assert!(state.compliant);
}

#[test]
fn the_error_is_that_of_the_last_ten_minutes_slice_by_slice() {
    let (mut street, counted) = Street::settled();
    let settings = ControlSettings::default();
    let windows = settings.tracking_window_ms / WINDOW_MS;
    let in_a_slice = windows / 10;
    assert!(i64::from(counted) < windows - in_a_slice, "{counted}");
    let mut last = i64::from(counted);
    // The first slices are not whole: it was told otherwise in some of their windows.
    for _ in 0..2 * windows {
        last = i64::from(street.window(RATED_W).tracking_samples);
    }
    for _ in 0..windows {
        let samples = i64::from(street.window(RATED_W).tracking_samples);
        // One more each time; at its end a slice goes as a whole.
        assert!(samples == last + 1 || samples == last + 1 - in_a_slice, "{last}, {samples}");
        assert!(samples <= windows, "{samples}");
        last = samples;
    }
    assert!(last > windows - in_a_slice, "{last}");
    let state = street.window(RATED_W);
    assert_eq!(
        (state.tracking_mean_w, state.tracking_mean_abs_w),
        (Some(Watts(0)), Some(Watts(0)))
    );
}

#[test]
fn a_window_in_which_it_was_told_otherwise_shows_no_error() {
    let (mut street, counted) = Street::settled();
    street.limit(5_000);
    let lowered = street.window(RATED_W);
    assert!(lowered.setpoint_w < Some(Watts(5_000)), "{:?}", lowered.setpoint_w);
    assert_eq!(lowered.tracking_samples, counted + 1, "the window before it was told");
    let told = lowered.setpoint_w.map_or(0, |told| told.0);
    let next = street.window(told);
    assert_eq!(next.tracking_samples, counted + 1, "it was told in this one");
    let next = street.window(told);
    assert_eq!(next.tracking_samples, counted + 2);
}

#[test]
fn one_that_was_never_told_anything_has_no_error() {
    let mut street = Street::new();
    let state = street.window(0);
    assert_eq!((state.tracking_samples, state.tracking_mean_w), (0, None));
    assert_eq!(state.tracking_mean_abs_w, None);
}
