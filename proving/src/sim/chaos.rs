//! What goes wrong, and when: a schedule drawn from the seed, each kind of trouble at a rate of its own.

use schemas::records::operator::{
    Change, DeviceChange, EventCancelled, EventCreated, FeederChange, FeederCleared, FeederField,
    OverrideCleared, OverrideSet, ProgramDeleted, ProgramMode, ProgramSet,
};
use schemas::records::telemetry::DeviceType;
use schemas::rng::Rng;
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use super::member::Body;
use super::processor::CUTS;
use super::world::{Life, World};

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crash,
    Cut,
    Pause,
    Mistake,
    Log,
    Broker,
    Bridge,
    Link,
    Silence,
    Liar,
    Load,
    Operator,
    Compact,
}

const KINDS: [Kind; 13] = [
    Kind::Crash,
    Kind::Cut,
    Kind::Pause,
    Kind::Mistake,
    Kind::Log,
    Kind::Broker,
    Kind::Bridge,
    Kind::Link,
    Kind::Silence,
    Kind::Liar,
    Kind::Load,
    Kind::Operator,
    Kind::Compact,
];

/// The schedule of one world.
#[derive(Debug)]
pub struct Chaos {
    rng: Rng,
    next: Vec<(Kind, i64, i64)>,
    /// Things that end by themselves.
    ends: Vec<(i64, End)>,
    number: u128,
    events: Vec<Uuid>,
    programs: Vec<Uuid>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Log,
    Broker,
    Bridge,
    Link(usize),
    Silence(usize),
}

impl Chaos {
    /// The schedule of a seed.
    #[must_use]
    pub fn new(seed: u64, start: i64) -> Self {
        let mut rng = Rng::new(seed).fork("chaos");
        let mut next = Vec::new();
        for kind in KINDS {
            // Mean time between two, s; some worlds know no trouble of a kind.
            let mean_s = match kind {
                Kind::Crash | Kind::Cut => rng.pick(&[40, 120, 0]),
                Kind::Pause | Kind::Mistake => rng.pick(&[60, 180, 0, 0]),
                Kind::Log | Kind::Broker | Kind::Bridge => rng.pick(&[90, 240, 0, 0]),
                Kind::Link => rng.pick(&[15, 60, 0]),
                Kind::Silence | Kind::Liar => rng.pick(&[120, 0, 0]),
                Kind::Load => rng.pick(&[15, 60]),
                Kind::Operator => rng.pick(&[15, 45, 0]),
                Kind::Compact => 120,
            };
            if mean_s > 0 {
                let first = start + 20_000 + rng.between(0, 2 * mean_s * 1_000);
                next.push((kind, mean_s * 1_000, first));
            }
        }
        Self { rng, next, ends: Vec::new(), number: 0, events: Vec::new(), programs: Vec::new() }
    }

