//! What must hold after every step, written from docs/control.md and from what the world really does.

use schemas::records::decision::{
    Decision, DeviceDecision, Freshness, NodeDecision, Reason, Rung, Trigger,
};
use schemas::records::operator::FeederMode;
use schemas::records::telemetry::DeviceType;
use schemas::{FeederId, Watts};

use crate::device::Sim;
use crate::world::{START_MS, World, feeder};

/// Asserts what belongs to the guarantee of a number, in worlds that are run for it.
macro_rules! promise {
    ($world:expr, $number:literal, $holds:expr, $($message:tt)+) => {
        assert!(!$world.checks($number) || $holds, $($message)+)
    };
}

/// Without losses a disturbance is over after so long: window, message, lag, ramp.
pub(crate) const SETTLED_MS: i64 = 20_000;
/// No device of a random world speaks less often.
const LONGEST_PERIOD_MS: i64 = 5_000;
/// So little says that no car is there, or that it is full.
const NOTHING_W: i64 = 60;
/// With losses two leases are added.
const SETTLED_LOSSY_MS: i64 = 90_000;

/// G1, as the physical world sees it: once the system has had time to act, no feeder is over its limit, unless the
/// record says by how many watts the limit cannot be met.
pub(crate) fn check_physics(world: &World) {
    let lies = world.sims.iter().any(|sim| sim.spec.liar);
    // A device that does not follow shows it only when it is told: several do it one after the other.
    let settled = match (world.net.loss_permille > 0, lies) {
        (true, _) => SETTLED_LOSSY_MS,
        (false, true) => 3 * SETTLED_MS,
        (false, false) => SETTLED_MS,
    };
    // In the beginning nobody has been heard: what a device takes is known a period later.
    let quiet_since = world.quiet_since.max(START_MS + LONGEST_PERIOD_MS);
    if world.now - quiet_since < settled || world.down_processor || world.decisions.is_empty() {
        return;
    }
    for node in &world.last().header.nodes {
        // Generation that nobody commands (opted out, not heard) may pass it, whatever is done.
        let all_commanded =
            world.last().devices.iter().all(|decided| {
                decided.device_type != DeviceType::Pv || decided.setpoint_w.is_some()
            });
        if let Some(export) = node.export_limit_w.filter(|_| all_commanded) {
            let load = world.load(&node.feeder_id);
            promise!(
                world,
                1,
                load >= -export.0,
                "G1, export: {load} W of -{export} at {:?}: {node:?}",
                world.now
            );
        }
        if node.unmet_w.0 > 0 || node.rung == Rung::Alarm {
            continue;
        }
        let load = world.load(&node.feeder_id);
        promise!(
            world,
            1,
            load - begun_w(world, node) <= node.limit_w.0,
            "G1: {} takes {load} W of {} W at +{} s: {node:?}",
            node.feeder_id,
            node.limit_w.0,
            (world.now - START_MS) / 1000
        );
    }
}

/// Everything that one decision must keep, before it is sent.
pub(crate) fn check_decision(world: &World, decision: &Decision) {
    let trusted = world.policy.is_none();
    assert!(
        decision.header.findings.is_empty() || !trusted,
        "the check found: {:?}",
        decision.header.findings
    );
    check_sums(decision);
    let worst = worst_w(world);
    for node in &decision.header.nodes {
        check_counting_the_unseen(world, decision, node, &worst);
    }
    for sim in &world.sims {
        let decided = decided(decision, sim);
        check_setpoint(world, decision, sim, decided);
    }
    if world.strict && trusted && decision.header.policy == "water-fill" {
        check_fair(world, decision);
    }
}

