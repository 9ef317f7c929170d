//! Devices that control must not know: one that waits for an operator, and one that was retired.

use control_core::{Input, Tick, Tree, Watch};
use schemas::records::decision::{Decision, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::lifecycle::{DeviceApproved, DeviceRetired, DeviceWaiting, WaitReason};
use schemas::records::operator::{Change, DeviceRegistered, FeederChange, OperatorRecord};
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::registry::Registry;
use schemas::{Timestamp, Watts};
use uuid::Uuid;

use crate::world::{START_MS, device, feeder};

const INTERVAL_MS: i64 = 5_000;

/// One feeder of 20 kW, fed by hand.
struct Bench {
    registry: Registry,
    tree: Tree,
    watch: Watch,
    now: i64,
    number: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            registry: Registry::default(),
            tree: Tree::new(feeder("root")),
            watch: Watch::default(),
            now: START_MS,
            number: 0,
        };
        bench.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder("root"),
            parent_id: None,
            import_limit_w: Some(Watts(20_000)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }));
        bench
    }

    fn operate(&mut self, change: Change) {
        let record = OperatorRecord {
            id: Uuid::nil(),
            at: Timestamp(self.now),
            source: None,
            actor: "test".to_owned(),
            change,
        };
        self.registry.apply(&record).expect("the change is allowed");
    }

    fn register(&mut self, id: &str) {
        self.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: device(id),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: feeder("root"),
            site_id: None,
        }));
    }

    fn say(&mut self, id: &str, power_w: i64) {
        self.number += 1;
        let rating = Watts(power_w.max(11_000));
        let sample = Telemetry {
            message_id: Uuid::from_u128(u128::from(self.number)),
            device_id: device(id),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: feeder("root"),
            site_id: None,
            ts: Timestamp(self.now),
            sent_at: None,
            arrival: Timestamp(self.now),
            power_w: Watts(power_w),
            soc: None,
            energy_wh: None,
            voltage_mv: None,
            current_ma: None,
            online: true,
            fault_code: None,
            capabilities: Capabilities { max_charge_w: Some(rating), ..Capabilities::default() },
            preferences: Preferences::default(),
            source: "unknown".to_owned(),
            correlation_id: None,
            layout: TopicLayout::Flat,
            unknown_fields: 0,
        };
        self.watch.hear(&sample);
        self.tree.apply(&Input::Telemetry(sample), &self.registry);
    }

    /// A minute in which these devices say these powers; the last decision.
    fn minute(&mut self, says: &[(&str, i64)]) -> Decision {
        let mut last = None;
        for _ in 0..12 {
            for (id, power_w) in says {
                self.say(id, *power_w);
            }
            self.now += INTERVAL_MS;
            self.number += 1;
            last = Some(self.tree.decide(
                &self.registry,
                Tick {
                    now: Timestamp(self.now),
                    trigger: Trigger::Window,
                    no: DecisionNo::new(1, i64::try_from(self.number).expect("few")),
                    writer: Uuid::nil(),
                    positions: Positions::default(),
                },
            ));
        }
        last.expect("it decided")
    }
}

fn setpoint(decision: &Decision, id: &str) -> Option<Watts> {
    let decided = decision.devices.iter().find(|decided| decided.device_id == device(id));
    decided.and_then(|decided| decided.setpoint_w)
}

#[test]
fn a_device_that_waits_neither_steers_nor_holds_until_it_is_approved() {
    let mut bench = Bench::new();
    bench.register("ev-1");
    bench.operate(Change::DeviceWaiting(DeviceWaiting {
        device_id: device("stranger"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Physical,
        feeder_id: feeder("root"),
        site_id: None,
        why: WaitReason::UnknownDevice,
    }));
    let decision = bench.minute(&[("ev-1", 10_000), ("stranger", 260_000)]);
    assert!(setpoint(&decision, "ev-1") >= Some(Watts(10_000)), "{decision:?}");
    assert_eq!(decision.devices.len(), 1);
    let over_w = bench.watch.over_w(&bench.registry, &feeder("root"), Timestamp(bench.now));
    assert!(over_w < Watts(0), "{over_w}");

    let approved = DeviceApproved { device_id: device("stranger"), feeder_id: None };
    bench.operate(Change::DeviceApproved(approved));
    let decision = bench.minute(&[("ev-1", 10_000), ("stranger", 19_000)]);
    assert_eq!(decision.devices.len(), 2);
    assert!(setpoint(&decision, "ev-1") < Some(Watts(10_000)), "{decision:?}");
}

#[test]
fn what_a_silent_device_held_is_free_when_it_is_retired() {
    let mut bench = Bench::new();
    bench.register("ev-1");
    bench.register("gone");
    bench.minute(&[("ev-1", 5_000), ("gone", 11_000)]);
    for _ in 0..10 {
        bench.minute(&[("ev-1", 5_000)]);
    }
    // What nobody commands, and what is reserved for those who are not heard.
    let base = |decision: &Decision| decision.header.nodes[0].uncontrolled_w;
    let held = bench.minute(&[("ev-1", 5_000)]);
    assert!(base(&held) >= Watts(10_500), "its last power stays reserved: {held:?}");
    bench.operate(Change::DeviceRetired(DeviceRetired { device_id: device("gone") }));
    let free = bench.minute(&[("ev-1", 5_000)]);
    assert!(base(&free) <= Watts(1_000), "{free:?}");
    assert_eq!(free.devices.len(), 1);
    assert_eq!(bench.tree.device_count(), 1);
}