    /// Does what is due.
    pub fn act(&mut self, world: &mut World) {
        let now = world.now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.ends).into_iter().partition(|(at, _)| *at <= now);
        self.ends = later;
        for (_, end) in due {
            world.trace.note(now, format_args!("ends: {end:?}"));
            match end {
                End::Log => world.log_up = true,
                End::Broker => world.set_broker(true),
                End::Bridge => world.set_bridge(true),
                End::Link(index) => world.set_link(index, world.broker.up),
                End::Silence(index) => world.members[index].silent = false,
            }
        }
        for place in 0..self.next.len() {
            let (kind, mean, at) = self.next[place];
            if at <= now {
                self.next[place].2 = now + 1 + self.rng.between(0, 2 * mean);
                world.trace.note(now, format_args!("trouble: {kind:?}"));
                self.strike(kind, world);
            }
        }
    }

    fn strike(&mut self, kind: Kind, world: &mut World) {
        let now = world.now;
        let process = self.rng.below(world.processes.len());
        let member = self.rng.below(world.members.len());
        match kind {
            Kind::Crash => {
                if !matches!(world.processes[process].life, Life::Down { .. }) {
                    let until = now + self.rng.pick(&[300, 2_000, 8_000, 45_000]);
                    world.kill(process, until);
                }
            }
            Kind::Cut => {
                world.processes[process].processor.cut = Some(self.rng.pick(&CUTS));
            }
            Kind::Pause => {
                if world.processes[process].life == Life::Running {
                    let until = now + self.rng.between(500, 45_000);
                    world.pause(process, until, self.rng.chance(500));
                }
            }
            Kind::Mistake => {
                let partitions = i64::try_from(world.assigned.len().max(1)).expect("few");
                let partition = i32::try_from(self.rng.between(0, partitions - 1)).expect("few");
                let until = now + self.rng.between(5_000, 40_000);
                world.mistakes.insert((partition, process), until);
            }
            Kind::Log => {
                world.log_up = false;
                self.end(now, 12_000, End::Log);
            }
            Kind::Broker => {
                if world.broker.up {
                    world.set_broker(false);
                    self.end(now, 15_000, End::Broker);
                }
            }
            Kind::Bridge => {
                if world.bridge.is_some() {
                    world.set_bridge(false);
                    self.end(now, 15_000, End::Bridge);
                }
            }
            Kind::Link => {
                if world.broker.up && world.members[member].connection.is_some() {
                    world.set_link(member, false);
                    self.end(now, 120_000, End::Link(member));
                }
            }
            Kind::Silence => {
                world.members[member].silent = true;
                self.end(now, 120_000, End::Silence(member));
            }
            Kind::Liar => {
                let member = &mut world.members[member];
                if member.device_type() == DeviceType::Ev {
                    member.habits.liar = !member.habits.liar;
                }
            }
            Kind::Load => self.shift_load(world),
            Kind::Operator => self.operate(world),
            Kind::Compact => world.compact(),
        }
    }

    fn end(&mut self, now: i64, longest_ms: i64, end: End) {
        self.ends.push((now + self.rng.between(250, longest_ms), end));
    }

    fn shift_load(&mut self, world: &mut World) {
        let loads: Vec<usize> = (0..world.members.len())
            .filter(|index| matches!(world.members[*index].body, Body::Load(_)))
            .collect();
        if loads.is_empty() {
            return;
        }
        let load = self.rng.below(loads.len());
        world.members[loads[load]].body = Body::Load(self.rng.between(0, 4_000));
    }

    fn mint(&mut self) -> Uuid {
        self.number += 1;
        Uuid::from_u128(0xe7_0000 + self.number)
    }

    fn operate(&mut self, world: &mut World) {
        let now = world.now;
        let registry = &world.reference.registry;
        let feeders: Vec<FeederId> = registry.feeders.keys().cloned().collect();
        if feeders.is_empty() {
            return;
        }
        let feeder_id = feeders[self.rng.below(feeders.len())].clone();
        let limit = registry.feeders[&feeder_id].import_limit_w.map_or(20_000, |limit| limit.0);
        let member = self.rng.below(world.members.len());
        let member = &world.members[member];
        let (device_id, rated) = (member.id.clone(), member.rated_w());
        let storage = member.device_type() == DeviceType::Battery;
        let meters = member.device_type() == DeviceType::Meter;
        let start = Timestamp(now + self.rng.between(0, 20_000));
        let end = start.plus_ms(self.rng.between(20_000, 120_000));
        let until = Timestamp(now + self.rng.between(10_000, 90_000));
        let change = match self.rng.between(0, 9) {
            0 | 1 => match self.rng.between(70, 130) {
                // Now and then the limit is taken back, and the default one holds.
                70..=73 => Change::FeederCleared(FeederCleared {
                    feeder_id,
                    fields: vec![FeederField::ImportLimit],
                }),
                percent => Change::FeederChange(FeederChange {
                    feeder_id,
                    parent_id: None,
                    import_limit_w: Some(Watts(limit * percent / 100)),
                    export_limit_w: None,
                    mode: None,
                    policy: None,
                }),
            },
            2 | 3 => {
                let event_id = self.mint();
                self.events.push(event_id);
                Change::EventCreated(EventCreated {
                    event_id,
                    feeder_id,
                    start,
                    end,
                    limit_w: Watts(limit * self.rng.between(40, 110) / 100),
                    kind: "dr".to_owned(),
                    ramp_s: self.rng.pick(&[0, 0, 30]),
                    randomize_s: 0,
                })
            }
            4 if !self.events.is_empty() => {
                let event_id = self.events.swap_remove(self.rng.below(self.events.len()));
                Change::EventCancelled(EventCancelled { event_id })
            }
            5 => {
                let program_id = self.mint();
                self.programs.push(program_id);
                Change::ProgramSet(ProgramSet {
                    program_id,
                    name: "shed".to_owned(),
                    mode: self.rng.pick(&[ProgramMode::FixedCap, ProgramMode::PriceElastic]),
                    feeder_ids: if self.rng.chance(500) { vec![feeder_id] } else { Vec::new() },
                    start,
                    end,
                    target_shed_w: Watts(limit * self.rng.between(5, 30) / 100),
                    incentive_milli_per_kwh: 0,
                    penalty_milli_per_kwh: self.rng.between(0, 30_000),
                    active: true,
                    ramp_s: 0,
                    randomize_s: 0,
                })
            }
            6 if !self.programs.is_empty() => {
                let program_id = self.programs.swap_remove(self.rng.below(self.programs.len()));
                Change::ProgramDeleted(ProgramDeleted { program_id })
            }
            7 => {
                let low = if storage { -rated } else { 0 };
                let power_w = Watts(self.rng.between(low, rated.max(low)));
                Change::OverrideSet(OverrideSet { device_id, power_w, until })
            }
            8 => Change::OverrideCleared(OverrideCleared { device_id }),
            _ => Change::DeviceChange(DeviceChange {
                device_id,
                feeder_id: None,
                priority: Some(i32::try_from(self.rng.between(1, 10)).expect("few")),
                target_soc: None,
                fallback_w: None,
                // Who takes a meter out of service says that what it knew of is gone.
                opted_out: Some(self.rng.chance(250) && !meters),
            }),
        };
        world.operate(change);
    }
}
