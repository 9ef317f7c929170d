//! What is certain, from readings, registry and commands alone: the check holds an estimate against it and takes nothing of
//! it on trust. An estimate may count more than this, never less. Knows nothing of estimate, plan or policies.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;

use schemas::records::operator::{ControlSettings, FeederMode};
use schemas::records::snapshot::{DeviceSnapshot as Device, NodeSnapshot};
use schemas::records::telemetry::{DeviceType, Nature};
use schemas::registry::{self, DEFAULT_PRIORITY, Registry};
use schemas::{DeviceId, FeederId, Soc, Timestamp, Watts};

use super::limit::limit_w;
use crate::bounds::Bounds;
use crate::device::{rated_w, rejects, stale_after_ms, tolerance};
use crate::soc;
use crate::topology::Topology;

/// Storage and cars begin to be charged again so far below their target, in parts per 10 000.
const RESTS_BELOW: i32 = 300;

/// Everything that is certain at one decision.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(super) registry: &'a Registry,
    pub(super) now: Timestamp,
    pub(super) nodes: Vec<Certain>,
    /// In between windows the newest samples count, not the last window's means.
    between_windows: bool,
    pub(super) facts: Vec<Fact<'a>>,
    /// Devices of the tree that no plan is made for.
    pub(super) left_out: Vec<&'a DeviceId>,
}

/// Sees the devices of the tree one by one, as an estimate is made of them, and makes up its own mind: a device is too
/// large to be fetched from memory twice.
pub(crate) struct Witness<'a, M: Iterator<Item = Member<'a>>> {
    world: World<'a>,
    topology: &'a Topology,
    /// Devices of the registry that have not come yet, by id.
    members: Peekable<M>,
    /// What stands at each node itself, as far as it was seen.
    sums: Vec<Sums>,
    /// Neighbours by id often stand at one feeder.
    last: Option<(&'a FeederId, usize)>,
}

/// A device as it is registered, by id.
type Member<'a> = (&'a DeviceId, &'a registry::Device);

/// What is certain of one feeder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Certain {
    /// The import limit at this moment, W.
    pub(super) limit_w: Watts,
    pub(super) export_w: Option<Watts>,
    /// What nobody commands takes, and what is not heard may take, W.
    pub(super) base_w: Watts,
    mode: FeederMode,
    limits_export: bool,
}

/// The part that a device plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Told, and heard.
    Commanded,
    /// Told, and not heard.
    Silent,
    /// Heard, on a feeder that only watches.
    Watched,
    /// Nobody commands it.
    Left,
    /// Measures what others take.
    Meter,
}

/// What is certain of one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact<'a> {
    pub(super) device_id: &'a DeviceId,
    pub(super) part: Part,
    pub(super) node: usize,
    /// What it may take whatever it is told now: by commands whose leases may live, else as seen.
    pub(super) may: Bounds,
    /// It does not follow.
    pub(super) strays: bool,
    pub(super) claim: Claim,
    /// None of one that was never heard.
    pub(super) remembered: Option<Remembered>,
}

/// What is remembered of a device, as far as a plan is judged by it: the whole is too large to be looked at once more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered {
    /// Its last setpoint, W.
    pub(super) told_w: Option<Watts>,
    /// It was lowered less than a dwell time ago.
    pub(super) rests: bool,
    /// The rating that it names for import, W.
    pub(super) rated_w: Option<Watts>,
    /// Its smallest running power, W.
    pub(super) min_w: Watts,
    pub(super) ramp_w_per_s: Option<Watts>,
    /// Its state of charge, where that is known, and the one that it is charged to.
    pub(super) charge: Option<(Soc, Soc)>,
}

/// What only sums go by of a device: it is not kept.
#[derive(Debug, Clone, Copy)]
struct Takes {
    /// The window's mean, or the newest, W.
    takes_w: Watts,
    leased: bool,
    heard: bool,
    generates: bool,
}

/// What is certain of the claims of one that is told and heard; none of what is not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    /// What it says that it falls back to, where no operator has named it, W.
    pub(super) fallback_w: Option<Watts>,
    /// What it can take, as long as it has not shown that it needs less, W.
    pub(super) could_use_w: Option<Watts>,
    /// What its priority weighs, where no charge is known, in thousandths.
    pub(super) weight_milli: Option<i64>,
}

