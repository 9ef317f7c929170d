//! R4: what is measured over a limit, whatever its cause.

use super::{Scene, Trial, battery, cars, world};
use crate::world::World;

fn rounding_up() -> Trial {
    let mut world = world(24_000);
    let all = cars(&mut world, 4, 11_000);
    for car in &all {
        world.sims[*car].spec.flaws.rounds_up_w = 690;
    }
    let trial = Trial::of(world, 20).fault_at(60, |_, _| {}).serves(all, 23_500, 120);
    trial.commands(60).holding(|world| world.last().devices.iter().all(|d| d.compliant))
}

/// A battery gives three fifths of what it is told.
fn weak_battery() -> Trial {
    let mut world = world(20_000);
    let mut base = crate::device::Spec::new(
        schemas::records::telemetry::DeviceType::Other,
        "base",
        "root",
        24_000,
    );
    base.noise_permille = 2;
    world.add(base);
    let battery = battery(&mut world, "battery", 10_000, 200_000);
    world.sims[battery].spec.flaws.falls_short_permille = 400;
    Trial::of(world, 10).fault_at(60, |_, _| {})
}

fn rejects() -> Trial {
    let mut world = world(12_000);
    let all = cars(&mut world, 2, 11_000);
    world.sims[all[0]].spec.flaws.rejects = true;
    world.wish(0, 0);
    let trial = Trial::of(world, 15).fault_at(300, |world, second| {
        if second == 300 {
            world.wish(0, 11_000);
        }
    });
    trial.names("ev-0")
}

/// One that does not follow for a while is like the others again when it has behaved.
fn behaves_again() -> Trial {
    let mut world = world(30_000);
    let all = cars(&mut world, 4, 11_000);
    let lies = |world: &mut World, lies: bool| world.sims[0].spec.liar = lies;
    lies(&mut world, false);
    let trial = Trial::of(world, 15).fault_at(120, |world, second| match second {
        120 => world.sims[0].spec.liar = true,
        360 => world.sims[0].spec.liar = false,
        _ => {}
    });
    trial.names("ev-0").serves(vec![all[0]], 7_300, 540)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R4", name, set };
    vec![
        scene("four chargers that round up to the next ampere", rounding_up),
        scene("a battery that delivers 60 %", weak_battery),
        scene("a charger rejects, its car comes later", rejects),
        scene("one that ignored its setpoints behaves again", behaves_again),
    ]
}
