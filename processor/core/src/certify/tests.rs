//! Faults made on purpose in an estimate or a plan: the check names each, since it goes by readings, registry and commands.

mod found;
mod limit;

use std::fs;
use std::path::Path;

use schemas::records::decision::{Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{
    Change, DeviceChange, DeviceRegistered, FeederChange, OperatorRecord,
};
use schemas::records::telemetry::DeviceType;
use schemas::records::telemetry::{Capabilities, DeviceOrigin, Telemetry};
use schemas::registry::Registry;
use schemas::{Timestamp, Watts};
use uuid::Uuid;

use super::*;
use crate::estimate::{Moment, estimate};
use crate::limits::limits;
use crate::plan::{Plan, plan, stop};
use crate::policy::WaterFill;
use crate::samples::sample;
use crate::standing;
use crate::topology::Topology;
use crate::tree::{Input, Tick, Tree};

const START: i64 = 1_700_000_000_000;

/// A tree with devices that say what they take, decided every five seconds.
struct Stage {
    registry: Registry,
    tree: Tree,
    now: i64,
    count: u128,
}

fn device_id(id: &str) -> DeviceId {
    DeviceId::new(id).expect("a valid id")
}

fn feeder_id(id: &str) -> FeederId {
    FeederId::new(id).expect("a valid id")
}

impl Stage {
    fn new(root_w: i64) -> Self {
        let root = feeder_id("root");
        let mut stage =
            Self { registry: Registry::default(), tree: Tree::new(root), now: START, count: 0 };
        stage.feeder("root", None, root_w);
        stage
    }

    fn operate(&mut self, change: Change) {
        self.count += 1;
        let (id, at) = (Uuid::from_u128(self.count), Timestamp(self.now));
        let record = OperatorRecord { id, at, source: None, actor: "test".to_owned(), change };
        self.registry.apply(&record).expect("the change is allowed");
    }

    fn feeder(&mut self, id: &str, parent: Option<&str>, import_w: i64) {
        self.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder_id(id),
            parent_id: parent.map(feeder_id),
            import_limit_w: Some(Watts(import_w)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }));
    }

    fn add(&mut self, device_type: DeviceType, id: &str, feeder: &str) {
        self.operate(Change::DeviceRegistered(DeviceRegistered {
            device_id: device_id(id),
            device_type,
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder_id(feeder),
            site_id: None,
        }));
    }

    /// Five seconds in which these devices say these watts, and a decision.
    fn cycle(&mut self, said: &[(&str, i64)], claims: &Capabilities) {
        self.now += 5_000;
        for (id, watts) in said {
            self.count += 1;
            let registered = &self.registry.devices[&device_id(id)];
            let (feeder, at) = (registered.feeder_id.clone(), Timestamp(self.now));
            let sample = Telemetry {
                message_id: Uuid::from_u128(self.count),
                power_w: Watts(*watts),
                capabilities: claims.clone(),
                ..sample(device_id(id), registered.device_type, feeder, at)
            };
            self.tree.apply(&Input::Telemetry(sample), &self.registry);
        }
        let tick = Tick {
            now: Timestamp(self.now + 3_000),
            trigger: Trigger::Window,
            no: DecisionNo::new(1, (self.now - START) / 5_000),
            writer: Uuid::nil(),
            positions: Positions::default(),
        };
        let decision = self.tree.decide(&self.registry, tick);
        assert!(decision.header.findings.is_empty(), "{:?}", decision.header.findings);
    }

    /// Decides once more, by an estimate with a fault.
    fn judge<T>(
        &mut self,
        fault: impl FnOnce(&mut View<'_>),
        judge: impl FnOnce(&mut View<'_>, &World<'_>, &ControlSettings) -> T,
    ) -> T {
        let now = Timestamp(self.now + 3_000);
        let Self { registry, tree, .. } = self;
        let topology = Topology::of(registry, &tree.root);
        let limits = limits(registry, &topology, now, now);
        let moment = Moment {
            registry,
            nodes: &tree.nodes.clone(),
            now,
            restarted_at: None,
            between_windows: false,
        };
        let mut witness = witness(registry, &topology, tree.devices.len(), now, false);
        let see = |device_id, device| witness.see(device_id, device);
        let mut view = estimate(&moment, &topology, limits, &mut tree.devices, |_| {}, see);
        standing::hold_bases(&mut tree.nodes, &mut view, &registry.settings, false);
        fault(&mut view);
        let world = witness.conclude(&tree.nodes);
        judge(&mut view, &world, &registry.settings)
    }

    /// What the check finds in a plan that was made on an estimate with a fault.
    fn found(&mut self, fault: impl FnOnce(&mut View<'_>)) -> Vec<String> {
        self.judge(fault, |view, world, settings| {
            plan(view, &WaterFill, world, settings, false).findings
        })
    }
}

fn charger() -> Capabilities {
    Capabilities { max_charge_w: Some(Watts(7_000)), ..Capabilities::default() }
}

/// Four chargers that take what they may, and a house of 6 kW; `ev-3` is not heard for the last minute.
fn street() -> Stage {
    let mut stage = Stage::new(30_000);
    for id in ["ev-0", "ev-1", "ev-2", "ev-3"] {
        stage.add(DeviceType::Ev, id, "root");
    }
    stage.add(DeviceType::Other, "house", "root");
    let mut takes = [0; 4];
    for cycle in 0..40 {
        let ids = ["ev-0", "ev-1", "ev-2", "ev-3"];
        let said = ids.into_iter().zip(takes).take(if cycle < 28 { 4 } else { 3 });
        let said: Vec<_> = said.chain([("house", 6_000)]).collect();
        stage.cycle(&said, &charger());
        for (id, takes) in ids.into_iter().zip(&mut takes) {
            let device = stage.tree.devices.get(&device_id(id)).expect("it was heard");
            *takes = device.setpoint_w.map_or(0, |told| told.0);
        }
    }
    stage
}

fn seen<'v, 'a>(view: &'v mut View<'a>, id: &str) -> &'v mut Seen<'a> {
    view.devices.iter_mut().find(|seen| seen.device_id.as_str() == id).expect("it is there")
}

#[track_caller]
fn check_names(found: &[String], whom: &str, what: &str) {
    let named =
        found.iter().any(|found| found.starts_with(&format!("{whom}: ")) && found.contains(what));
    assert!(named, "{whom}, {what}: {found:#?}");
}

#[test]
fn an_honest_estimate_is_not_doubted() {
    assert_eq!(street().found(|_| {}), [""; 0]);
}

#[test]
fn load_that_is_measured_and_not_counted_is_found() {
    let found = street().found(|view| view.nodes[0].uncontrolled_w -= Watts(3_000));
    check_names(&found, "root", "that nobody commands were counted");
}

#[test]
fn load_that_only_a_meter_sees_and_nobody_counts_is_found() {
    let mut stage = Stage::new(30_000);
    stage.add(DeviceType::Ev, "ev-0", "root");
    stage.add(DeviceType::Meter, "meter", "root");
    let mut takes = 0;
    for _ in 0..20 {
        stage.cycle(&[("ev-0", takes), ("meter", takes + 9_000)], &charger());
        let told = stage.tree.devices.get(&device_id("ev-0")).and_then(|device| device.setpoint_w);
        takes = told.map_or(0, |told| told.0);
    }
    assert_eq!(stage.found(|_| {}), [""; 0]);
    let found = stage.found(|view| view.nodes[0].uncontrolled_w = Watts(8_000));
    check_names(&found, "root", "that nobody commands were counted");
}

#[test]
fn a_silent_device_that_counts_for_nothing_is_found() {
    let found = street().found(|view| seen(view, "ev-3").may.most = Watts::ZERO);
    check_names(&found, "ev-3", "may take");
    let found = street().found(|view| {
        let floor_w = std::mem::take(&mut seen(view, "ev-3").may.most);
        view.nodes[0].uncontrolled_w -= floor_w;
    });
    check_names(&found, "root", "that nobody commands were counted");
    let found = street().found(|view| seen(view, "ev-3").role = Role::Controlled);
    check_names(&found, "ev-3", "is not heard, and counts as one that follows");
}

#[test]
fn a_silent_device_that_would_be_told_more_is_found() {
    let found = street().judge(
        |_| {},
        |view, world, settings| {
            let planned = plan(view, &WaterFill, world, settings, false).devices;
            let mut orders = orders_of(&planned);
            let index = view.devices.iter().position(|seen| seen.device_id.as_str() == "ev-3");
            orders[index.expect("it is there")].setpoint_w = Some(Watts(7_001));
            certify(view, &orders, &promise(world, settings))
        },
    );
    check_names(&whats(found), "ev-3", "is not heard, and would be told 7001 W");
}

#[test]
fn one_that_does_not_follow_and_is_taken_for_one_that_does_is_found() {
    let mut stage = street();
    stage.tree.devices.get_mut(&device_id("ev-0")).expect("heard").non_compliant = true;
    assert_eq!(stage.found(|_| {}), [""; 0]);
    let found = stage.found(|view| seen(view, "ev-0").stuck = false);
    check_names(&found, "ev-0", "does not follow");
}

#[test]
fn a_command_that_may_be_in_force_and_is_forgotten_is_found() {
    let found = street().found(|view| seen(view, "ev-0").may.most = Watts::ZERO);
    check_names(&found, "ev-0", "may take");
}

#[test]
fn a_limit_or_a_margin_that_is_made_up_is_found() {
    let found = street().found(|view| view.nodes[0].limits.import = Watts(31_000));
    check_names(&found, "root", "a limit of");
    let found = street().found(|view| view.nodes[0].limits.margin = Watts(100));
    check_names(&found, "root", "margin");
}

#[test]
fn of_a_large_limit_the_margin_is_a_part_of_it() {
    let mut stage = Stage::new(200_000);
    stage.add(DeviceType::Ev, "ev", "root");
    for _ in 0..20 {
        stage.cycle(&[("ev", 0)], &charger());
    }
    assert_eq!(stage.found(|view| view.nodes[0].limits.margin = Watts(2_000)), [""; 0]);
    let found = stage.found(|view| view.nodes[0].limits.margin = Watts(1_999));
    check_names(&found, "root", "margin");
}

#[test]
fn one_that_is_left_out_is_found() {
    let found = street().found(|view| {
        view.devices.retain(|seen| seen.device_id.as_str() != "ev-1");
    });
    check_names(&found, "root", "ev-1 was not counted");
}

#[test]
fn a_wish_that_is_made_smaller_is_found() {
    let found = street().found(|view| seen(view, "ev-0").want.high_w = Watts(1_000));
    check_names(&found, "ev-0", "could use");
}

#[test]
fn a_weight_that_no_priority_gives_is_found() {
    let found = street().found(|view| seen(view, "ev-0").want.weight_milli = 500);
    check_names(&found, "ev-0", "weighs 500 where its priority says 1000");
}

#[test]
fn without_respect_priorities_weigh_as_they_are() {
    let weights = |respect: bool| -> Vec<i64> {
        let mut stage = street();
        let priority = DeviceChange {
            device_id: device_id("ev-0"),
            feeder_id: None,
            priority: Some(3),
            target_soc: None,
            fallback_w: None,
            opted_out: None,
        };
        stage.operate(Change::DeviceChange(priority));
        let settings = ControlSettings { respect_priority: respect, ..ControlSettings::default() };
        stage.operate(Change::ControlSettings(settings));
        assert_eq!(stage.found(|_| {}), [""; 0]);
        let weights = |view: &mut View<'_>, _: &World<'_>, _: &ControlSettings| {
            view.devices.iter().take(2).map(|seen| seen.want.weight_milli).collect()
        };
        stage.judge(|_| {}, weights)
    };
    assert_eq!((weights(true), weights(false)), (vec![3_000, 1_000], vec![2_400, 800]));
}

fn orders_of(planned: &[crate::plan::Planned]) -> Vec<Order> {
    let order = |planned: &crate::plan::Planned| Order {
        setpoint_w: planned.setpoint_w,
        share_w: planned.share_w,
    };
    planned.iter().map(order).collect()
}

fn promise<'a>(world: &'a World<'a>, settings: &'a ControlSettings) -> Promise<'a> {
    Promise { settings, decreases_only: false, max_min: true, world }
}

