//! Who is who in this decision, and the load that nobody commands.

mod discharge;
mod floor;
mod known;
mod meter;
mod moved;
mod role;
mod standby;
mod sums;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemas::ids::mix;
use schemas::records::decision::{Freshness, Reason};
use schemas::records::operator::FeederMode;
use schemas::records::snapshot::{DeviceSnapshot as Device, MeterSnapshot, NodeSnapshot};
use schemas::records::telemetry::DeviceType;
use schemas::registry::{self, Registry};
use schemas::{DeviceId, FeederId, Soc, Timestamp, Watts};

use self::known::Passing;
use self::moved::Before;
use self::sums::Parts;
use crate::bounds::Bounds;
use crate::claims;
use crate::device::commanded;
use crate::devices::Devices;
use crate::limits::Limits;
use crate::release::is_released_later;
use crate::topology::Topology;
use crate::wants::{Want, want};

/// The part a device plays in this decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Heard, and takes setpoints.
    Controlled,
    /// Takes setpoints, but is not heard: its power stays reserved.
    Silent(Reason),
    /// Counted, not commanded.
    Passive(Reason),
    /// Would be controlled, but its feeder only watches.
    Shadow,
}

/// One device in this decision.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    pub(crate) device_id: &'a DeviceId,
    pub(crate) device_type: DeviceType,
    pub(crate) node: usize,
    pub(crate) role: Role,
    pub(crate) freshness: Freshness,
    pub(crate) device: Option<&'a Device>,
    /// Power in the window, W; 0 when never heard.
    pub(crate) power_w: Watts,
    /// What it may take whatever is decided now (G1): live commands, fallback, power not seen to have moved yet.
    pub(crate) may: Bounds,
    pub(crate) fallback_w: Watts,
    /// It does not follow, or a decrease has not reached it: counted at what it may take, asked for no more.
    pub(crate) stuck: bool,
    /// It draws nothing, and may start with so much: held back for together with others.
    pub(crate) standby_w: Option<Watts>,
    /// A plan failed its check because of it.
    pub(crate) set_aside: bool,
    /// An operator has named its fallback.
    pub(crate) fallback_named: bool,
    /// What it is told while it is not heard: the setpoint, if any, and why.
    pub(crate) told: (Option<Watts>, Reason),
    /// Returns later after an event, spread by event and device (G20).
    pub(crate) released_later: bool,
    pub(crate) want: Want,
    pub(crate) known: Known,
    pub(crate) override_w: Option<Watts>,
    pub(crate) tie: u64,
}

/// What is remembered of a device, as far as a plan goes by it: copied, since the whole is too large to be looked at in each
/// step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// The last setpoint, W.
    pub(crate) setpoint_w: Option<Watts>,
    pub(crate) ramp_w_per_s: Option<Watts>,
    /// Rating named for import, W.
    pub(crate) rated_w: Option<Watts>,
    /// State of charge, and the one that it is charged to.
    pub(crate) soc: Option<(Soc, Soc)>,
    /// It was lowered less than a dwell time ago.
    pub(crate) rests: bool,
    /// Whether it runs, and began to less than a dwell time ago.
    pub(crate) running: bool,
    pub(crate) began: bool,
    /// Since when it wants power; far in the future while it wants none.
    pub(crate) wants_since: Timestamp,
    pub(crate) carried_w: Watts,
    pub(crate) deficit_wms: i64,
    pub(crate) non_compliant: bool,
    pub(crate) skewed: bool,
    /// A command may be in force.
    pub(crate) leased: bool,
    /// Its readings are not believed; what it claims contradicts itself; it rejects what it is told.
    pub(crate) distrusted: bool,
    pub(crate) contradicts: bool,
    pub(crate) rejects: bool,
    /// What is said of its power: its mean in the window, else the newest.
    pub(crate) power_w: Option<Watts>,
    pub(crate) sample_age_ms: Option<i64>,
    /// The last command's lease has more than half of its life left.
    pub(crate) lease_is_fresh: bool,
    /// A setpoint below this is sent again: the device acknowledges, has not said that it got its last command, and takes more.
    pub(crate) astray_above_w: Watts,
    pub(crate) typed_layout: bool,
}

impl Seen<'_> {
    /// From now on it counts at the worst that it may take, is asked for no more, and nothing is promised of it.
    pub(crate) fn set_aside(&mut self) {
        let rated = self.known.rated_w.unwrap_or(Watts::ZERO);
        self.may.most = self.may.most.max(self.power_w).max(rated);
        self.fallback_w = self.fallback_w.min(self.may.most);
        self.stuck = true;
        self.set_aside = true;
    }

    /// It is counted at what it takes, whatever it is told.
    pub(crate) fn counts_as_it_is(&self) -> bool {
        self.known.non_compliant || self.known.rejects || self.set_aside
    }

    /// The least that can count for it: what it takes anyhow where it does not follow.
    pub(crate) fn least_counted_w(&self) -> Watts {
        let least_w = self.counted(self.want.low_w);
        if self.stuck { least_w.max(self.may.most) } else { least_w }
    }

    /// What counts for it under a setpoint (G1): the setpoint, or what it does when the setpoint's lease lapses, if that
    /// is more.
    pub(crate) fn counted(&self, setpoint_w: Watts) -> Watts {
        if self.fallback_w > Watts::ZERO { setpoint_w.max(self.fallback_w) } else { setpoint_w }
    }
}