/// Begins to look at the devices of a tree, about so many.
pub(crate) fn witness<'a>(
    registry: &'a Registry,
    topology: &'a Topology,
    devices: usize,
    now: Timestamp,
    between_windows: bool,
) -> Witness<'a, impl Iterator<Item = Member<'a>>> {
    let nodes = nodes(registry, topology, now);
    let members = registry.members(&topology.nodes[0].feeder_id).peekable();
    let sums = vec![Sums::default(); nodes.len()];
    let (facts, left_out) = (Vec::with_capacity(devices), Vec::new());
    let world = World { registry, now, nodes, between_windows, facts, left_out };
    Witness { world, topology, members, sums, last: None }
}

impl<'a, M: Iterator<Item = Member<'a>>> Witness<'a, M> {
    /// Sees a device that a plan will be made for, as far as it was ever heard; they come in the order of ids.
    pub(crate) fn see(&mut self, device_id: &'a DeviceId, device: Option<&'a Device>) {
        let registered = loop {
            let Some((member, _)) = self.members.peek() else { break None };
            match (*member).cmp(device_id) {
                Ordering::Less => {
                    self.world.left_out.extend(self.members.next().map(|(left_out, _)| left_out));
                }
                Ordering::Equal => break self.members.next().map(|(_, registered)| registered),
                Ordering::Greater => break None,
            }
        };
        let feeder_id = registered.map(|registered| &registered.feeder_id);
        let feeder_id = feeder_id.or(device.map(|device| &device.feeder_id));
        let node = self.node_of(feeder_id);
        let (fact, takes) = self.world.fact(device_id, registered, device, node);
        self.sums[node].count(&fact, takes);
        self.world.facts.push(fact);
    }

    fn node_of(&mut self, feeder_id: Option<&'a FeederId>) -> usize {
        let Some(feeder_id) = feeder_id else { return 0 };
        if let Some((_, node)) = self.last.filter(|(last, _)| *last == feeder_id) {
            return node;
        }
        let node = self.topology.index_of(feeder_id).unwrap_or(0);
        self.last = Some((feeder_id, node));
        node
    }

    /// All have been seen: `states` is what is remembered of feeders.
    pub(crate) fn conclude(mut self, states: &BTreeMap<FeederId, NodeSnapshot>) -> World<'a> {
        self.world.left_out.extend(self.members.map(|(member, _)| member));
        self.world.add_up(self.topology, states, self.sums);
        self.world
    }
}

impl<'a> World<'a> {
    fn fact(
        &self,
        device_id: &'a DeviceId,
        registered: Option<&registry::Device>,
        device: Option<&Device>,
        node: usize,
    ) -> (Fact<'a>, Takes) {
        let heard = device.is_some_and(|device| self.hears(device));
        let device_type = registered.map(|registered| registered.device_type);
        let device_type = device_type.or(device.map(|device| device.device_type));
        let device_type = device_type.unwrap_or(DeviceType::Other);
        let part = self.part(registered, device_type, node, heard);
        let generates = device_type.generates();
        let nothing = Fact {
            device_id,
            part,
            node,
            may: Bounds::NOTHING,
            strays: device.is_some_and(|device| device.non_compliant),
            claim: Claim::default(),
            remembered: device.map(|device| self.remembered(registered, device)),
        };
        let takes = Takes { takes_w: Watts::ZERO, leased: false, heard, generates };
        let Some(device) = device else {
            let part = if part == Part::Meter { Part::Left } else { part };
            let may = self.never_heard(registered, device_type);
            // It counts at what it may take.
            return (Fact { part, may, ..nothing }, Takes { leased: true, ..takes });
        };
        if device_type == DeviceType::Meter && part == Part::Left {
            return (nothing, takes);
        }
        let newest = device.power_w.unwrap_or_default();
        let mean = device.mean_w.unwrap_or(newest);
        let steady = if self.between_windows { newest } else { mean };
        let takes_w = match part {
            Part::Left if heard => newest.max(mean),
            Part::Left => newest.max(mean).max(Watts::ZERO),
            Part::Silent if device.device_type.generates() => newest.max(mean).max(Watts::ZERO),
            Part::Commanded | Part::Silent | Part::Watched | Part::Meter => steady,
        };
        let allowed = self.allowed(device);
        let may = self.may_take(device, part, allowed, Bounds::between(newest, mean));
        let leased = allowed.is_some();
        let is_told = part == Part::Commanded;
        let claim =
            if is_told { self.claim(registered, device, generates) } else { Claim::default() };
        (Fact { may, claim, ..nothing }, Takes { takes_w, leased, ..takes })
    }

