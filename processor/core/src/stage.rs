//! A tree that is decided window by window, for the tests beside the code: devices say what they take, and what was decided
//! can be told to the watt.

use schemas::records::decision::{Decision, DeviceDecision, NodeDecision, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, DeviceRegistered, FeederChange, OperatorRecord};
use schemas::records::telemetry::{Capabilities, DeviceOrigin, DeviceType, Telemetry};
use schemas::registry::Registry;
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

use crate::samples::sample;
use crate::tree::{Input, Tick, Tree};

pub(crate) const START: i64 = 1_700_000_000_000;
pub(crate) const WINDOW_MS: i64 = 5_000;

pub(crate) struct Stage {
    pub(crate) registry: Registry,
    pub(crate) tree: Tree,
    pub(crate) now: i64,
    count: u128,
}

pub(crate) fn device_id(id: &str) -> DeviceId {
    DeviceId::new(id).expect("a valid id")
}

pub(crate) fn feeder_id(id: &str) -> FeederId {
    FeederId::new(id).expect("a valid id")
}

pub(crate) fn takes(watts: i64) -> Capabilities {
    Capabilities { max_charge_w: Some(Watts(watts)), ..Capabilities::default() }
}

pub(crate) fn gives(watts: i64) -> Capabilities {
    Capabilities { max_export_w: Some(Watts(watts)), ..Capabilities::default() }
}

impl Stage {
    pub(crate) fn new(root_w: i64) -> Self {
        let (registry, tree) = (Registry::default(), Tree::new(feeder_id("root")));
        let mut stage = Self { registry, tree, now: START, count: 0 };
        stage.limit(root_w, None);
        stage
    }

    pub(crate) fn operate(&mut self, change: Change) {
        self.count += 1;
        let (id, at) = (Uuid::from_u128(self.count), Timestamp(self.now));
        let record = OperatorRecord { id, at, source: None, actor: "test".to_owned(), change };
        self.registry.apply(&record).expect("the change is allowed");
    }

    /// The limits of the root.
    pub(crate) fn limit(&mut self, import_w: i64, export_w: Option<i64>) {
        self.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder_id("root"),
            parent_id: None,
            import_limit_w: Some(Watts(import_w)),
            export_limit_w: export_w.map(Watts),
            mode: None,
            policy: None,
        }));
    }

    pub(crate) fn add(&mut self, device_type: DeviceType, id: &str) {
        self.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: device_id(id),
            device_type,
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder_id("root"),
            site_id: None,
        }));
    }

    /// A window at whose end these devices say these watts, and what is decided then.
    pub(crate) fn window(&mut self, said: &[(&str, i64, &Capabilities)]) -> Decision {
        let with = |claims: &Capabilities, sample: Telemetry| Telemetry {
            capabilities: claims.clone(),
            ..sample
        };
        self.window_of(said, with)
    }

    /// The same where samples say more.
    pub(crate) fn window_of<T>(
        &mut self,
        said: &[(&str, i64, &T)],
        with: impl Fn(&T, Telemetry) -> Telemetry,
    ) -> Decision {
        self.now += WINDOW_MS;
        for (id, watts, more) in said {
            self.count += 1;
            let device_type = self.registry.devices[&device_id(id)].device_type;
            let at = Timestamp(self.now);
            let sample = Telemetry {
                message_id: Uuid::from_u128(self.count),
                power_w: Watts(*watts),
                ..sample(device_id(id), device_type, feeder_id("root"), at)
            };
            self.tree.apply(&Input::Telemetry(with(more, sample)), &self.registry);
        }
        let tick = Tick {
            now: Timestamp(self.now + 3_000),
            trigger: Trigger::Window,
            no: DecisionNo::new(1, (self.now - START) / WINDOW_MS),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let decision = self.tree.decide(&self.registry, tick);
        assert!(decision.header.findings.is_empty(), "{:?}", decision.header.findings);
        decision
    }
}

pub(crate) fn of<'d>(decision: &'d Decision, id: &str) -> &'d DeviceDecision {
    decision.devices.iter().find(|it| it.device_id.as_str() == id).expect("it is decided")
}

pub(crate) fn told_w(decision: &Decision, id: &str) -> i64 {
    of(decision, id).setpoint_w.map_or(0, |told| told.0)
}

pub(crate) fn root(decision: &Decision) -> &NodeDecision {
    &decision.header.nodes[0]
}