/// One node in this decision.
#[derive(Debug, Clone)]
pub(crate) struct NodeEstimate {
    pub(crate) limits: Limits,
    pub(crate) mode: FeederMode,
    /// What holds for a device here because of this node or one above it.
    way: Way,
    /// Observed load under it.
    pub(crate) load_w: Watts,
    /// Observed power of controlled devices under it.
    pub(crate) controlled_w: Watts,
    /// B(n): upper estimate of what nobody commands, silent devices' reservations included.
    pub(crate) uncontrolled_w: Watts,
    /// Load that only the head meter knows of.
    pub(crate) unexplained_w: Option<Watts>,
    /// What is known of its head meter, if it has one, and whether its reading counts.
    pub(crate) meter: Option<MeterSnapshot>,
    pub(crate) believes_meter: bool,
    /// Observed load that nobody commands, at this moment.
    pub(crate) passive_w: Watts,
    /// The part of B(n) that is held for devices that are not heard, beyond what they were last seen to take.
    pub(crate) reserved_w: Watts,
}

/// What the nodes on the way to the root together say.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// The most reserved mode.
    mode: FeederMode,
    limits_export: bool,
    /// A restriction has ended a moment ago.
    releases: bool,
}

impl NodeEstimate {
    /// What the controlled devices under the node may take together.
    pub(crate) fn budget_w(&self) -> Watts {
        self.limits.import - self.limits.margin - self.uncontrolled_w
    }
}

/// What a decision is made from, beside the devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a, 'n> {
    pub(crate) registry: &'a Registry,
    pub(crate) nodes: &'n BTreeMap<FeederId, NodeSnapshot>,
    pub(crate) now: Timestamp,
    pub(crate) restarted_at: Option<Timestamp>,
    /// In between windows the newest samples count, not the last window's means.
    pub(crate) between_windows: bool,
}

/// The view that a decision is made on.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) nodes: Vec<NodeEstimate>,
    pub(crate) devices: Vec<Seen<'a>>,
}

impl View<'_> {
    /// Whether any feeder of the tree has an export limit.
    pub(crate) fn limits_export(&self) -> bool {
        self.nodes.iter().any(|node| node.limits.export.is_some())
    }

    /// Whether any feeder of the tree only watches.
    pub(crate) fn has_shadow(&self) -> bool {
        self.nodes.iter().any(|node| node.way.mode == FeederMode::Shadow)
    }
}

/// Estimates the tree. `look_back` is done to each device that was heard before it is looked at; a `witness` sees each that
/// is counted.
pub(crate) fn estimate<'a>(
    moment: &Moment<'a, '_>,
    topology: &'a Topology,
    limits: Vec<Limits>,
    devices: &'a mut Devices,
    look_back: impl Fn(&mut Device),
    witness: impl FnMut(&'a DeviceId, Option<&'a Device>),
) -> View<'a> {
    let registry = moment.registry;
    let nodes: Vec<NodeEstimate> = topology
        .nodes
        .iter()
        .zip(limits)
        .map(|(node, limits)| NodeEstimate {
            limits,
            mode: registry.feeders.get(&node.feeder_id).map_or(FeederMode::Automatic, |f| f.mode),
            way: Way { mode: FeederMode::Automatic, limits_export: false, releases: false },
            load_w: Watts::ZERO,
            controlled_w: Watts::ZERO,
            uncontrolled_w: Watts::ZERO,
            unexplained_w: None,
            meter: None,
            believes_meter: false,
            passive_w: Watts::ZERO,
            reserved_w: Watts::ZERO,
        })
        .collect();
    let mut view = View { topology, nodes, devices: Vec::new() };
    role::note_ways(&mut view, moment);
    let Sight { devices, mut own, idle } = see_devices(moment, &view, devices, look_back, witness);
    view.devices = devices;
    sums::add_up(&mut view, moment, own.clone());
    if sums::let_go(&mut view, &mut own) {
        sums::add_up(&mut view, moment, own);
    }
    standby::hold_back(&mut view, &idle);
    discharge::keep_inside(&mut view);
    discharge::weigh_by_energy(&mut view, &registry.settings);
    view
}

/// What is seen in passing over all devices.
struct Sight<'a> {
    /// Every device of the tree, in the order of ids.
    devices: Vec<Seen<'a>>,
    /// What they add up to at each node itself.
    own: Vec<Parts>,
    /// Those who may stand by, by index.
    idle: Vec<usize>,
}