    fn remembered(&self, registered: Option<&registry::Device>, device: &Device) -> Remembered {
        let settings = &self.registry.settings;
        let lowered = device.direction_since.filter(|_| device.direction < 0);
        let rated_w = device.capabilities.import_cap();
        let min_w = device.capabilities.min_power_w.unwrap_or_default();
        let target = target(registered, device, settings);
        Remembered {
            told_w: device.setpoint_w,
            rests: lowered.is_some_and(|since| self.now.since(since) < settings.dwell_ms),
            rated_w,
            min_w: rated_w.map_or(min_w, |rated| min_w.min(rated)),
            ramp_w_per_s: device.capabilities.ramp_w_per_s,
            charge: soc::known(device, self.now).map(|soc| (soc, target)),
        }
    }

    fn claim(
        &self,
        registered: Option<&registry::Device>,
        device: &Device,
        generates: bool,
    ) -> Claim {
        let settings = &self.registry.settings;
        let named = registered.and_then(|registered| registered.fallback_w);
        let target = target(registered, device, settings);
        let rests = device.soc.is_some_and(|soc| soc.0 >= target.0 - RESTS_BELOW);
        let shows_less = device.need_w.is_some() || rests || generates;
        let priority = registered.and_then(|registered| registered.priority);
        let priority = priority.or(device.preferences.priority).unwrap_or(DEFAULT_PRIORITY);
        let unit = if settings.respect_priority { 1_000 } else { 800 };
        let weight_milli = unit * i64::from(priority.clamp(1, 10));
        Claim {
            fallback_w: device.capabilities.fallback_w.filter(|_| named.is_none()),
            could_use_w: device.capabilities.import_cap().filter(|_| !shows_less),
            weight_milli: device.soc.is_none().then_some(weight_milli),
        }
    }

    fn hears(&self, device: &Device) -> bool {
        let oldest_ms = stale_after_ms(device, &self.registry.settings);
        let recent = device.last_steering.is_some_and(|at| self.now.since(at) <= oldest_ms);
        recent && !device.offline && !device.distrusted
    }

    fn part(
        &self,
        registered: Option<&registry::Device>,
        device_type: DeviceType,
        node: usize,
        heard: bool,
    ) -> Part {
        let takes_part = registered.filter(|registered| !registered.opted_out);
        let Certain { mode, limits_export, .. } = self.nodes[node];
        let ordered = takes_part
            .and_then(|registered| registered.override_w)
            .is_some_and(|(_, until)| until > self.now);
        let told = match device_type.nature() {
            Nature::Measures if registered.is_none_or(|registered| !registered.opted_out) => {
                return Part::Meter;
            }
            Nature::Measures | Nature::Free => false,
            Nature::Gives => limits_export,
            Nature::Takes | Nature::Stores => true,
        };
        match mode {
            _ if !told || takes_part.is_none() => Part::Left,
            FeederMode::Disabled => Part::Left,
            FeederMode::Manual if !ordered => Part::Left,
            FeederMode::Shadow if heard => Part::Watched,
            FeederMode::Shadow => Part::Left,
            FeederMode::Automatic | FeederMode::Manual if heard => Part::Commanded,
            FeederMode::Automatic | FeederMode::Manual => Part::Silent,
        }
    }

    /// Registered and never heard: what an operator has named, else what the settings assume.
    fn never_heard(
        &self,
        registered: Option<&registry::Device>,
        device_type: DeviceType,
    ) -> Bounds {
        let assumed = self.registry.settings.unheard_w.max(Watts::ZERO);
        let named = registered.and_then(|registered| registered.fallback_w);
        let (least, most) = match (named, device_type.nature()) {
            (Some(named), _) => (named, Watts::ZERO),
            (None, Nature::Takes) => (Watts::ZERO, assumed),
            (None, Nature::Stores) => (-assumed, assumed),
            (None, Nature::Gives) => (-assumed, Watts::ZERO),
            (None, Nature::Measures | Nature::Free) => return Bounds::NOTHING,
        };
        Bounds::between(least, most)
    }

    /// What its commands allow whose leases may live, W; none where there is none.
    fn allowed(&self, device: &Device) -> Option<Bounds> {
        let live = device.live.iter().filter(|live| live.until > self.now);
        let each = live.map(|live| Bounds::between(live.setpoint_w, live.fallback_w));
        each.reduce(Bounds::or)
    }

