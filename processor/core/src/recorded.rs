//! What is decided and found in many small trees, one line for each in `recorded.txt`, as `tests/closed_loop/recorded.rs`
//! does it with whole worlds (`WRITE_RECORDED=1 cargo test -p control-core recorded` writes both anew). Here nobody obeys
//! physics: watts are drawn from a few values and their neighbours, so that sums meet limits to the watt, and plans and
//! estimates are spoilt by a watt or a flag, so that the check has something to find.

mod kept;

use std::fmt::Write as _;

use schemas::codec::Record as _;
use schemas::ids::stable_hash;
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::decision::{Decision, LedgerRecord, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::lifecycle::DeviceRetired;
use schemas::records::operator::{
    Change, ControlResumed, ControlSettings, DeviceChange, DeviceRegistered, EventCreated,
    FeederChange, FeederMode, MissingBehavior, OperatorRecord, OverrideCleared, OverrideSet,
    POLICIES, ProgramMode, ProgramSet, RestartBehavior,
};
use schemas::records::telemetry::{Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry};
use schemas::registry::Registry;
use schemas::rng::Rng;
use schemas::{DeviceId, FeederId, Soc, Timestamp, Watts};
use uuid::Uuid;

use self::kept::{bare, check};
use crate::certify::{Order, Promise, certify, certify_stopped, witness};
use crate::estimate::{Moment, Role, View, estimate};
use crate::limits::limits;
use crate::plan::{plan, stop};
use crate::policy::{self, Policy};
use crate::samples::sample;
use crate::stage::{START, WINDOW_MS, device_id, feeder_id};
use crate::standing;
use crate::states::feeder_states;
use crate::topology::Topology;
use crate::tree::{Input, Tick, Tree};

const FILE: &str = "src/recorded.txt";
const TREES: u64 = 1_200;
const WINDOWS: usize = 12;
/// Times that a plan, and an estimate, is spoilt in each window.
const SPOILT: usize = 3;
const FEEDERS: [(&str, Option<&str>); 4] =
    [("root", None), ("left", Some("root")), ("right", Some("root")), ("deep", Some("left"))];

/// A few values and their neighbours.
fn watts(rng: &mut Rng) -> i64 {
    let round = rng.pick(&[0, 0, 100, 500, 1_000, 1_380, 2_000, 4_140, 7_000, 11_000, 20_000]);
    round + rng.pick(&[0, 0, 0, -1, 1])
}

fn some<T>(rng: &mut Rng, permille: i64, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.chance(permille).then(|| value(rng))
}

fn positive(rng: &mut Rng) -> Watts {
    Watts(watts(rng).max(0))
}

fn charge(rng: &mut Rng) -> Soc {
    Soc(rng.pick(&[0, 1_000, 1_999, 2_000, 2_001, 5_000, 8_700, 8_999, 9_000, 9_001, 10_000]))
}

fn settings(rng: &mut Rng) -> ControlSettings {
    ControlSettings {
        missing_behavior: rng.pick(&[
            MissingBehavior::SafeZero,
            MissingBehavior::HoldLast,
            MissingBehavior::ExcludeDevice,
        ]),
        restart_behavior: rng.pick(&[RestartBehavior::SafeZero, RestartBehavior::HoldLast]),
        stale_ms: rng.pick(&[10_000, 20_000]),
        hold_last_max_ms: rng.pick(&[0, 20_000, 60_000]),
        lease_ms: rng.pick(&[15_000, 30_000]),
        default_limit_w: positive(rng),
        global_limit_w: some(rng, 200, positive),
        margin_w: Watts(rng.pick(&[0, 1, 500])),
        margin_permille: rng.pick(&[0, 10, 100]),
        respect_priority: rng.chance(500),
        soc_weight_permille: rng.pick(&[0, 500, 2_000]),
        deadband_w: Watts(rng.pick(&[0, 1, 100, 500])),
        dwell_ms: rng.pick(&[0, 10_000, 60_000]),
        ramp_permille: rng.pick(&[50, 250, 1_000]),
        shed_margin_w: Watts(rng.pick(&[0, 500])),
        max_consecutive_failures: rng.pick(&[1, 3]),
        policy: POLICIES[rng.below(POLICIES.len())].to_owned(),
        unheard_w: Watts(rng.pick(&[0, 1_000])),
        ..ControlSettings::default()
    }
}

/// One small tree, and what it says in every window.
struct Small {
    registry: Registry,
    tree: Tree,
    now: i64,
    count: u128,
    devices: Vec<(DeviceId, Capabilities)>,
    /// What all but meters said in the last window, W.
    said: Vec<i64>,
    /// Everything that was decided and found, in one number.
    hash: u64,
    decisions: i64,
}

impl Small {
    fn new(rng: &mut Rng) -> Self {
        let root = feeder_id("root");
        let mut small = Self {
            registry: Registry::default(),
            tree: Tree::new(root),
            now: START,
            count: 0,
            devices: Vec::new(),
            said: Vec::new(),
            hash: 0,
            decisions: 0,
        };
        small.operate(Change::ControlSettings(settings(rng)));
        let sunny = rng.chance(300);
        for (id, parent) in &FEEDERS[..1 + rng.below(4)] {
            let import_limit_w = some(rng, 800, |rng| Watts(watts(rng).max(0) * 2));
            small.operate(Change::FeederChange(FeederChange {
                parent_id: parent.map(feeder_id),
                import_limit_w,
                export_limit_w: some(rng, if sunny { 900 } else { 300 }, positive),
                ..unchanged(id)
            }));
        }
        for number in 0..2 + rng.below(6) {
            let device_id = device_id(&format!("d-{number}"));
            let feeders: Vec<FeederId> = small.registry.feeders.keys().cloned().collect();
            let device_type = rng.pick(&[
                DeviceType::Ev,
                DeviceType::Ev,
                if sunny { DeviceType::Pv } else { DeviceType::Ev },
                DeviceType::Battery,
                DeviceType::Pv,
                DeviceType::Meter,
                DeviceType::Other,
            ]);
            small.operate(Change::DeviceRegistered(DeviceRegistered {
                device_id: device_id.clone(),
                device_type,
                origin: DeviceOrigin::Simulated,
                feeder_id: feeders[rng.below(feeders.len())].clone(),
                site_id: None,
            }));
            small.devices.push((device_id, capabilities(rng)));
        }
        if rng.chance(300) {
            let stray = device_id("stray");
            small.devices.push((stray, capabilities(rng)));
        }
        small
    }

    fn operate(&mut self, change: Change) {
        self.count += 1;
        let (id, at) = (Uuid::from_u128(self.count), Timestamp(self.now));
        let record = OperatorRecord { id, at, source: None, actor: "test".to_owned(), change };
        // What makes no sense is refused, and changes nothing.
        self.registry.apply(&record).ok();
    }

    fn change(&mut self, rng: &mut Rng) {
        let (device_id, _) = self.devices[rng.below(self.devices.len())].clone();
        let feeder = FEEDERS[rng.below(4)].0;
        let feeder_id = feeder_id(feeder);
        let start = Timestamp(self.now + rng.pick(&[-5_000, 0, 8_000, 20_000]));
        let end = Timestamp(self.now + rng.pick(&[8_000, 10_000, 30_000, 600_000]));
        let (ramp_s, randomize_s) = (rng.pick(&[0, 10]), rng.pick(&[0, 0, 5]));
        self.count += 1;
        let id = Uuid::from_u128(self.count);
        self.operate(match rng.below(11) {
            0 => Change::FeederChange(FeederChange {
                import_limit_w: Some(positive(rng)),
                ..unchanged(feeder)
            }),
            1 => Change::FeederChange(FeederChange {
                export_limit_w: Some(positive(rng)),
                ..unchanged(feeder)
            }),
            2 => {
                let mode = rng.pick(&[
                    FeederMode::Automatic,
                    FeederMode::Automatic,
                    FeederMode::Manual,
                    FeederMode::Shadow,
                    FeederMode::Disabled,
                ]);
                Change::FeederChange(FeederChange { mode: Some(mode), ..unchanged(feeder) })
            }
            3 => {
                let power_w = Watts(watts(rng) * rng.pick(&[1, 1, -1]));
                Change::OverrideSet(OverrideSet { device_id, power_w, until: end })
            }
            4 => Change::OverrideCleared(OverrideCleared { device_id }),
            5 | 6 => Change::DeviceChange(DeviceChange {
                device_id,
                feeder_id: some(rng, 200, |_| feeder_id),
                priority: some(rng, 500, |rng| rng.pick(&[1, 2, 10])),
                target_soc: some(rng, 300, charge),
                fallback_w: some(rng, 400, |rng| Watts(watts(rng) * rng.pick(&[1, -1]))),
                opted_out: some(rng, 300, |rng| rng.chance(500)),
            }),
            7 => Change::EventCreated(EventCreated {
                event_id: id,
                feeder_id,
                start,
                end,
                limit_w: positive(rng),
                kind: "dr".to_owned(),
                ramp_s,
                randomize_s,
            }),
            8 => Change::ProgramSet(ProgramSet {
                program_id: id,
                name: "program".to_owned(),
                mode: rng.pick(&[ProgramMode::FixedCap, ProgramMode::PriceElastic]),
                feeder_ids: if rng.chance(500) { vec![feeder_id] } else { Vec::new() },
                start,
                end,
                target_shed_w: positive(rng),
                incentive_milli_per_kwh: rng.between(-1, 20) * 1_000,
                penalty_milli_per_kwh: rng.between(-1, 40) * 1_000,
                active: true,
                ramp_s,
                randomize_s,
            }),
            9 => Change::ControlResumed(ControlResumed { feeder_id }),
            _ if rng.chance(200) => Change::DeviceRetired(DeviceRetired { device_id }),
            _ => Change::ControlSettings(settings(rng)),
        });
    }

    /// What the devices say in a window.
    fn hear(&mut self, rng: &mut Rng) {
        let before = std::mem::take(&mut self.said);
        for number in 0..self.devices.len() {
            let (device_id, claims) = self.devices[number].clone();
            let known = self.tree.devices.get(&device_id);
            let told = known.and_then(|device| device.setpoint_w).map_or(0, |told| told.0);
            let live = known.and_then(|device| device.live.last().cloned());
            if rng.chance(100) {
                continue;
            }
            let registered = self.registry.devices.get(&device_id);
            let (device_type, feeder_id) = match registered {
                Some(registered) => (registered.device_type, registered.feeder_id.clone()),
                None => (DeviceType::Ev, self.tree.root().clone()),
            };
            let power_w = match device_type {
                DeviceType::Pv => -watts(rng),
                // Most meters say what the others said in the window before, or that and something beside.
                DeviceType::Meter if rng.chance(800) => {
                    before.iter().sum::<i64>() + rng.pick(&[0, 0, 0, 100, 2_000])
                }
                DeviceType::Ev | DeviceType::Battery if rng.chance(700) => {
                    told + rng.pick(&[0, 0, 0, 0, 1, -1, 150, 500])
                }
                DeviceType::Battery => watts(rng) * rng.pick(&[1, -1]),
                DeviceType::Ev | DeviceType::Meter | DeviceType::Other => watts(rng),
            };
            if device_type != DeviceType::Meter {
                self.said.push(power_w);
            }
            let late_ms = rng.pick(&[0, 1, 2_500, 4_999, 7_000]);
            self.count += 1;
            let at = Timestamp(self.now - late_ms);
            let said = Telemetry {
                message_id: Uuid::from_u128(self.count),
                ts: Timestamp(at.0 - rng.pick(&[0, 0, 0, 0, 60_000, 1_699_999_000_000])),
                arrival: at,
                power_w: Watts(power_w),
                soc: some(rng, 600, charge),
                online: rng.chance(960),
                capabilities: if rng.chance(950) { claims } else { capabilities(rng) },
                preferences: Preferences {
                    priority: some(rng, 200, |rng| rng.pick(&[1, 5])),
                    target_soc: some(rng, 200, charge),
                    departure: some(rng, 200, |rng| {
                        Timestamp(START + rng.pick(&[30, 3_600, 20_000]) * 1_000)
                    }),
                },
                ..sample(device_id.clone(), device_type, feeder_id.clone(), at)
            };
            self.tree.apply(&Input::Telemetry(said), &self.registry);
            let Some(live) = live.filter(|_| rng.chance(300)) else { continue };
            let status = rng.pick(&[
                AckStatus::Accepted,
                AckStatus::Applied,
                AckStatus::Applied,
                AckStatus::Rejected,
                AckStatus::Expired,
                AckStatus::Offline,
                AckStatus::Online,
            ]);
            let ack = Ack {
                message_id: Uuid::from_u128(self.count),
                device_id: device_id.clone(),
                feeder_id,
                ts: at,
                arrival: at,
                status,
                setpoint_id: Some(live.no().setpoint_id(self.tree.root(), &device_id)),
                applied_w: Some(live.setpoint_w),
                reason: None,
            };
            self.tree.apply(&Input::Ack(ack), &self.registry);
        }
    }

    fn decide(&mut self, trigger: Trigger, rng: &mut Rng) {
        self.decisions += 1;
        let tick = Tick {
            now: Timestamp(self.now + 3_000),
            trigger,
            no: DecisionNo::new(1, self.decisions),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let decision: Decision = self.tree.decide(&self.registry, tick);
        let devices: Vec<_> = self.tree.device_states(&decision, &self.registry).collect();
        let states = format!("{devices:?}{:?}", feeder_states(&decision).collect::<Vec<_>>());
        self.record(bare(&states).as_bytes());
        if rng.chance(50) {
            self.tree.adopt(&decision);
        }
        for part in decision.into_parts(usize::MAX) {
            self.record(&LedgerRecord::DecisionPart(part).encode());
        }
    }

    fn record(&mut self, bytes: &[u8]) {
        self.hash = stable_hash(&[&self.hash.to_le_bytes(), bytes]);
    }

    /// Looks once more at the same moment, with something wrong in the estimate, and then in what is planned.
    fn spoil(&mut self, rng: &mut Rng) {
        let now = Timestamp(self.now + 3_000);
        let between_windows = rng.chance(200);
        let Self { registry, tree, .. } = self;
        let settings = &registry.settings;
        let topology = Topology::of(registry, &tree.root);
        let limits = limits(registry, &topology, now, now.plus_ms(settings.lease_ms));
        let nodes = tree.nodes.clone();
        let moment = Moment { registry, nodes: &nodes, now, restarted_at: None, between_windows };
        let count = tree.devices.len();
        let mut witness = witness(registry, &topology, count, now, between_windows);
        let see = |device_id, device| witness.see(device_id, device);
        let mut view = estimate(&moment, &topology, limits, &mut tree.devices, |_| {}, see);
        standing::hold_bases(&mut tree.nodes, &mut view, settings, false);
        let world = witness.conclude(&nodes);
        let policy: Box<dyn Policy> =
            policy::by_name(&settings.policy).expect("a setting names one that there is");
        let decreases_only = rng.chance(300);
        let mut honest = plan(&mut view, policy.as_ref(), &world, settings, decreases_only);
        let mut said = format!("{honest:?}");
        let mut orders: Vec<Order> = honest
            .devices
            .iter()
            .map(|planned| Order { setpoint_w: planned.setpoint_w, share_w: planned.share_w })
            .collect();
        for _ in 0..SPOILT {
            if !orders.is_empty() {
                spoil_order(&mut orders, rng);
            }
            let max_min = rng.chance(700);
            let promise = Promise { settings, decreases_only, max_min, world: &world };
            let found = certify(&view, &orders, &promise);
            let stopped = certify_stopped(&view, &orders, &world);
            write!(said, "{found:?}{stopped:?}").expect("a string");
        }
        for _ in 0..SPOILT {
            spoil(&mut view, rng);
            let again = plan(&mut view, policy.as_ref(), &world, settings, decreases_only);
            write!(said, "{again:?}").expect("a string");
        }
        stop(&view, &mut honest, &world);
        write!(said, "{honest:?}").expect("a string");
        self.record(bare(&said).as_bytes());
    }
}

fn unchanged(feeder: &str) -> FeederChange {
    FeederChange {
        feeder_id: feeder_id(feeder),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: None,
        policy: None,
    }
}

fn capabilities(rng: &mut Rng) -> Capabilities {
    Capabilities {
        max_charge_w: some(rng, 800, positive),
        max_discharge_w: some(rng, 400, positive),
        max_export_w: some(rng, 300, positive),
        max_import_w: some(rng, 200, positive),
        min_power_w: some(rng, 400, |rng| Watts(rng.pick(&[1_380, 1_381, 4_140]))),
        ramp_w_per_s: some(rng, 300, |rng| Watts(rng.pick(&[20, 100, 2_000]))),
        energy_wh: None,
        fallback_w: some(rng, 300, |rng| Watts(watts(rng) * rng.pick(&[1, 1, -1]))),
    }
}

/// One thing in a plan that is told otherwise.
fn spoil_order(orders: &mut [Order], rng: &mut Rng) {
    let order = rng.below(orders.len());
    let order = &mut orders[order];
    let more = Watts(watts(rng) * rng.pick(&[1, -1]));
    match rng.below(5) {
        0 | 1 => order.setpoint_w = order.setpoint_w.map(|setpoint| setpoint + more),
        2 => order.setpoint_w = Some(more),
        3 => order.setpoint_w = None,
        _ => order.share_w += more,
    }
}

/// One thing in an estimate that is not so.
fn spoil(view: &mut View<'_>, rng: &mut Rng) {
    let more = Watts(watts(rng) * rng.pick(&[1, -1]));
    let node = rng.below(view.nodes.len());
    if view.devices.is_empty() || rng.chance(200) {
        view.nodes[node].uncontrolled_w += more;
        return;
    }
    let index = rng.below(view.devices.len());
    let seen = &mut view.devices[index];
    match rng.below(9) {
        0 => seen.may.most = (seen.may.most + more).max(Watts::ZERO),
        1 => seen.may.least += more,
        2 => seen.want.high_w = (seen.want.high_w + more).max(seen.want.low_w),
        3 => seen.stuck = !seen.stuck,
        4 => seen.role = Role::Controlled,
        5 => seen.fallback_w += more,
        6 => seen.want.weight_milli += 1,
        7 => seen.standby_w = Some(more.abs()),
        _ => view.nodes[node].limits.import = more.abs(),
    }
}

fn live(seed: u64) -> Small {
    let mut rng = Rng::new(seed);
    let mut small = Small::new(&mut rng);
    for window in 0..WINDOWS {
        small.now += WINDOW_MS;
        if rng.chance(350) {
            small.change(&mut rng);
        }
        small.hear(&mut rng);
        small.decide(Trigger::Window, &mut rng);
        small.spoil(&mut rng);
        if rng.chance(200) {
            small.now += 1_000;
            small.hear(&mut rng);
            let trigger = rng.pick(&[Trigger::Overload, Trigger::Operator]);
            small.decide(trigger, &mut rng);
        }
        if rng.chance(60) {
            let (tree, devices) = small.tree.snapshot();
            small.tree = Tree::restore(small.tree.root().clone(), tree, devices);
        }
        if rng.chance(30) {
            small.now += rng.pick(&[20_000, 60_000]);
        }
        let remembered = format!("{window} {:?}", small.tree.snapshot());
        small.record(bare(&remembered).as_bytes());
    }
    small
}

#[test]
fn every_small_tree_is_decided_as_it_was() {
    let lines: Vec<String> = (0..TREES)
        .map(|seed| {
            let small = live(seed);
            format!("{:016x} {} tree {seed}", small.hash, small.decisions)
        })
        .collect();
    check(FILE, &lines);
}