fn see_devices<'a>(
    moment: &Moment<'a, '_>,
    view: &View<'a>,
    devices: &'a mut Devices,
    look_back: impl Fn(&mut Device),
    mut witness: impl FnMut(&'a DeviceId, Option<&'a Device>),
) -> Sight<'a> {
    let registry = moment.registry;
    let mut members = registry.members(&view.topology.nodes[0].feeder_id).peekable();
    let mut sight = Sight {
        devices: Vec::with_capacity(devices.len()),
        own: vec![Parts::default(); view.nodes.len()],
        idle: Vec::new(),
    };
    let mut heard = devices
        .iter_mut()
        .map(|device| {
            let before = Before::of(device, &registry.settings);
            look_back(device);
            (&*device, before)
        })
        .peekable();
    let mut last = None;
    let mut node_of = |feeder_id: &'a FeederId| match last {
        // Neighbours by id often stand at one feeder.
        Some((known, node)) if known == feeder_id => node,
        _ => {
            let node = view.topology.index_of(feeder_id).unwrap_or(0);
            last = Some((feeder_id, node));
            node
        }
    };
    // Devices of the registry, and devices heard that are not registered yet. Both stand in the order of ids.
    loop {
        let order = match (members.peek(), heard.peek()) {
            (Some((member, _)), Some((device, _))) => member.cmp(&&device.device_id),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return sight,
        };
        let member = members.next_if(|_| order.is_le());
        let (device, before) = heard.next_if(|_| order.is_ge()).unzip();
        let registered = member.map(|(_, registered)| registered);
        let Some(device_id) = device.map(|device| &device.device_id).or(member.map(|(id, _)| id))
        else {
            continue;
        };
        let Some(feeder_id) = (match (registered, device) {
            (Some(registered), _) => Some(&registered.feeder_id),
            // Moved to another tree: not of this one any more.
            (None, _) if registry.devices.contains_key(device_id) => None,
            (None, device) => device.map(|device| &device.feeder_id),
        }) else {
            continue;
        };
        let node = node_of(feeder_id);
        let mut seen = see(moment, view, device_id, node, registered, device);
        let mut passing = Passing::NOTHING;
        if let (Some(device), Some(before)) = (device, before) {
            passing = Passing::of(moment, device, seen.freshness, before);
            if let Some(start_w) = standby::start_w(&seen, device, moment) {
                seen.want.high_w = start_w;
                sight.idle.push(sight.devices.len());
            }
        }
        sight.own[seen.node].count(&seen, &passing);
        sight.devices.push(seen);
        witness(device_id, device);
    }
}

fn see<'a>(
    moment: &Moment<'a, '_>,
    view: &View<'a>,
    device_id: &'a DeviceId,
    node: usize,
    registered: Option<&registry::Device>,
    device: Option<&'a Device>,
) -> Seen<'a> {
    let Moment { registry, now, .. } = *moment;
    let settings = &registry.settings;
    let freshness = role::freshness(device, now, settings);
    // What it is registered as, whatever it calls itself.
    let device_type = registered.map(|registered| registered.device_type);
    let device_type =
        device_type.or(device.map(|device| device.device_type)).unwrap_or(DeviceType::Other);
    let override_w = registered
        .and_then(|registered| registered.override_w)
        .filter(|(_, until)| *until > now)
        .map(|(watts, _)| watts);
    let role = role::role(view, node, registered, device_type, freshness, override_w.is_some());
    let role = match role {
        Role::Silent(_) if role::unheard_since_restart(moment, device) => {
            Role::Silent(Reason::Restart)
        }
        Role::Controlled | Role::Silent(_) | Role::Passive(_) | Role::Shadow => role,
    };
    let named = registered.and_then(|registered| registered.fallback_w);
    let fallback = named.map_or_else(
        || device.and_then(|device| device.capabilities.fallback_w).unwrap_or(Watts::ZERO),
        |named| device.map_or(named, |device| claims::fallback(named, &device.capabilities)),
    );
    let told = match role {
        Role::Silent(why) => role::told_unheard(device, device_type, why, settings, now),
        Role::Controlled | Role::Passive(_) | Role::Shadow => (None, Reason::NotCommanded),
    };
    let may = device.map_or_else(
        || floor::unheard(registered, device_type, settings),
        |device| floor::may_take(device, role, fallback, commanded(device, now), moment),
    );
    let want = device.map_or(Want::UNHEARD, |device| want(device, registered, settings, now));
    Seen {
        device_id,
        device_type,
        node,
        role,
        freshness,
        device,
        power_w: device.map_or(Watts::ZERO, |device| {
            floor::power(device, role, freshness, moment.between_windows)
        }),
        stuck: device.is_some_and(|device| floor::is_stuck(device, may.most, settings, now)),
        may: Bounds { most: may.most.max(told.0.unwrap_or(Watts::MIN)), ..may },
        fallback_w: fallback,
        standby_w: None,
        set_aside: false,
        fallback_named: named.is_some(),
        told,
        released_later: view.nodes[node].way.releases
            && view.topology.path(node).any(|above| {
                is_released_later(moment, &view.topology.nodes[above].feeder_id, device_id)
            }),
        want,
        known: device.map_or(Known::NOTHING, |device| known::known(moment, device, registered)),
        override_w,
        // Ties change hands by the hour, so that nobody is first for ever and nothing flickers.
        tie: mix(registered.map_or(0, |registered| registered.id_hash)
            ^ now.window_start(3_600_000).0.unsigned_abs()),
    }
}
