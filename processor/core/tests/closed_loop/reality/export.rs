//! R5: the export side.

use schemas::Watts;

use super::{Scene, Trial, battery, cars, export_limit, named_fallback, sun, world};

fn sun_that_ignores_curtailment() -> Trial {
    let mut world = world(40_000);
    export_limit(&mut world, 5_000);
    let liar = sun(&mut world, "pv-0", 4_000);
    let honest = sun(&mut world, "pv-1", 10_000);
    world.sims[liar].spec.liar = true;
    Trial::of(world, 10).fault_at(60, |_, _| {}).names("pv-0").serves(vec![honest], 500, 120)
}

/// A cloud over curtailed sun, and night: nobody is to blame.
fn honest_sun_under_a_cloud() -> Trial {
    let mut world = world(40_000);
    export_limit(&mut world, 15_000);
    let all = vec![sun(&mut world, "pv-0", 10_000), sun(&mut world, "pv-1", 10_000)];
    let trial = Trial::of(world, 15).fault_at(120, |world, second| match second {
        180 => world.wish(0, -1_000),
        360 => (0..2).for_each(|pv| world.wish(pv, 0)),
        _ => {}
    });
    trial.serves(all, 3_000, 60).holding(|world| {
        world.decisions.iter().flat_map(|made| &made.devices).all(|decided| decided.compliant)
    })
}

fn margin_of_its_own() -> Trial {
    let mut world = world(1_000_000);
    export_limit(&mut world, 8_000);
    let roof = sun(&mut world, "pv-0", 10_000);
    Trial::of(world, 10).fault_at(60, |_, _| {}).serves(vec![roof], 7_500, 120)
}

/// Of two arrays of one size one is in the shade.
fn shares_by_what_the_sun_gives() -> Trial {
    let mut world = world(40_000);
    export_limit(&mut world, 10_000);
    let all = vec![sun(&mut world, "pv-0", 10_000), sun(&mut world, "pv-1", 10_000)];
    world.wish(all[0], -1_500);
    Trial::of(world, 15).fault_at(60, |_, _| {}).serves(all, 9_500, 180)
}

/// An operator names what an array does when its lease lapses: that is what it is sent.
fn fallback_of_an_array() -> Trial {
    let mut world = world(40_000);
    export_limit(&mut world, 15_000);
    let roof = sun(&mut world, "pv-0", 10_000);
    named_fallback(&mut world, "pv-0", -1_500);
    let trial = Trial::of(world, 5).fault_at(60, |_, _| {}).serves(vec![roof], 10_000, 120);
    trial.holding(|world| world.decided(0).fallback_w == Watts(-1_500))
}

/// A silent battery gives nothing that counts.
fn silent_battery() -> Trial {
    let mut world = world(10_000);
    let all = cars(&mut world, 4, 7_000);
    let battery = battery(&mut world, "battery", 5_000, 20_000);
    named_fallback(&mut world, "battery", -3_000);
    world.sims[battery].wish_w = 0;
    let trial = Trial::of(world, 20).fault_at(120, |world, second| {
        if second == 120 {
            let battery = world.sims.len() - 1;
            world.cut(battery, true);
            // It has had a fault and stands still.
            world.sims[battery].spec.rated_w = 0;
        }
    });
    trial.serves(all, 9_500, 240)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R5", name, set };
    vec![
        scene("an array ignores its curtailment", sun_that_ignores_curtailment),
        scene("clouds and night over honest arrays", honest_sun_under_a_cloud),
        scene("1 MW of import, 8 kW of export", margin_of_its_own),
        scene("one of two arrays in the shade", shares_by_what_the_sun_gives),
        scene("an operator names an array's fallback", fallback_of_an_array),
        scene("a silent battery with a fallback of −3 kW", silent_battery),
    ]
}