/// What is said of a node is what is said of the devices under it, added up.
fn check_sums(decision: &Decision) {
    let nodes = &decision.header.nodes;
    let stands_under = |decided: &DeviceDecision, node: &NodeDecision| {
        let mut above = Some(&decided.feeder_id);
        while let Some(feeder_id) = above {
            if *feeder_id == node.feeder_id {
                return true;
            }
            let place = nodes.iter().find(|place| place.feeder_id == *feeder_id);
            above = place.and_then(|place| place.parent_id.as_ref());
        }
        false
    };
    for node in nodes {
        let under: Vec<&DeviceDecision> =
            decision.devices.iter().filter(|decided| stands_under(decided, node)).collect();
        let count = |fresh: bool| {
            let those = under.iter().filter(|it| (it.freshness == Freshness::Fresh) == fresh);
            i32::try_from(those.count()).expect("few")
        };
        assert_eq!((node.fresh_count, node.stale_count), (count(true), count(false)), "{node:?}");
        assert_eq!(node.device_count, node.fresh_count + node.stale_count, "{node:?}");
        assert_eq!(node.headroom_w, node.limit_w - node.load_w, "{node:?}");
        let by_type: Vec<(DeviceType, i32)> =
            node.by_type.iter().map(|total| (total.device_type, total.count)).collect();
        let each = DeviceType::ALL.iter().map(|device_type| {
            let those = under.iter().filter(|decided| decided.device_type == *device_type);
            (*device_type, i32::try_from(those.count()).expect("few"))
        });
        let expected: Vec<_> = each.filter(|(_, count)| *count > 0).collect();
        assert_eq!(by_type, expected, "{node:?}");
    }
}

/// It wants nothing and may start, by what it was told or when its lease lapses: an idle charger.
fn stands_by(decided: &DeviceDecision) -> bool {
    let may_start =
        decided.setpoint_w.is_some_and(|setpoint| setpoint.max(decided.fallback_w).0 > 0);
    decided.device_type == DeviceType::Ev && decided.wanted_w.0 == 0 && may_start
}

/// It has drawn nothing until now, or has begun since it last spoke, a moment ago: nobody can know that yet.
fn may_begin(decided: &DeviceDecision, sim: &Sim) -> bool {
    let said_nothing = decided.power_w.is_some_and(|power| power.0 <= NOTHING_W)
        && decided.sample_age_ms.is_some_and(|age_ms| age_ms <= LONGEST_PERIOD_MS);
    stands_by(decided) && (sim.power_w == 0 || said_nothing)
}

/// What those under a node take who have begun since they last spoke, but for the one that is held back for.
fn begun_w(world: &World, node: &NodeDecision) -> i64 {
    let begun = world.sims.iter().filter(|sim| {
        world.is_under(&feeder(&sim.spec.feeder), &node.feeder_id)
            && may_begin(decided(world.last(), sim), sim)
    });
    let powers = begun.map(|sim| sim.power_w);
    powers.clone().sum::<i64>() - powers.max().unwrap_or(0)
}

pub(crate) fn decided<'d>(decision: &'d Decision, sim: &Sim) -> &'d DeviceDecision {
    let place =
        decision.devices.binary_search_by(|decided| decided.device_id.as_str().cmp(&sim.spec.id));
    &decision.devices[place.expect("every device is decided")]
}

/// The most that each device may take from now on, whatever is lost, late or repeated: the world knows.
fn worst_w(world: &World) -> Vec<i64> {
    let mut worst: Vec<i64> = world.sims.iter().map(Sim::worst_w).collect();
    for (owner, order) in world.down.values() {
        worst[*owner] = worst[*owner].max(order.setpoint_w).max(order.fallback_w);
    }
    worst
}

