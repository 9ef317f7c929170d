//! Worlds from seeds: trees of random shape, a mixed fleet with bad habits, links, and settings. Knows nothing of what happens later.

use bridge_outbound::{OnSilence, Rules};
use device_model::{Battery, Chance, Charger, Device, EvHabits, Identity, Pv, Unit};
use schemas::mqtt::Source;
use schemas::records::operator::{
    Change, ControlSettings, FeederChange, MissingBehavior, RestartBehavior,
};
use schemas::rng::Rng;
use schemas::{DeviceId, FeederId, Timestamp, Watts};

use super::broker::Net;
use super::member::{Body, Habits, Member};
use super::world::{MIDNIGHT_MS, Plan};

/// The watchdog's patience: three windows.
pub const SILENCE_MS: i64 = 15_000;

/// A feeder's id.
#[must_use]
pub fn feeder(id: &str) -> FeederId {
    FeederId::new(id).expect("letters, digits and dashes")
}

/// A feeder with a limit below a parent.
#[must_use]
pub fn feeder_change(id: &str, parent: Option<&str>, import_w: i64) -> Change {
    Change::FeederChange(FeederChange {
        feeder_id: feeder(id),
        parent_id: parent.map(feeder),
        import_limit_w: Some(Watts(import_w)),
        export_limit_w: None,
        mode: None,
        policy: None,
    })
}

/// What devices have in common.
fn identity(id: &str, at: &str, ramp_kw_per_s: f64, fallback_kw: f64) -> Identity {
    Identity {
        device_id: DeviceId::new(id).expect("letters, digits and dashes"),
        site_id: None,
        feeder_id: Some(feeder(at)),
        source: Source::Simulator,
        priority: None,
        ramp_kw_per_s,
        fallback_kw,
    }
}

/// A charger with a car that stays.
#[must_use]
pub fn charger(id: &str, at: &str, max_kw: f64, fallback_kw: f64, soc: f64, seed: u64) -> Body {
    let unit = Unit::Ev(Charger::new(max_kw, 60.0, soc, 1.0));
    Body::Model(Box::new(Device::new(
        identity(id, at, 1.5, fallback_kw),
        unit,
        Chance::of(seed, id),
    )))
}

/// A charger whose cars come and go.
#[must_use]
pub fn busy_charger(
    id: &str,
    at: &str,
    max_kw: f64,
    fallback_kw: f64,
    seed: u64,
    now: i64,
) -> Body {
    let mut chance = Chance::of(seed, id);
    let soc = chance.between(0.15, 0.95);
    let habits = EvHabits::ComesAndGoes { away_s: 180.0 };
    let car = Charger::new(max_kw, 50.0, soc, 0.9).with_habits(habits, Timestamp(now), &mut chance);
    Body::Model(Box::new(Device::new(identity(id, at, 1.5, fallback_kw), Unit::Ev(car), chance)))
}

/// A battery.
#[must_use]
pub fn battery(id: &str, at: &str, max_kw: f64, soc: f64, seed: u64) -> Body {
    let unit = Unit::Battery(Battery::new(max_kw, max_kw * 2.5, soc));
    Body::Model(Box::new(Device::new(identity(id, at, 3.0, 0.0), unit, Chance::of(seed, id))))
}

/// A PV inverter.
#[must_use]
pub fn pv(id: &str, at: &str, max_kw: f64, seed: u64) -> Body {
    let mut chance = Chance::of(seed, id);
    let unit = Unit::Pv(Pv::new(max_kw, &mut chance));
    Body::Model(Box::new(Device::new(identity(id, at, 2.0, max_kw), unit, chance)))
}

/// A random world.
#[must_use]
pub fn random(seed: u64, keep_trace: bool) -> Plan {
    let mut rng = Rng::new(seed).fork("plan");
    let start_h = rng.between(0, 23);
    let mut plan = Plan {
        seed,
        partitions: i32::try_from(rng.between(1, 3)).expect("few"),
        processors: usize::try_from(rng.between(2, 3)).expect("few"),
        net: Net {
            delay_ms_max: rng.pick(&[20, 200, 800]),
            loss_permille: rng.pick(&[0, 0, 10, 50]),
            repeat_permille: rng.pick(&[0, 10, 50]),
        },
        rules: Rules {
            on_silence: rng.pick(&[OnSilence::Zero, OnSilence::HoldLast, OnSilence::Nothing]),
            silence_ms: SILENCE_MS,
            hold_max_ms: 60_000,
        },
        start_h,
        members: Vec::new(),
        changes: vec![settings(&mut rng)],
        keep_trace,
    };
    let trees = rng.between(1, 2);
    for tree in 0..trees {
        grow(&mut plan, &mut rng, tree);
    }
    plan
}

