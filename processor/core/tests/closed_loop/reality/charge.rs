//! R7: states of charge that are old, of another session, or flicker.

use schemas::records::telemetry::DeviceType;

use super::{MINUTE, Scene, Trial, battery, car, cars, world};
use crate::device::{SaysSoc, Spec};
use crate::world::World;

/// A full car leaves, and one comes that says nothing of its battery.
fn after_a_full_one() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 1, 11_000);
    world.sims[0].spec.energy_wh = 50_000;
    world.sims[0].spec.flaws.says_soc = SaysSoc::Always(10_000);
    world.wish(0, 0);
    let trial = Trial::of(world, 20).fault_at(300, |world, second| match second {
        240 => world.sims[0].spec.flaws.says_soc = SaysSoc::Nothing,
        300 => world.wish(0, 11_000),
        _ => {}
    });
    trial.serves(all, 11_000, 480)
}

/// A load of 24 kW under a limit of 20: storage has to help.
fn short_site() -> World {
    let mut world = world(20_000);
    world.add(Spec::new(DeviceType::Other, "base", "root", 24_000));
    world
}

/// A battery does not say any more how full it is.
fn soc_that_stops() -> Trial {
    let mut world = short_site();
    let battery = battery(&mut world, "battery", 6_000, 4_000);
    world.sims[battery].stored_wms = 4_000 * 60 * MINUTE;
    let trial = Trial::of(world, 60).fault_at(600, |world, second| {
        if second == 600 {
            world.sims[1].spec.flaws.says_soc = SaysSoc::Nothing;
        }
    });
    // That it cannot help any more makes the limit infeasible: that is said.
    trial.names("root").holding(|world| world.sims[1].soc() > Some(1_000))
}

/// It goes on saying the same while it is emptied.
fn soc_that_stands_still() -> Trial {
    let mut world = short_site();
    let battery = battery(&mut world, "battery", 6_000, 4_000);
    world.sims[battery].stored_wms = 4_000 * 60 * MINUTE;
    let trial = Trial::of(world, 60).fault_at(300, |world, second| {
        if second == 300 {
            world.sims[1].spec.flaws.says_soc = SaysSoc::Always(4_900);
        }
    });
    trial.names("root").holding(|world| world.sims[1].soc() > Some(1_000))
}

/// A battery at its reserve, one per cent up and down.
fn flickers() -> Trial {
    let mut world = short_site();
    battery(&mut world, "battery", 6_000, 20_000);
    let trial = Trial::of(world, 30).fault_at(300, |world, second| {
        let soc = if second / 10 % 2 == 0 { 2_000 } else { 2_100 };
        world.sims[1].spec.flaws.says_soc = SaysSoc::Always(soc);
    });
    Trial { culprit: Some("root"), ..trial }.commands(30)
}

/// One battery is nearly full, one nearly empty: who gives more?
fn discharge_by_energy() -> Trial {
    let mut world = short_site();
    for (id, percent) in [("full", 90), ("low", 30)] {
        let battery = battery(&mut world, id, 6_000, 20_000);
        world.sims[battery].stored_wms = 20_000 * 60 * MINUTE * percent / 100;
    }
    Trial::of(world, 10)
        .fault_at(60, |_, _| {})
        .holding(|world| world.sims[1].power_w < world.sims[2].power_w)
}

/// Two cars leave in an hour, three have all night; all of what the two need is feasible.
fn departures() -> Trial {
    let mut world = world(24_000);
    for index in 0..5 {
        let mut spec = car(&format!("ev-{index}"), 11_000);
        spec.energy_wh = 20_000;
        let leaves = world.now + if index < 2 { 60 } else { 600 } * MINUTE;
        spec.departure_ms = Some(leaves);
        let car = world.add(spec);
        world.sims[car].stored_wms = 20_000 * 60 * MINUTE * 3 / 10;
    }
    Trial::of(world, 60)
        .fault_at(60, |_, _| {})
        .holding(|world| (0..2).all(|car| world.sims[car].soc() >= Some(7_900)))
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R7", name, set };
    vec![
        scene("a car without a word after a full one", after_a_full_one),
        scene("a battery does not say its charge any more", soc_that_stops),
        scene("a charge that stands still while it is used", soc_that_stands_still),
        scene("a charge that flickers at the reserve", flickers),
        scene("two batteries, 90 % and 30 %", discharge_by_energy),
        scene("two cars leave in an hour, three tomorrow", departures),
    ]
}