/// G1 and G2, strictly: where somebody is raised, all that may be taken from now on fits the limit.
fn check_counting_the_unseen(
    world: &World,
    decision: &Decision,
    node: &NodeDecision,
    worst: &[i64],
) {
    let (mut may_take, mut raised) = (0, 0);
    let mut starts = Vec::new();
    for (sim, worst) in world.sims.iter().zip(worst) {
        let under = world.is_under(&feeder(&sim.spec.feeder), &node.feeder_id);
        if !under || sim.spec.device_type == DeviceType::Meter {
            continue;
        }
        let decided = decided(decision, sim);
        // A load that nobody commands and that was never heard is known to the world alone.
        if decided.freshness == Freshness::Missing && decided.setpoint_w.is_none() {
            continue;
        }
        let setpoint =
            decided.setpoint_w.map_or(*worst, |setpoint| setpoint.0.max(decided.fallback_w.0));
        // Of those who draw nothing not all start in one moment: one start is held back for, or two, where there is room.
        if may_begin(decided, sim) {
            starts.push(setpoint.max(*worst));
            continue;
        }
        may_take += setpoint.max(*worst);
        // The same again is no raise, even where the first message was lost.
        let before = world.decisions.last().map(|last| self::decided(last, sim));
        let before =
            before.and_then(|before| before.setpoint_w).map_or(i64::MIN, |before| before.0);
        // Who is not heard is told zero until it is, as the setting says: that ends a discharge, and is no gift.
        let zeroed = decided.freshness != Freshness::Fresh && decided.setpoint_w == Some(Watts(0));
        raised += if zeroed { 0 } else { (setpoint - before.max(*worst)).max(0) };
    }
    starts.sort_unstable();
    may_take += starts.iter().rev().take(1).sum::<i64>();
    let observed = world.now - world.quiet_since >= 10_000;
    promise!(
        world,
        2,
        raised == 0 || !world.strict || !observed || may_take <= node.limit_w.0,
        "G1/G2: {raised} W are given where devices may take {may_take} W of {} W: {node:?}",
        node.limit_w.0
    );
    // What is allotted fits beside what nobody commands.
    let fresh = decision.devices.iter().filter(|decided| {
        let generator = decided.device_type == DeviceType::Pv;
        let heard = decided.freshness == Freshness::Fresh;
        // What those who stand by may start with is part of what nobody commands.
        heard
            && !generator
            && !stands_by(decided)
            && world.is_under(&decided.feeder_id, &node.feeder_id)
    });
    let allotted: i64 = fresh
        .filter_map(|decided| {
            // Of one that does not follow only what it gives back counts: it may not be lowered.
            let setpoint = decided.setpoint_w?.0;
            Some(if decided.compliant { counted(decided, setpoint) } else { setpoint.min(0) })
        })
        .sum();
    let room = node.limit_w.0 - node.margin_w.0 - node.uncontrolled_w.0;
    let commanded = node.mode == FeederMode::Automatic;
    promise!(
        world,
        1,
        node.unmet_w.0 > 0 || !commanded || allotted <= room,
        "G1: {allotted} W allotted of {room} W: {node:?}"
    );
}