fn whats(found: Vec<Finding>) -> Vec<String> {
    found.into_iter().map(|finding| finding.what).collect()
}

/// Feeder `a` has room for one of three chargers with a minimum; on feeder `b` there is room for everyone.
#[test]
fn waste_at_one_feeder_is_not_excused_by_turns_at_another() {
    let mut stage = Stage::new(100_000);
    stage.feeder("a", Some("root"), 6_000);
    stage.feeder("b", Some("root"), 40_000);
    let ids = ["a-0", "a-1", "a-2", "b-0"];
    for id in ids {
        stage.add(DeviceType::Ev, id, &id[..1]);
    }
    let mut takes = [0; 4];
    let claims = Capabilities { min_power_w: Some(Watts(4_140)), ..charger() };
    for _ in 0..20 {
        stage.cycle(&ids.into_iter().zip(takes).collect::<Vec<_>>(), &claims);
        for (id, takes) in ids.into_iter().zip(&mut takes) {
            let device = stage.tree.devices.get(&device_id(id)).expect("it was heard");
            *takes = device.setpoint_w.map_or(0, |told| told.0);
        }
    }
    assert_eq!(takes[3], 7_000);
    let found = stage.judge(
        |_| {},
        |view, world, settings| {
            let planned = plan(view, &WaterFill, world, settings, false).devices;
            let mut orders = orders_of(&planned);
            assert_eq!(whats(certify(view, &orders, &promise(world, settings))), [""; 0]);
            orders[3].setpoint_w = Some(Watts(5_000));
            certify(view, &orders, &promise(world, settings))
        },
    );
    check_names(&whats(found), "b-0", "while there is room for more");
}

