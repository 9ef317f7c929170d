//! What the core has decided in many worlds, one line for each in `recorded.txt`: a change that is meant to change nothing
//! leaves every line as it is, and one that is meant to writes the file anew
//! (`WRITE_RECORDED=1 cargo test -p control-core --test closed_loop recorded`), so that its reader sees how many worlds it
//! reaches. The other tests say what is right; this one says that it is still the same, also where no rule speaks.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::{env, fs, thread};

use schemas::ids::stable_hash;
use schemas::records::operator::POLICIES;

use crate::world::World;
use crate::{policies, properties, reality, wild};

/// Set to write the file anew.
const WRITE: &str = "WRITE_RECORDED";
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

/// What is printed of values, whether or not their watts have a type.
fn bare(printed: &str) -> String {
    let mut bare = String::with_capacity(printed.len());
    let mut rest = printed;
    while let Some((before, after)) = rest.split_once("Watts(") {
        let (watts, after) = after.split_once(')').expect("it is closed");
        bare.push_str(before);
        bare.push_str(watts);
        rest = after;
    }
    bare + rest
}

#[test]
fn every_world_is_decided_as_it_was() {
    let worlds = worlds();
    let count = worlds.len();
    let mut lines = vec![String::new(); count];
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if env::var_os(WRITE).is_some() {
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        return;
    }
    let kept = fs::read_to_string(&path).expect("the recorded worlds");
    let kept: Vec<&str> = kept.lines().collect();
    let mut differs = String::new();
    let changed = lines.iter().filter(|line| !kept.contains(&line.as_str()));
    let changed = changed.inspect(|line| writeln!(differs, "{line}").expect("a string")).count();
    assert!(
        changed == 0 && kept.len() == count,
        "{changed} of {count} worlds are decided otherwise than recorded; if that is meant, {WRITE}=1 writes them anew:\n{differs}"
    );
}