/// G4, G9, G10, G12, G16 on one device.
fn check_setpoint(world: &World, decision: &Decision, sim: &Sim, decided: &DeviceDecision) {
    let Some(setpoint) = decided.setpoint_w.map(|setpoint| setpoint.0) else {
        return;
    };
    let spec = &sim.spec;
    let honest = world.strict && world.net.loss_permille == 0;
    promise!(world, 21, decided.compliant || !honest, "G21: blamed without reason: {decided:?}");
    promise!(world, 12, decided.ttl_ms > 0, "G12: a setpoint without a lease");
    if decided.freshness != Freshness::Fresh || decided.reason == Reason::NonCompliant {
        return;
    }
    let storage = spec.device_type == DeviceType::Battery;
    let low = if storage || spec.device_type == DeviceType::Pv { -spec.rated_w } else { 0 };
    promise!(
        world,
        4,
        (low..=spec.rated_w).contains(&setpoint),
        "G4: {setpoint} W for {decided:?}"
    );
    promise!(
        world,
        4,
        setpoint <= 0 || setpoint >= spec.min_w,
        "G4: {setpoint} W is below the minimum: {decided:?}"
    );
    let registered = &world.registry.devices[&decided.device_id];
    // At its end it is over for the world, too.
    let overridden = registered.override_w.is_some();
    if decided.share_w < decided.wanted_w && !overridden && spec.device_type != DeviceType::Pv {
        promise!(world, 16, decided.bound_by.is_some(), "G16: nothing binds {decided:?}");
    }
    if storage && let Some(soc) = decided.soc {
        let settings = &world.registry.settings;
        promise!(
            world,
            10,
            setpoint >= 0 || soc > settings.min_soc_reserve,
            "G10: discharged below the reserve: {decided:?}"
        );
        promise!(
            world,
            10,
            setpoint <= 0 || overridden || soc < settings.target_soc,
            "G10: charged above the target: {decided:?}"
        );
    }
    let last = world.decisions.last().map(|last| self::decided(last, sim));
    let last =
        last.filter(|last| last.freshness == Freshness::Fresh && last.reason != Reason::Override);
    let last = last.and_then(|last| last.setpoint_w).map(|last| last.0);
    // In shadow nobody moves, so every decision starts from what the device does by itself.
    let mode = decision.header.nodes.iter().find(|node| node.feeder_id == decided.feeder_id);
    let commanded = mode.is_none_or(|node| node.mode != FeederMode::Shadow);
    if let Some(last) = last
        && commanded
        && !overridden
        && spec.device_type != DeviceType::Pv
    {
        let step = spec.rated_w * i64::from(world.registry.settings.ramp_permille) / 1_000;
        let step = step.max(world.registry.settings.deadband_w.0).max(spec.min_w);
        promise!(world, 9, setpoint - last.max(0) <= step, "G9: from {last} W: {decided:?}");
        let decreases_only =
            matches!(decision.header.trigger, Trigger::Overload | Trigger::Operator);
        promise!(
            world,
            9,
            setpoint <= last
                || !decreases_only
                || decided.reason == Reason::Reserve && setpoint <= 0,
            "G9: raised by {:?}: {decided:?}",
            decision.header.trigger
        );
    }
}

/// What counts for a device under a setpoint: what it does when its lease lapses, where that is more.
fn counted(decided: &DeviceDecision, watts: i64) -> i64 {
    if decided.fallback_w.0 > 0 { watts.max(decided.fallback_w.0) } else { watts }
}

/// G5: no share can grow without shrinking one that is, per weight, no larger.
fn check_fair(world: &World, decision: &Decision) {
    let shared: Vec<&DeviceDecision> = decision
        .devices
        .iter()
        .filter(|decided| {
            decided.setpoint_w.is_some()
                && decided.freshness == Freshness::Fresh
                && decided.device_type != DeviceType::Pv
                && decided.reason != Reason::Override
        })
        .collect();
    let under =
        |decided: &DeviceDecision, node: &FeederId| world.is_under(&decided.feeder_id, node);
    // Whole watts: what rounding leaves over is at most one for each.
    let count = i64::try_from(shared.len()).expect("few");
    for mine in &shared {
        if mine.share_w >= mine.wanted_w || mine.reason == Reason::NonCompliant {
            continue;
        }
        let held =
            decision.header.nodes.iter().filter(|node| under(mine, &node.feeder_id)).any(|node| {
                let room = node.limit_w.0 - node.margin_w.0 - node.uncontrolled_w.0;
                let below = shared.iter().filter(|other| under(other, &node.feeder_id));
                let sum: i64 = below.clone().map(|other| counted(other, other.share_w.0)).sum();
                let larger = |other: &&&DeviceDecision| {
                    let theirs = i128::from(other.share_w.0 - 2) * i128::from(mine.weight_milli);
                    let me = i128::from(mine.share_w.0 + 2) * i128::from(other.weight_milli);
                    // What a device may take until a decrease has reached it cannot be given to others.
                    let stuck = other.reason == Reason::NonCompliant
                        || other.reason == Reason::AwaitsHeadroom
                            && other.setpoint_w.is_some_and(|setpoint| setpoint < other.share_w);
                    other.share_w.0 > other.fallback_w.0.max(0) && theirs > me && !stuck
                };
                sum + count >= room && !below.clone().any(|other| larger(&other))
            });
        promise!(world, 5, held, "G5: {mine:?} could grow");
    }
}