/// The setpoints of a stopped street, and what the check says of it.
fn stopped(fallback_w: i64) -> Plan {
    let mut stage = street();
    for id in ["ev-0", "ev-1", "ev-2"] {
        stage.operate(Change::DeviceChange(DeviceChange {
            device_id: device_id(id),
            feeder_id: None,
            priority: None,
            target_soc: None,
            fallback_w: Some(Watts(fallback_w)),
            opted_out: None,
        }));
    }
    stage.judge(
        |_| {},
        |view, world, settings| {
            let mut plan = plan(view, &WaterFill, world, settings, false);
            stop(view, &mut plan, world);
            plan
        },
    )
}

#[test]
fn stopped_control_is_checked_and_holds_the_limit_where_fallbacks_do_not() {
    let told = |plan: &Plan| -> Vec<Option<i64>> {
        plan.devices.iter().take(3).map(|planned| planned.setpoint_w.map(|told| told.0)).collect()
    };
    let fits = stopped(2_000);
    assert_eq!(told(&fits), [Some(2_000); 3]);
    assert!(fits.certified && fits.findings.is_empty(), "{:?}", fits.findings);
    let too_much = stopped(7_000);
    assert_eq!(told(&too_much), [Some(0); 3], "{:?}", too_much.findings);
    assert!(too_much.certified, "what is sent holds the limit");
    check_names(&too_much.findings, "root", "setpoints of 21000 W");
}

