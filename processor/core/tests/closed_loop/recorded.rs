//! What the core has decided in many worlds, one line for each in `recorded.txt`: a change that is meant to change nothing
//! leaves every line as it is, and one that is meant to writes the file anew
//! (`WRITE_RECORDED=1 cargo test -p control-core --test closed_loop recorded`), so that its reader sees how many worlds it
//! reaches. The other tests say what is right; this one says that it is still the same, also where no rule speaks.

#[path = "../../src/recorded/kept.rs"]
mod kept;

use std::sync::Mutex;
use std::thread;

use schemas::ids::stable_hash;
use schemas::records::operator::POLICIES;

use self::kept::{bare, check};
use crate::world::World;
use crate::{policies, properties, reality, wild};

const FILE: &str = "tests/closed_loop/recorded.txt";
/// Random worlds of either kind.
const RANDOM: u64 = 40;
/// Random worlds under each policy.
const EACH_POLICY: u64 = 8;
const MINUTES: i64 = 6;

type Live = Box<dyn FnOnce() -> World + Send>;

fn worlds() -> Vec<(String, Live)> {
    let mut worlds: Vec<(String, Live)> = Vec::new();
    for seed in 0..RANDOM {
        worlds.push((format!("random {seed}"), Box::new(move || properties::live(seed, MINUTES))));
        worlds.push((
            format!("wild {seed}"),
            Box::new(move || wild::live(seed, MINUTES, seed % 2 == 0)),
        ));
    }
    for policy in &POLICIES[1..] {
        for seed in 100..100 + EACH_POLICY {
            worlds.push((
                format!("{policy} {seed}"),
                Box::new(move || policies::live(seed, policy, MINUTES)),
            ));
        }
    }
    worlds.extend(reality::worlds());
    worlds
}

/// The decisions of a world, every byte of them, and what the core remembers at its end, in one number.
fn line(name: &str, world: &World) -> String {
    let mut hash = 0_u64;
    for decision in &world.decisions {
        hash = stable_hash(&[&hash.to_le_bytes(), &properties::bytes(decision)]);
    }
    let remembered = format!("{:?}", world.tree.snapshot());
    hash = stable_hash(&[&hash.to_le_bytes(), bare(&remembered).as_bytes()]);
    format!("{hash:016x} {} {name}", world.decisions.len())
}

#[test]
fn every_world_is_decided_as_it_was() {
    let worlds = worlds();
    let mut lines = vec![String::new(); worlds.len()];
    let open = Mutex::new(worlds.into_iter().zip(&mut lines));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let next = || open.lock().expect("no world panics in here").next();
                while let Some(((name, live), line_of)) = next() {
                    *line_of = line(&name, &live());
                }
            });
        }
    });
    check(FILE, &lines);
}
