//! Allocations that are wrong on purpose: none of them reaches a device, and control stops when they go on.

use control_core::policy::{Policy, Problem, Shares, WaterFill};
use schemas::Watts;
use schemas::records::decision::Reason;
use schemas::records::operator::{Change, ControlResumed};
use schemas::records::telemetry::DeviceType;

use crate::device::Spec;
use crate::world::{World, feeder};

const MINUTE: i64 = 60_000;

/// Gives everybody all they want, whatever the limit.
struct IgnoresLimits;

/// Gives half of what a device needs to run.
struct IgnoresMinima;

/// Takes one level off a tree: keeps the root's limit and forgets those below.
struct IgnoresInnerNodes;

impl Policy for IgnoresLimits {
    fn name(&self) -> &'static str {
        "ignores-limits"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        Shares {
            shares_w: problem.claims.iter().map(|claim| claim.high_w).collect(),
            levels_w: vec![None; problem.nodes.len()],
            ..Shares::default()
        }
    }
}

impl Policy for IgnoresMinima {
    fn name(&self) -> &'static str {
        "ignores-bounds"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let mut shares = WaterFill.allocate(problem);
        for share in &mut shares.shares_w {
            *share = -*share - Watts(1_000);
        }
        shares
    }
}

impl Policy for IgnoresInnerNodes {
    fn name(&self) -> &'static str {
        "ignores-inner-nodes"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let mut flat = problem.clone();
        for node in flat.nodes.iter_mut().skip(1) {
            node.budget_w = Watts::MAX / 4;
        }
        WaterFill.allocate(&flat)
    }
}

fn world(policy: fn() -> Box<dyn Policy>) -> World {
    let mut world = World::new(21);
    world.feeder("root", None, 40_000);
    world.feeder("a", Some("root"), 12_000);
    for index in 0..8 {
        let at = if index < 4 { "a" } else { "root" };
        world.add(Spec::new(DeviceType::Ev, &format!("ev-{index}"), at, 7_000));
    }
    world.run(2 * MINUTE);
    assert!(world.last().header.certified);
    world.policy = Some(policy);
    world
}

#[track_caller]
fn check_is_refused(policy: fn() -> Box<dyn Policy>) {
    let mut world = world(policy);
    let from = world.decisions.len();
    for _ in 0..240 {
        world.run(500);
        assert!(world.load(&feeder("root")) <= 40_000);
        assert!(world.load(&feeder("a")) <= 12_000);
    }
    let broken = &world.decisions[from..];
    assert!(broken.iter().all(|decision| !decision.header.certified), "the check finds it");
    assert!(broken.iter().all(|decision| !decision.header.findings.is_empty()), "and says what");
    let first = broken.first().expect("decided");
    assert!(first.devices.iter().all(|decided| decided.reason == Reason::Uncertified));
    assert!(first.header.nodes[0].degraded.is_some());
}

#[test]
fn an_allocation_that_ignores_the_limit_never_reaches_a_device() {
    check_is_refused(|| Box::new(IgnoresLimits));
}

/// It costs the part of the tree that it is wrong about, and nobody else.
#[test]
fn an_allocation_that_ignores_a_limit_inside_the_tree_never_reaches_a_device() {
    let mut world = world(|| Box::new(IgnoresInnerNodes));
    let from = world.decisions.len();
    for _ in 0..240 {
        world.run(500);
        assert!(world.load(&feeder("root")) <= 40_000);
        assert!(world.load(&feeder("a")) <= 12_000);
    }
    let broken = &world.decisions[from..];
    assert!(broken.iter().all(|decision| !decision.header.findings.is_empty()), "it is found");
    let first = broken.first().expect("decided");
    for decided in &first.devices {
        let held = decided.reason == Reason::Uncertified;
        assert_eq!(held, decided.feeder_id == feeder("a"), "{decided:?}");
    }
    assert!(first.header.alarms.iter().any(|alarm| alarm.code == "CTL-012"));
    assert!(broken.iter().all(|decision| decision.header.nodes[0].stopped.is_none()));
}

#[test]
fn an_allocation_outside_of_what_devices_can_do_never_reaches_a_device() {
    check_is_refused(|| Box::new(IgnoresMinima));
}

/// A limit that falls while the allocation is broken is kept all the same.
#[test]
fn a_limit_that_falls_is_kept_by_a_broken_allocation() {
    let mut world = world(|| Box::new(IgnoresLimits));
    world.run(10_000);
    world.feeder("root", None, 20_000);
    world.run(2 * MINUTE);
    assert!(world.load(&feeder("root")) <= 20_000);
}

/// `MAX_CONSECUTIVE_FAILURES`.
#[test]
fn control_stops_after_failed_cycles_and_comes_back_by_itself_or_by_an_operator() {
    for by_operator in [false, true] {
        let mut world = world(|| Box::new(IgnoresLimits));
        let stops = |world: &World| world.last().header.nodes[0].stopped.is_some();
        world.run(15_000);
        assert!(!stops(&world), "not yet");
        world.run(30_000);
        assert!(stops(&world), "five cycles failed");
        assert!(world.last().header.alarms.iter().any(|alarm| alarm.code == "CTL-007"));
        assert_eq!(world.load(&feeder("root")), 0, "everyone is at the fallback");
        // The cause is gone: the dry run goes well.
        world.policy = None;
        if by_operator {
            world.run(6_000);
            assert!(stops(&world));
            world.operate(Change::ControlResumed(ControlResumed { feeder_id: feeder("root") }));
            world.run(6_000);
        } else {
            world.run(10_000);
            assert!(stops(&world), "not after two good cycles");
            world.run(30_000);
        }
        assert!(!stops(&world), "by operator: {by_operator}");
        world.run(3 * MINUTE);
        assert!(world.load(&feeder("root")) > 30_000);
    }
}
