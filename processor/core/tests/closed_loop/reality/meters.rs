//! R2: head meters that lie, stop, or see something else. Six cars of 11 kW and 10 kW that only the meter sees, limit 40.

use super::{Scene, Trial, cars, hidden, meter, world};
use crate::device::Says;
use crate::world::World;

const LIMIT_W: i64 = 40_000;
/// Without the hidden load and the margin.
const BEST_W: i64 = 29_500;

/// The index of the meter: after six cars and the hidden load.
const METER: usize = 7;

fn site() -> World {
    let mut world = world(LIMIT_W);
    cars(&mut world, 6, 11_000);
    hidden(&mut world, "houses", 10_000);
    meter(&mut world, "meter");
    world
}

/// The meter is this wrong from the beginning.
fn wrong_from_the_start(says: Says) -> Trial {
    let mut world = site();
    world.sims[METER].spec.flaws.says = says;
    Trial::of(world, 15).names("meter")
}

fn reversed() -> Trial {
    wrong_from_the_start(Says::Times(-1_000)).serves((0..6).collect(), BEST_W, 120)
}

fn a_tenth() -> Trial {
    wrong_from_the_start(Says::Times(100))
}

fn reversed_later() -> Trial {
    let trial = Trial::of(site(), 20).fault_at(300, |world, second| {
        if second == 300 {
            world.sims[METER].spec.flaws.says = Says::Times(-1_000);
        }
    });
    trial.names("meter").serves((0..6).collect(), BEST_W, 300)
}

fn thousandfold_later() -> Trial {
    let trial = Trial::of(site(), 20).fault_at(300, |world, second| {
        if second == 300 {
            world.sims[METER].spec.flaws.says = Says::Times(1_000_000);
        }
    });
    trial.names("meter").serves((0..6).collect(), BEST_W, 420)
}

/// It sees the houses and not the cars.
fn meter_of_a_house() -> Trial {
    let mut world = site();
    world.sims[METER].spec.flaws.sees = Some(vec!["houses".to_owned()]);
    Trial::of(world, 15).names("meter").serves((0..6).collect(), BEST_W, 120)
}

/// It repeats itself while cars come and go, and the houses take more.
fn frozen() -> Trial {
    let trial = Trial::of(site(), 20).fault_at(300, |world, second| {
        if second == 300 {
            let says = world.load(&crate::world::feeder("root"));
            world.sims[METER].spec.flaws.says = Says::Always(says);
        }
        // Two cars leave for a minute in three.
        if second >= 240 && second % 60 == 0 {
            let wish = if second % 180 == 0 { 0 } else { 11_000 };
            (0..2).for_each(|car| world.wish(car, wish));
        }
        if second == 360 {
            world.wish(METER - 1, 18_000);
        }
    });
    trial.names("meter").unseen(METER - 1)
}

/// Two houses with a meter each; one of them falls silent.
fn one_of_two_silent() -> Trial {
    let mut world = world(LIMIT_W);
    let cars = cars(&mut world, 6, 11_000);
    for (house, id, sees) in [("house-a", "meter-a", true), ("house-b", "meter-b", false)] {
        hidden(&mut world, house, 8_000);
        let meter = meter(&mut world, id);
        let mut seen = vec![house.to_owned()];
        if sees {
            seen.extend((0..6).map(|car| format!("ev-{car}")));
        }
        world.sims[meter].spec.flaws.sees = Some(seen);
    }
    let trial = Trial::of(world, 20).fault_at(300, |world, second| {
        if second == 300 {
            let last = world.sims.len() - 1;
            world.sims[last].spec.flaws.dumb = true;
        }
    });
    trial.names("meter-b").serves(cars, 23_500, 300)
}

/// It dies, and then what only it saw grows.
fn dead_while_load_grows() -> Trial {
    let trial = Trial::of(site(), 20).fault_at(300, |world, second| match second {
        300 => world.sims[METER].spec.flaws.dumb = true,
        420 => world.wish(METER - 1, 25_000),
        _ => {}
    });
    trial.names("meter").unseen(METER - 1)
}

/// The last that it says is far too much.
fn dead_after_a_high_reading() -> Trial {
    let trial = Trial::of(site(), 40).fault_at(300, |world, second| match second {
        300 => world.sims[METER].spec.flaws.says = Says::Always(95_000),
        301 => world.sims[METER].spec.flaws.dumb = true,
        _ => {}
    });
    trial.names("meter").serves((0..6).collect(), BEST_W, 480)
}

fn glitch() -> Trial {
    let trial = Trial::of(site(), 10).fault_at(300, |world, second| {
        world.sims[METER].spec.flaws.says =
            if second == 300 { Says::Always(6_553_500) } else { Says::Truth };
    });
    trial.serves((0..6).collect(), BEST_W, 300)
}

/// A good meter in a feeder at its limit, with houses that take more and less, is no culprit.
fn honest() -> Trial {
    let mut trial = Trial::of(site(), 30).fault_at(60, |world, second| {
        if second % 150 == 0 {
            world.wish(METER - 1, if second % 300 == 0 { 16_000 } else { 10_000 });
        }
    });
    trial.holds = |world| {
        let alarms = world.decisions.iter().flat_map(|made| &made.header.alarms);
        !alarms.into_iter().any(|alarm| alarm.code == "CTL-009")
    };
    trial.serves((0..6).collect(), 25_000, 120)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R2", name, set };
    vec![
        scene("a meter wired backwards", reversed),
        scene("a meter turned round at five minutes", reversed_later),
        scene("a meter that says a tenth", a_tenth),
        scene("a meter that says a thousand times as much", thousandfold_later),
        scene("a house's meter taken for the feeder's", meter_of_a_house),
        scene("a meter that stands still", frozen),
        scene("one of two meters falls silent", one_of_two_silent),
        scene("a meter dies, then the load grows", dead_while_load_grows),
        scene("a meter dies after one high reading", dead_after_a_high_reading),
        scene("one reading of 6 553.5 kW", glitch),
        scene("a good meter while houses come and go", honest),
    ]
}
