//! The reality suite: what devices, meters and clocks really do, one named scene per kind, with figures. docs/reality.md
//! holds what it last gave; a scene that fares otherwise makes the test fail until that page is written anew
//! (`make reality`). Here nothing is asserted at each step: a plant that lies breaks what guarantees assume.

mod any;
mod charge;
mod export;
mod feedback;
mod figures;
mod meters;
mod page;
mod readings;
mod service;
mod time;

use schemas::Watts;
use schemas::records::operator::{Change, DeviceChange, FeederChange};
use schemas::records::telemetry::DeviceType;

use crate::device::Spec;
use crate::world::{World, device, feeder};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// One scene.
struct Scene {
    /// The rule it belongs to.
    rule: &'static str,
    name: &'static str,
    set: fn() -> Trial,
}

/// What happens in a world at a full second.
type Script = Box<dyn Fn(&mut World, i64)>;

/// A world, how it goes on, and what is asked of the controller.
struct Trial {
    world: World,
    lasts_s: i64,
    /// When the fault begins.
    fault_s: i64,
    /// What happens at each full second.
    script: Script,
    /// Whom an alarm has to name.
    culprit: Option<&'static str>,
    /// A load that only the faulty meter would see: by what it grows after the fault nobody can know.
    unseen: Option<usize>,
    /// Those who are not at fault, what they could have had at best, W together, and from when on that counts.
    innocents: Vec<usize>,
    best_w: i64,
    counts_from_s: i64,
    /// Changed commands per device and hour that are too many.
    commands_max: i64,
    /// What is over by no more than this counts as within the limit, W.
    tolerated_w: i64,
    /// What else must hold at the end.
    holds: fn(&World) -> bool,
}

impl Trial {
    fn of(world: World, minutes: i64) -> Self {
        Self {
            world,
            lasts_s: 60 * minutes,
            fault_s: 0,
            script: Box::new(|_, _| {}),
            culprit: None,
            unseen: None,
            innocents: Vec::new(),
            best_w: 0,
            counts_from_s: 0,
            commands_max: 120,
            tolerated_w: 0,
            holds: |_| true,
        }
    }

    fn fault_at(self, fault_s: i64, script: impl Fn(&mut World, i64) + 'static) -> Self {
        Self { fault_s, script: Box::new(script), ..self }
    }

    fn names(self, culprit: &'static str) -> Self {
        Self { culprit: Some(culprit), ..self }
    }

    fn serves(self, innocents: Vec<usize>, best_w: i64, from_s: i64) -> Self {
        Self { innocents, best_w, counts_from_s: from_s, ..self }
    }

    fn unseen(self, load: usize) -> Self {
        Self { unseen: Some(load), ..self }
    }

    fn commands(self, most: i64) -> Self {
        Self { commands_max: most, ..self }
    }

    fn tolerates(self, watts: i64) -> Self {
        Self { tolerated_w: watts, ..self }
    }

    fn holding(self, holds: fn(&World) -> bool) -> Self {
        Self { holds, ..self }
    }
}

/// A world of one feeder in which nothing is taken for granted.
fn world(limit_w: i64) -> World {
    let mut world = World::new(4_711);
    world.judged = false;
    world.strict = false;
    world.feeder("root", None, limit_w);
    world
}

/// Cars that want all they can get.
fn cars(world: &mut World, count: usize, rated_w: i64) -> Vec<usize> {
    (0..count).map(|index| world.add(car(&format!("ev-{index}"), rated_w))).collect()
}

fn car(id: &str, rated_w: i64) -> Spec {
    let mut spec = Spec::new(DeviceType::Ev, id, "root", rated_w);
    // What a car does by itself when its lease lapses it does not say.
    spec.fallback_w = None;
    spec
}

/// A load that only a meter sees.
fn hidden(world: &mut World, id: &str, watts: i64) -> usize {
    let mut spec = Spec::new(DeviceType::Other, id, "root", watts);
    spec.flaws.dumb = true;
    world.add(spec)
}

fn meter(world: &mut World, id: &str) -> usize {
    let mut spec = Spec::new(DeviceType::Meter, id, "root", 0);
    // One that measures repeats no value to the watt.
    spec.noise_permille = 2;
    world.add(spec)
}

fn sun(world: &mut World, id: &str, rated_w: i64) -> usize {
    world.add(Spec::new(DeviceType::Pv, id, "root", rated_w))
}

fn battery(world: &mut World, id: &str, rated_w: i64, energy_wh: i64) -> usize {
    let mut spec = Spec::new(DeviceType::Battery, id, "root", rated_w);
    spec.energy_wh = energy_wh;
    world.add(spec)
}

fn export_limit(world: &mut World, watts: i64) {
    world.operate(Change::FeederChange(FeederChange {
        feeder_id: feeder("root"),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: Some(Watts(watts)),
        mode: None,
        policy: None,
    }));
}

fn named_fallback(world: &mut World, id: &str, watts: i64) {
    world.operate(Change::DeviceChange(DeviceChange {
        device_id: device(id),
        feeder_id: None,
        priority: None,
        target_soc: None,
        fallback_w: Some(Watts(watts)),
        opted_out: None,
    }));
}

fn scenes() -> Vec<Scene> {
    let parts: [fn() -> Vec<Scene>; 7] = [
        readings::scenes,
        meters::scenes,
        feedback::scenes,
        export::scenes,
        time::scenes,
        charge::scenes,
        service::scenes,
    ];
    parts.into_iter().flat_map(|scenes| scenes()).collect()
}

/// Every scene, and some faults of each kind: a name, and how to live it to its end.
pub(crate) fn worlds() -> impl Iterator<Item = (String, Box<dyn FnOnce() -> World + Send>)> {
    let scenes = scenes().into_iter().map(|Scene { name, set, .. }| {
        let live: Box<dyn FnOnce() -> World + Send> = Box::new(move || figures::lived(set()).1);
        (format!("scene: {name}"), live)
    });
    scenes.chain(any::worlds())
}

/// Every scene fares as docs/reality.md says, and that page is written anew where the environment asks for it.
#[test]
fn every_scene_of_reality_fares_as_its_page_says() {
    let rows: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = scenes()
            .into_iter()
            .map(|scene| {
                scope.spawn(move || figures::live((scene.set)()).row(scene.rule, scene.name))
            })
            .collect();
        runs.into_iter().map(|run| run.join().expect("a scene runs to its end")).collect()
    });
    page::compare(&rows);
}