#[test]
fn more_than_the_fallback_is_found_while_control_is_stopped() {
    let found = street().judge(
        |_| {},
        |view, world, settings| {
            let mut plan = plan(view, &WaterFill, world, settings, false);
            stop(view, &mut plan, world);
            let mut orders = orders_of(&plan.devices);
            assert_eq!(whats(certify_stopped(view, &orders, world)), [""; 0]);
            orders[0].setpoint_w = Some(Watts(1_000));
            orders[1].setpoint_w = None;
            certify_stopped(view, &orders, world)
        },
    );
    let found = whats(found);
    check_names(&found, "ev-0", "told 1000 W instead of 0 W");
    check_names(&found, "ev-1", "told nothing");
}

/// It would share the planner's mistakes.
#[test]
fn the_check_imports_nothing_of_the_planner() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/certify");
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).expect("this folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("tests") {
            continue;
        }
        looked_at += 1;
        let text = fs::read_to_string(&path).expect("sources are text");
        for module in
            ["crate::plan", "crate::policy", "crate::limits", "crate::wants", "crate::shape"]
        {
            assert!(!text.contains(module), "{name} knows {module}");
        }
        // What is certain is not taken from the estimate either.
        let is_certain = ["world.rs", "limit.rs"].contains(&name.as_str());
        assert!(!(is_certain && text.contains("crate::estimate")), "{name} knows the estimate");
    }
    assert!(looked_at >= 9, "{looked_at} files");
}
