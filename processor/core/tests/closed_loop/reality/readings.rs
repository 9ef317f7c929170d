//! R1 and R3: readings and claims that cannot be true, and who suffers.

use schemas::records::telemetry::{Capabilities, DeviceType};
use schemas::{WattHours, Watts};

use super::{Scene, Trial, car, cars, sun, world};
use crate::device::{Says, Sim};

/// A car claims nothing but a smallest power.
fn minimum_without_rating() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 4, 11_000);
    let minimum = Capabilities { min_power_w: Some(Watts(1_380)), ..Capabilities::default() };
    world.sims[all[0]].spec.flaws.claims = Some(minimum);
    Trial::of(world, 10).serves(all[1..].to_vec(), 28_500, 120)
}

fn sun_that_shines_at_night(says_w: fn(&mut Sim)) -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 6, 11_000);
    let roof = sun(&mut world, "roof", 10_000);
    world.wish(roof, 0);
    let script: fn(&mut crate::world::World, i64) = |world, second| {
        if second == 180 {
            let roof = world.sims.len() - 1;
            world.sims[roof].spec.flaws.says = Says::Always(-world.sims[roof].spec.rated_w);
        }
    };
    says_w(&mut world.sims[roof]);
    Trial::of(world, 15).fault_at(180, script).names("roof").serves(all, 39_500, 180)
}

/// An overflow of sixteen bits: the script says what is announced; what it can do stays 10 kW.
fn sun_of_32_kw() -> Trial {
    sun_that_shines_at_night(|sim| claims_ten(sim, 32_767))
}

fn sun_of_429_mw() -> Trial {
    sun_that_shines_at_night(|sim| claims_ten(sim, 429_496_700))
}

fn claims_ten(sim: &mut Sim, says_w: i64) {
    sim.spec.rated_w = says_w;
    sim.spec.flaws.claims =
        Some(Capabilities { max_export_w: Some(Watts(10_000)), ..Capabilities::default() });
}

/// Watts given as kilowatts.
fn fallback_of_megawatts() -> Trial {
    let mut world = world(24_000);
    let all = cars(&mut world, 4, 11_000);
    world.sims[all[0]].spec.fallback_w = Some(7_000_000);
    Trial::of(world, 10).names("ev-0").serves(all[1..].to_vec(), 12_500, 120)
}

fn car_that_becomes_a_meter() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 6, 11_000);
    let trial = Trial::of(world, 15).fault_at(180, |world, second| {
        if second == 180 {
            world.sims[0].spec.flaws.says_type = Some(DeviceType::Meter);
        }
    });
    trial.names("ev-0").serves(all[1..].to_vec(), 28_500, 180)
}

fn two_under_one_id() -> Trial {
    let mut world = world(12_000);
    let all = cars(&mut world, 2, 11_000);
    let mut twin = car("ev-0", 11_000);
    twin.phase_ms = 500;
    world.sims.push(Sim::new(twin));
    world.wish(2, 4_000);
    Trial::of(world, 10).names("ev-0").serves(vec![all[1]], 500, 120)
}

fn tenfold_car() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 6, 11_000);
    let trial = Trial::of(world, 15).fault_at(180, |world, second| {
        if second == 180 {
            world.sims[0].spec.flaws.says = Says::Times(10_000);
        }
    });
    trial.names("ev-0").serves(all[1..].to_vec(), 28_500, 180)
}

/// Of one second's glitch nobody should notice anything.
fn glitch_of_a_car() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 6, 11_000);
    let trial = Trial::of(world, 10).fault_at(180, |world, second| {
        world.sims[0].spec.flaws.says =
            if second == 180 { Says::Always(6_553_500) } else { Says::Truth };
    });
    trial.serves(all, 39_500, 180)
}

fn bounds_that_contradict() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 6, 11_000);
    world.sims[all[0]].spec.flaws.claims = Some(Capabilities {
        max_charge_w: Some(Watts(11_000)),
        min_power_w: Some(Watts(50_000)),
        ramp_w_per_s: Some(Watts(-5)),
        energy_wh: Some(WattHours(0)),
        ..Capabilities::default()
    });
    Trial::of(world, 10).names("ev-0").serves(all[1..].to_vec(), 28_500, 120)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |rule, name, set| Scene { rule, name, set };
    vec![
        scene("R1", "an array says 32.767 kW at night", sun_of_32_kw),
        scene("R1", "an array says 429 496.7 kW at night", sun_of_429_mw),
        scene("R1", "a fallback of 7 000 kW", fallback_of_megawatts),
        scene("R1", "a car begins to call itself a meter", car_that_becomes_a_meter),
        scene("R1", "two chargers under one id", two_under_one_id),
        scene("R1", "a car says ten times what it takes", tenfold_car),
        scene("R1", "one wild reading of a car", glitch_of_a_car),
        scene("R1", "a minimum above the rating, a negative ramp", bounds_that_contradict),
        scene("R3", "a car names a minimum and no rating", minimum_without_rating),
    ]
}
