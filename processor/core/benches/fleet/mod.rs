//! Fleets to measure: trees of feeders three levels deep, a mix of devices that wish about twice what there is.

use control_core::{Input, Tick, Tree};
use schemas::records::decision::{Decision, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{
    Change, DeviceRegistered, EventCreated, FeederChange, OperatorRecord,
};
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::registry::Registry;
use schemas::{DeviceId, FeederId, Soc, Timestamp, WattHours, Watts};
use uuid::Uuid;

const START_MS: i64 = 1_700_000_000_000;
const WINDOW_MS: i64 = 5_000;
/// Wait for late samples.
const LATENESS_MS: i64 = 3_000;
/// On average a device may take so much, W: about half of what it wishes.
const LIMIT_PER_DEVICE_W: i64 = 3_200;
/// Devices under a leaf feeder, and leaf feeders under a middle one.
const LEAF_DEVICES: usize = 50;
const MIDDLE_LEAVES: usize = 20;

/// Trees with a clock of their own.
pub(crate) struct Fleet {
    pub(crate) trees: Vec<Tree>,
    registry: Registry,
    /// Each tree's devices, with the power that each takes next.
    samples: Vec<Vec<Telemetry>>,
    now: i64,
    seq: i64,
}

impl Fleet {
    /// `devices` in all, split evenly over `trees`.
    pub(crate) fn new(devices: usize, trees: usize, policy: &str) -> Self {
        let mut fleet = Self {
            trees: Vec::new(),
            registry: Registry::default(),
            samples: Vec::new(),
            now: START_MS,
            seq: 0,
        };
        fleet.registry.settings.policy = policy.to_owned();
        for tree in 0..trees {
            let count = devices / trees;
            let root = feeder(&format!("root-{tree:04}"));
            fleet.add_feeder(&root, None, count);
            fleet.trees.push(Tree::new(root.clone()));
            fleet.samples.push(Vec::new());
            for index in 0..count {
                let (leaf, middle) = (index / LEAF_DEVICES, index / LEAF_DEVICES / MIDDLE_LEAVES);
                let middle_id = feeder(&format!("middle-{tree:04}-{middle:05}"));
                let leaf_id = feeder(&format!("leaf-{tree:04}-{leaf:06}"));
                if index.is_multiple_of(LEAF_DEVICES * MIDDLE_LEAVES) {
                    // Every third middle feeder binds by itself, too.
                    let room =
                        LEAF_DEVICES * MIDDLE_LEAVES * if middle.is_multiple_of(3) { 2 } else { 4 };
                    fleet.add_feeder(&middle_id, Some(&root), room / 3);
                }
                if index.is_multiple_of(LEAF_DEVICES) {
                    let room = LEAF_DEVICES * if leaf.is_multiple_of(5) { 2 } else { 6 };
                    fleet.add_feeder(&leaf_id, Some(&middle_id), room / 3);
                }
                fleet.add_device(tree, index, &leaf_id);
            }
        }
        fleet.add_events();
        fleet
    }

    fn operate(&mut self, change: Change) {
        let record = OperatorRecord {
            id: Uuid::nil(),
            at: Timestamp(self.now),
            source: None,
            actor: "bench".to_owned(),
            change,
        };
        self.registry.apply(&record).expect("the bench keeps the rules");
    }

    fn add_feeder(&mut self, feeder_id: &FeederId, parent: Option<&FeederId>, devices: usize) {
        let devices = i64::try_from(devices).expect("few");
        self.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder_id.clone(),
            parent_id: parent.cloned(),
            import_limit_w: Some(Watts(devices * LIMIT_PER_DEVICE_W)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }));
    }

    fn add_device(&mut self, tree: usize, index: usize, leaf: &FeederId) {
        let device_type = match index % 20 {
            0 => DeviceType::Other,
            1 | 2 => DeviceType::Pv,
            3..=5 => DeviceType::Battery,
            _ => DeviceType::Ev,
        };
        let device_id = DeviceId::new(&format!("der-{tree:04}-{index:07}")).expect("a good id");
        self.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: device_id.clone(),
            device_type,
            origin: DeviceOrigin::Simulated,
            feeder_id: leaf.clone(),
            site_id: None,
        }));
        self.samples[tree].push(sample(device_id, device_type, index, leaf));
    }

    /// A day's events, most of them over, as they stay in the registry.
    fn add_events(&mut self) {
        for hour in 0..24 {
            let start = Timestamp(self.now - hour * 3_600_000);
            self.operate(Change::EventCreated(EventCreated {
                event_id: Uuid::from_u128(u128::from(hour.unsigned_abs())),
                feeder_id: self.trees[0].root().clone(),
                start,
                end: start.plus_ms(600_000),
                limit_w: Watts(1_000_000),
                kind: "dr".to_owned(),
                ramp_s: 0,
                randomize_s: 0,
            }));
        }
    }

    /// The next window's samples of every device; each follows what it is told.
    pub(crate) fn speak(&mut self, mut hear: impl FnMut(&mut Tree, &Input, &Registry)) {
        self.now += WINDOW_MS;
        for (tree, samples) in self.trees.iter_mut().zip(&mut self.samples) {
            for sample in samples {
                sample.ts = Timestamp(self.now - 1_000);
                sample.arrival = Timestamp(self.now - 900);
                hear(tree, &Input::Telemetry(sample.clone()), &self.registry);
            }
        }
    }

    /// The first tree and what it is decided by.
    #[allow(dead_code, reason = "each bench has what it measures")]
    pub(crate) fn tree(&mut self) -> (&mut Tree, &Registry) {
        (&mut self.trees[0], &self.registry)
    }

    /// One decision of every tree.
    pub(crate) fn decide(&mut self) -> Vec<Decision> {
        self.seq += 1;
        let tick = Tick {
            now: Timestamp(self.now + LATENESS_MS),
            trigger: Trigger::Window,
            no: DecisionNo::new(1, self.seq),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let registry = &self.registry;
        self.trees.iter_mut().map(|tree| tree.decide(registry, tick)).collect()
    }

    /// Devices take what they were told.
    pub(crate) fn follow(&mut self, decisions: &[Decision]) {
        for (samples, decision) in self.samples.iter_mut().zip(decisions) {
            for (sample, decided) in samples.iter_mut().zip(&decision.devices) {
                debug_assert_eq!(sample.device_id, decided.device_id);
                if let Some(setpoint) = decided.setpoint_w {
                    sample.power_w = setpoint;
                }
            }
        }
    }

    /// Some windows, so that leases, ramps and the record of each device are as in operation.
    pub(crate) fn warm_up(&mut self, windows: usize) {
        for _ in 0..windows {
            self.speak(|tree, input, registry| tree.apply(input, registry));
            let decisions = self.decide();
            self.follow(&decisions);
        }
    }
}