    /// What its commands allow; what it was seen to take where there is none, or it is beyond.
    fn may_take(
        &self,
        device: &Device,
        part: Part,
        allowed: Option<Bounds>,
        seen: Bounds,
    ) -> Bounds {
        let settings = &self.registry.settings;
        let tolerance = tolerance(device);
        let least = allowed.map(|allowed| -allowed.least);
        let least = -allowed_or_seen(least, -seen.least, tolerance);
        // One that rejects what it is told may take all that it can.
        let takes_all = rejects(device) && !device.device_type.generates();
        let all = if takes_all { rated_w(device, settings) } else { Watts::MIN };
        let most = allowed.map(|allowed| allowed.most.max(all));
        if part == Part::Silent {
            let silent_ms = device.last_steering.map_or(i64::MAX, |at| self.now.since(at));
            // One that names a fallback is known to be there when its lease is over.
            let lapsed = device.capabilities.fallback_w.is_some()
                && device.setpoint_w.is_some()
                && silent_ms > 2 * settings.lease_ms;
            let newest = device.power_w.filter(|_| !lapsed).unwrap_or_default();
            let most = most.unwrap_or_default().max(newest).max(Watts::ZERO);
            return Bounds { least, most };
        }
        Bounds { least, most: allowed_or_seen(most, seen.most, tolerance) }
    }

    /// Adds up what nobody commands and what is not heard; where a head meter is heard and not doubted, it has the word.
    fn add_up(
        &mut self,
        topology: &Topology,
        states: &BTreeMap<FeederId, NodeSnapshot>,
        mut sums: Vec<Sums>,
    ) {
        for index in (0..sums.len()).rev() {
            let place = &topology.nodes[index];
            let state = states.get(&place.feeder_id);
            let own = &mut sums[index];
            let doubted = state.is_some_and(|state| state.meter.doubted.is_some());
            if let Some(meter) = own.meter.filter(|_| !doubted && !own.meter_silent) {
                let measured = meter - own.commanded + own.unseen;
                // Less than what is known is believed of a meter that has agreed with it before.
                let agreed = state.is_some_and(|state| state.meter.agreed > 0);
                own.base = if agreed { measured } else { measured.max(own.base) };
            }
            self.nodes[index].base_w = own.base;
            let (commanded, unseen, base) = (own.commanded, own.unseen, own.base);
            if let Some(parent) = place.parent {
                let above = &mut sums[parent];
                above.commanded += commanded;
                above.unseen += unseen;
                above.base += base;
            }
        }
    }
}

/// What commands allow, unless it was seen beyond that. What is given is the mirror image of what is taken.
fn allowed_or_seen(allowed: Option<Watts>, seen: Watts, tolerance: Watts) -> Watts {
    allowed.filter(|most| seen <= *most + tolerance).unwrap_or(seen)
}

/// Watts under a node.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    commanded: Watts,
    /// What silent devices may take beyond what they were last seen to take: no meter's reading has it.
    unseen: Watts,
    base: Watts,
    meter: Option<Watts>,
    meter_silent: bool,
}

impl Sums {
    fn count(&mut self, fact: &Fact<'_>, takes: Takes) {
        let (most_w, Takes { takes_w, leased, heard, generates }) = (fact.may.most, takes);
        match fact.part {
            Part::Commanded if generates => self.base += takes_w.max(most_w),
            Part::Commanded => self.commanded += takes_w,
            Part::Silent => {
                self.base += most_w;
                self.unseen += (most_w - takes_w).max(Watts::ZERO);
            }
            Part::Left if leased => self.base += takes_w.max(most_w),
            Part::Left | Part::Watched => self.base += takes_w,
            Part::Meter if !heard => self.meter_silent = true,
            Part::Meter => self.meter = Some(self.meter.unwrap_or_default() + takes_w),
        }
    }
}

/// The operator's, the owner's, else the settings'.
fn target(
    registered: Option<&registry::Device>,
    device: &Device,
    settings: &ControlSettings,
) -> Soc {
    let operators = registered.and_then(|registered| registered.target_soc);
    operators.or(device.preferences.target_soc).unwrap_or(settings.target_soc)
}

fn nodes(registry: &Registry, topology: &Topology, now: Timestamp) -> Vec<Certain> {
    let mut nodes: Vec<Certain> = Vec::with_capacity(topology.nodes.len());
    for place in &topology.nodes {
        let feeder = registry.feeders.get(&place.feeder_id).cloned().unwrap_or_default();
        let above = place.parent.map(|parent| nodes[parent]);
        let export_w = feeder.export_limit_w;
        nodes.push(Certain {
            limit_w: limit_w(registry, &place.feeder_id, &feeder, now),
            export_w,
            base_w: Watts::ZERO,
            mode: above.map_or(feeder.mode, |above| more_reserved(feeder.mode, above.mode)),
            limits_export: export_w.is_some() || above.is_some_and(|above| above.limits_export),
        });
    }
    nodes
}

/// How much a mode leaves alone.
fn more_reserved(one: FeederMode, other: FeederMode) -> FeederMode {
    let rank = |mode| match mode {
        FeederMode::Automatic => 0,
        FeederMode::Manual => 1,
        FeederMode::Shadow => 2,
        FeederMode::Disabled => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}