fn settings(rng: &mut Rng) -> Change {
    let missing =
        [MissingBehavior::SafeZero, MissingBehavior::HoldLast, MissingBehavior::ExcludeDevice];
    Change::ControlSettings(ControlSettings {
        missing_behavior: rng.pick(&missing),
        restart_behavior: rng.pick(&[RestartBehavior::SafeZero, RestartBehavior::HoldLast]),
        ..ControlSettings::default()
    })
}

/// A tree of feeders, its devices, and limits that are felt.
fn grow(plan: &mut Plan, rng: &mut Rng, tree: i64) {
    let root = format!("tree-{tree}");
    let mut nodes: Vec<(String, Option<usize>)> = vec![(root, None)];
    for child in 0..rng.between(0, 4) {
        let parent = rng.below(nodes.len());
        nodes.push((format!("feeder-{tree}-{child}"), Some(parent)));
    }
    let mut rated = vec![0_i64; nodes.len()];
    let first = plan.members.len();
    for number in 0..rng.between(4, 14) {
        let node = rng.below(nodes.len());
        let member = device(plan, rng, &nodes[node].0, tree, number);
        let weighs = if member.generates() { 0 } else { member.rated_w().max(member.power_w()) };
        plan.members.push(member);
        let mut at = Some(node);
        while let Some(here) = at {
            rated[here] += weighs;
            at = nodes[here].1;
        }
    }
    for (node, (id, parent)) in nodes.iter().enumerate() {
        // What nobody commands must have room: else nothing can be kept.
        let base = base_w(&plan.members[first..], &nodes, node);
        let limit = base * 2 + 3_000 + rated[node] * rng.between(30, 90) / 100;
        let parent = parent.map(|parent| nodes[parent].0.as_str());
        plan.changes.push(feeder_change(id, parent, limit));
    }
    // Load that nobody commands is known only where a head meter sees it.
    for (id, parent) in &nodes {
        let hides = plan.members[first..]
            .iter()
            .any(|member| member.habits.hidden && member.feeder.as_str() == id);
        if hides || parent.is_none() && rng.chance(300) {
            let habits = Habits { period_ms: 1_000, ..Habits::default() };
            let name = format!("meter-{id}");
            plan.members.push(Member::new(&name, &feeder(id), Body::Meter(0), habits, rng));
        }
    }
}

/// Load that nobody commands under a node.
fn base_w(members: &[Member], nodes: &[(String, Option<usize>)], node: usize) -> i64 {
    let under = |member: &&Member| {
        let mut at = nodes.iter().position(|(id, _)| id == member.feeder.as_str());
        while let Some(here) = at {
            if here == node {
                return true;
            }
            at = nodes[here].1;
        }
        false
    };
    let loads = members.iter().filter(under);
    loads.filter(|member| matches!(member.body, Body::Load(_))).map(Member::power_w).sum()
}

fn device(plan: &Plan, rng: &mut Rng, at: &str, tree: i64, number: i64) -> Member {
    let seed = plan.seed;
    let now = MIDNIGHT_MS + plan.start_h * 3_600_000;
    let mut habits = Habits {
        period_ms: rng.pick(&[1_000, 2_000, 2_000, 3_000]),
        noise_permille: rng.pick(&[0, 0, 5]),
        ..Habits::default()
    };
    if rng.chance(80) {
        habits.skew_ms = rng.between(-700_000, 700_000);
    }
    habits.mute = rng.chance(80);
    let kind = rng.between(0, 99);
    let max_kw = rng.pick(&[3.7, 7.4, 7.4, 11.0]);
    let (id, body) = match kind {
        0..=54 => {
            let id = format!("ev-{tree}-{number}");
            habits.liar = rng.chance(60);
            let fallback_kw = if rng.chance(250) { 1.4 } else { 0.0 };
            habits.reticent = fallback_kw == 0.0 && rng.chance(150);
            let body = if rng.chance(500) {
                busy_charger(&id, at, max_kw, fallback_kw, seed, now)
            } else {
                charger(&id, at, max_kw, fallback_kw, 0.3, seed)
            };
            (id, body)
        }
        55..=69 => {
            let id = format!("bat-{tree}-{number}");
            #[expect(clippy::cast_precision_loss, reason = "per cent")]
            let soc = rng.between(15, 90) as f64 / 100.0;
            let body = battery(&id, at, rng.pick(&[3.0, 5.0]), soc, seed);
            (id, body)
        }
        70..=84 => {
            let id = format!("pv-{tree}-{number}");
            let body = pv(&id, at, rng.pick(&[3.0, 5.0, 8.0]), seed);
            (id, body)
        }
        _ => {
            let load = Body::Load(rng.between(200, 4_000));
            habits.hidden = true;
            (format!("load-{tree}-{number}"), load)
        }
    };
    Member::new(&id, &feeder(at), body, habits, rng)
}
