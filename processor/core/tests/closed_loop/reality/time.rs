//! R6: clocks, orders that come late, a processor that is gone when a limit falls.

use schemas::records::ack::AckStatus;
use schemas::records::operator::{Change, EventCreated};
use schemas::{Timestamp, Watts};
use uuid::Uuid;

use super::{Scene, Trial, car, cars, world};
use crate::world::{World, feeder};

/// The processor dies 11 s before an event that it knew of.
fn dies_before_an_event() -> Trial {
    let mut world = world(40_000);
    cars(&mut world, 6, 11_000);
    let start = Timestamp(world.now + 300_000);
    world.operate(Change::EventCreated(EventCreated {
        event_id: Uuid::from_u128(5),
        feeder_id: feeder("root"),
        start,
        end: start.plus_ms(600_000),
        limit_w: Watts(15_000),
        kind: "dr".to_owned(),
        ramp_s: 0,
        randomize_s: 0,
    }));
    Trial {
        // Nobody is there to raise an alarm: the limit holds by what was sent before.
        holds: |world| world.load(&feeder("root")) <= 15_000,
        ..Trial::of(world, 8).fault_at(289, |world, second| match second {
            289 => world.down_processor = true,
            420 => world.down_processor = false,
            _ => {}
        })
    }
}

fn clock(breaks: fn(&mut World)) -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 3, 11_000);
    for car in &all {
        world.sims[*car].spec.period_ms = 5_000;
    }
    breaks(&mut world);
    let trial = Trial::of(world, 15).fault_at(180, |world, second| {
        let now = world.now;
        let flaws = &mut world.sims[0].spec.flaws;
        if second == 180 && flaws.stopped_at == Some(0) {
            flaws.stopped_at = Some(now);
        }
    });
    trial.names("ev-0").serves(all, 33_000, 180)
}

fn stopped_clock() -> Trial {
    clock(|world| {
        world.sims[1].spec.period_ms = 1_000;
        let now = world.now;
        world.sims[0].spec.flaws.stopped_at = Some(now);
    })
}

fn seconds() -> Trial {
    clock(|world| world.sims[0].spec.flaws.says_seconds = true)
}

fn seconds_each_second() -> Trial {
    clock(|world| {
        world.sims[0].spec.flaws.says_seconds = true;
        world.sims[0].spec.period_ms = 1_000;
    })
}

/// Its samples are on the way for 40 s, all of them: its clock is right.
fn slow_link() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 3, 11_000);
    world.sims[0].spec.flaws.transport_ms = 40_000;
    Trial::of(world, 15).fault_at(180, |_, _| {}).serves(all, 33_000, 180)
}

/// `offline` in the window in which its last sample waits, and back two minutes later.
fn offline_and_back() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 3, 11_000);
    let trial = Trial::of(world, 8).fault_at(180, |world, second| match second {
        180 => {
            world.says_status(0, AckStatus::Offline);
            world.sims[0].spec.flaws.dumb = true;
            world.sims[0].cut = true;
        }
        300 => {
            world.sims[0].cut = false;
            world.says_status(0, AckStatus::Online);
            world.sims[0].spec.flaws.dumb = false;
        }
        _ => {}
    });
    trial.serves(vec![all[0]], 11_000, 330).holding(|world| {
        use schemas::records::decision::Freshness;
        let soon = |made: &&schemas::records::decision::Decision| {
            (190_000..205_000).contains(&(made.header.at.0 - crate::world::START_MS))
        };
        world
            .decisions
            .iter()
            .filter(soon)
            .all(|made| made.devices[0].freshness == Freshness::Offline)
    })
}

/// A device that has always been silent but for its hello does not hold others back for ever.
fn hello_only() -> Trial {
    let mut world = world(40_000);
    let all = cars(&mut world, 3, 11_000);
    let mut spec = car("mute", 7_000);
    spec.flaws.dumb = true;
    let mute = world.add(spec);
    world.wish(mute, 0);
    Trial::of(world, 10).fault_at(60, |_, _| {}).serves(all, 32_100, 120)
}

pub(super) fn scenes() -> Vec<Scene> {
    let scene = |name, set| Scene { rule: "R6", name, set };
    vec![
        scene("the processor dies before an event it knew of", dies_before_an_event),
        scene("a device's clock stands still", stopped_clock),
        scene("seconds for milliseconds, each 5 s", seconds),
        scene("seconds for milliseconds, each second", seconds_each_second),
        scene("40 s on the way", slow_link),
        scene("offline with a sample in one window, and back", offline_and_back),
        scene("a charger that only ever said hello", hello_only),
    ]
}
