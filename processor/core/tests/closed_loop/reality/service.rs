//! R8: nobody starves, nothing hunts.

use schemas::records::telemetry::{Capabilities, DeviceType};

use super::{Scene, Trial, car, cars, hidden, meter, sun, world};
use crate::device::Spec;
use crate::world::World;

/// Chargers without a car, of a smallest power of three phases.
fn idle_chargers(world: &mut World, count: usize, rated_w: i64) {
    for index in 0..count {
        let mut spec = car(&format!("idle-{index:02}"), rated_w);
        spec.min_w = 4_140;
        let idle = world.add(spec);
        world.sims[idle].wish_w = 0;
        world.sims[idle].power_w = 0;
    }
}

/// Four cars of 22 kW under 100 kW, beside chargers without a car.
fn beside_idle(count: usize) -> Trial {
    let mut world = world(100_000);
    let all = cars(&mut world, 4, 22_000);
    idle_chargers(&mut world, count, 11_000);
    Trial::of(world, 15).fault_at(60, |_, _| {}).serves(all, 88_000, 180)
}

/// Three cars of 22 kW under 60 kW beside chargers as big without a car: while nobody knows yet that they need nothing, what
/// each of them is told lies between its smallest power and what a car takes.
fn beside_big_idle() -> Trial {
    let mut world = world(60_000);
    let all = cars(&mut world, 3, 22_000);
    for car in &all {
        world.sims[*car].spec.min_w = 4_140;
    }
    idle_chargers(&mut world, 20, 22_000);
    Trial::of(world, 15).fault_at(60, |_, _| {}).serves(all, 60_000, 180)
}

/// A car comes to one of them at eight minutes.
fn a_car_comes() -> Trial {
    let trial = beside_idle(20).fault_at(480, |world, second| {
        if second == 480 {
            world.wish(10, 11_000);
        }
    });
    trial.serves(vec![10], 4_140, 540)
}

fn no_capabilities() -> Trial {
    let mut world = world(50_000);
    let all = cars(&mut world, 1, 11_000);
    world.sims[0].spec.flaws.claims = Some(Capabilities::default());
    Trial::of(world, 15).fault_at(60, |_, _| {}).serves(all, 11_000, 300)
}

fn slow_reporter(period_ms: i64) -> Trial {
    let mut world = world(50_000);
    let all = cars(&mut world, 2, 10_000);
    for car in &all {
        world.sims[*car].spec.period_ms = period_ms;
    }
    Trial::of(world, 20).fault_at(60, |_, _| {}).serves(all, 20_000, 300).commands(30)
}

fn phases_change(world: &mut World, second: i64) {
    match second {
        300 => world.wish(1, 2_500),
        900 => world.wish(1, 500),
        _ => {}
    }
    let sim = &mut world.sims[0];
    let told = sim.order.map_or(0, |(order, _)| order.setpoint_w);
    let single = sim.spec.min_w == 1_380;
    let wants_the_other = if single { told >= 3_680 } else { told < 4_140 };
    sim.waits_s = if wants_the_other { sim.waits_s + 1 } else { 0 };
    if sim.waits_s > if single { 300 } else { 60 } {
        sim.waits_s = 0;
        let bounds = if single { (11_000, 4_140) } else { (3_680, 1_380) };
        (sim.spec.rated_w, sim.spec.min_w) = bounds;
    }
}

/// A charger goes to one phase when it gets less than three need, and back after five minutes of all that one can take.
fn phases() -> Trial {
    let mut world = world(6_000);
    let mut spec = car("ev-0", 11_000);
    spec.min_w = 4_140;
    world.add(spec);
    let base = hidden(&mut world, "base", 2_500);
    world.wish(base, 500);
    meter(&mut world, "meter");
    let trial = Trial::of(world, 30).fault_at(10, phases_change);
    trial.serves(vec![0], 4_500, 1_500).commands(60)
}

/// Twenty arrays and twenty cars; 30 kW of sun come and go every 45 s.
fn clouds() -> Trial {
    let mut world = world(60_000);
    let all = cars(&mut world, 20, 7_000);
    for index in 0..20 {
        sun(&mut world, &format!("pv-{index:02}"), 1_500);
    }
    for (index, sim) in world.sims.iter_mut().enumerate() {
        sim.spec.period_ms = 5_000;
        sim.spec.phase_ms = 250 * (i64::try_from(index).expect("few") % 20);
    }
    let trial = Trial::of(world, 60).fault_at(120, |world, second| {
        if second % 45 == 0 {
            let gives = if second / 45 % 2 == 0 { 0 } else { -1_500 };
            (20..40).for_each(|pv| world.wish(pv, gives));
        }
    });
    trial.serves(all, 59_500, 180).commands(60)
}

/// A limit of an event that came soon after a start: the feeder is used again half a minute on.
fn event_after_a_start() -> Trial {
    let mut world = world(250_000);
    let all = cars(&mut world, 30, 7_000);
    let mut base = Spec::new(DeviceType::Other, "base", "root", 20_000);
    base.noise_permille = 10;
    world.add(base);
    for sim in &mut world.sims {
        sim.spec.period_ms = 2_000;
    }
    let trial = Trial::of(world, 5).fault_at(60, |world, second| {
        if second == 15 {
            world.feeder("root", None, 120_000);
        }
    });
    trial.serves(all, 98_600, 45)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R8", name, set };
    vec![
        scene("four cars beside no idle charger", || beside_idle(0)),
        scene("four cars beside 10 idle chargers", || beside_idle(10)),
        scene("four cars beside 20 idle chargers", || beside_idle(20)),
        scene("four cars beside 40 idle chargers", || beside_idle(40)),
        scene("three big cars beside 20 big idle chargers", beside_big_idle),
        scene("a car comes to an idle charger", a_car_comes),
        scene("a charger without capabilities", no_capabilities),
        scene("two cars that report every 20 s", || slow_reporter(20_000)),
        scene("two cars that report every 60 s", || slow_reporter(60_000)),
        scene("three phases, one, and back", phases),
        scene("clouds over 20 arrays and 20 cars", clouds),
        scene("a lower limit 15 s after a start", event_after_a_start),
    ]
}