fn sample(
    device_id: DeviceId,
    device_type: DeviceType,
    index: usize,
    leaf: &FeederId,
) -> Telemetry {
    // Spread without a generator of random numbers: the same fleet everywhere.
    let spread = i64::try_from(index * 7_919 % 1_000).expect("small");
    let rated = Some(Watts(3_000 + spread * 8));
    let battery = device_type == DeviceType::Battery;
    let ev = device_type == DeviceType::Ev;
    Telemetry {
        message_id: Uuid::nil(),
        device_id,
        device_type,
        origin: DeviceOrigin::Simulated,
        feeder_id: leaf.clone(),
        site_id: Some("site-0001".to_owned()),
        ts: Timestamp(0),
        sent_at: None,
        arrival: Timestamp(0),
        power_w: Watts(if device_type == DeviceType::Pv { -spread } else { 0 }),
        soc: (battery || ev).then(|| Soc(2_500 + i32::try_from(spread).expect("small") * 5)),
        energy_wh: None,
        voltage_mv: Some(230_000),
        current_ma: None,
        online: true,
        fault_code: None,
        capabilities: Capabilities {
            max_charge_w: rated.filter(|_| battery || ev),
            max_discharge_w: rated.filter(|_| battery),
            max_export_w: rated.filter(|_| device_type == DeviceType::Pv),
            max_import_w: None,
            min_power_w: (ev && index.is_multiple_of(3)).then_some(Watts(1_380)),
            ramp_w_per_s: None,
            energy_wh: Some(WattHours(10_000 + spread * 50)),
            fallback_w: Some(Watts::ZERO),
        },
        preferences: Preferences {
            priority: index
                .is_multiple_of(2)
                .then_some(1 + i32::try_from(index % 10).expect("small")),
            ..Preferences::default()
        },
        source: "simulator".to_owned(),
        correlation_id: None,
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    }
}

fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("a good id")
}
