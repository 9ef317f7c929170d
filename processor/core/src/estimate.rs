//! Who is who in this decision, and the load that nobody commands.

use std::collections::BTreeMap;

use schemas::ids::stable_hash;
use schemas::records::decision::{Freshness, Reason};
use schemas::records::operator::FeederMode;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::DeviceType;
use schemas::registry::{self, Registry};
use schemas::{DeviceId, Timestamp, Watts};

use crate::device::tolerance;
use crate::limits::{Limits, limits};
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
    pub(crate) registered: Option<&'a registry::Device>,
    /// Power in the window, W; 0 when never heard.
    pub(crate) power_w: i64,
    /// What it may take whatever is decided now (G1): live commands, fallback, power not seen to have moved yet.
    pub(crate) floor_w: i64,
    pub(crate) fallback_w: i64,
    pub(crate) want: Want,
    pub(crate) override_w: Option<i64>,
    pub(crate) tie: u64,
}

/// One node in this decision.
#[derive(Debug, Clone)]
pub(crate) struct NodeEstimate {
    pub(crate) limits: Limits,
    pub(crate) mode: FeederMode,
    /// Observed load under it.
    pub(crate) load_w: i64,
    /// Observed power of controlled devices under it.
    pub(crate) controlled_w: i64,
    /// B(n): upper estimate of what nobody commands, silent devices' reservations included.
    pub(crate) uncontrolled_w: i64,
    /// The part of B(n) that is held for devices that are not heard, beyond what they were last seen to take.
    pub(crate) reserved_w: i64,
}

impl NodeEstimate {
    /// What the controlled devices under the node may take together.
    pub(crate) fn budget_w(&self) -> i64 {
        self.limits.import.0 - self.limits.margin.0 - self.uncontrolled_w
    }
}

/// The view that a decision is made on.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) topology: Topology,
    pub(crate) nodes: Vec<NodeEstimate>,
    pub(crate) devices: Vec<Seen<'a>>,
}

/// Estimates the tree at `now`.
pub(crate) fn estimate<'a>(
    registry: &'a Registry,
    topology: Topology,
    devices: &'a BTreeMap<DeviceId, Device>,
    now: Timestamp,
    restarted_at: Option<Timestamp>,
) -> View<'a> {
    let horizon = now.plus_ms(2 * registry.settings.interval_ms);
    let nodes: Vec<NodeEstimate> = topology
        .nodes
        .iter()
        .map(|node| NodeEstimate {
            limits: limits(registry, &node.feeder_id, now, horizon),
            mode: registry.feeders.get(&node.feeder_id).map_or(FeederMode::Automatic, |f| f.mode),
            load_w: 0,
            controlled_w: 0,
            uncontrolled_w: 0,
            reserved_w: 0,
        })
        .collect();
    let mut view = View { topology, nodes, devices: Vec::new() };
    view.devices = see_devices(registry, &view, devices, now, restarted_at);
    add_up(&mut view);
    view
}

fn see_devices<'a>(
    registry: &'a Registry,
    view: &View<'a>,
    devices: &'a BTreeMap<DeviceId, Device>,
    now: Timestamp,
    restarted_at: Option<Timestamp>,
) -> Vec<Seen<'a>> {
    // Devices of the registry, and devices heard that are not registered yet, by id.
    let mut ids: BTreeMap<&DeviceId, usize> = BTreeMap::new();
    for (device_id, registered) in &registry.devices {
        if let Some(node) = view.topology.index_of(&registered.feeder_id) {
            ids.insert(device_id, node);
        }
    }
    for (device_id, device) in devices {
        if !registry.devices.contains_key(device_id) {
            ids.insert(device_id, view.topology.index_of(&device.feeder_id).unwrap_or(0));
        }
    }
    ids.into_iter()
        .map(|(device_id, node)| {
            let device = devices.get(device_id);
            see(registry, view, device_id, node, device, now, restarted_at)
        })
        .collect()
}

fn see<'a>(
    registry: &'a Registry,
    view: &View<'a>,
    device_id: &'a DeviceId,
    node: usize,
    device: Option<&'a Device>,
    now: Timestamp,
    restarted_at: Option<Timestamp>,
) -> Seen<'a> {
    let settings = &registry.settings;
    let registered = registry.devices.get(device_id);
    let freshness = freshness(device, now, settings.stale_ms);
    let device_type = device.map(|device| device.device_type);
    let device_type = device_type
        .or(registered.map(|registered| registered.device_type))
        .unwrap_or(DeviceType::Other);
    let role = role(view, node, registered, device_type, freshness);
    let fallback = registered
        .and_then(|registered| registered.fallback_w)
        .or(device.and_then(|device| device.capabilities.fallback_w))
        .unwrap_or(Watts::ZERO);
    let power = device.and_then(|device| device.mean_w.or(device.power_w)).unwrap_or(Watts::ZERO);
    let unheard_since_restart = restarted_at.is_some_and(|restarted_at| {
        device.and_then(|device| device.last_arrival).is_none_or(|at| at < restarted_at)
    });
    let role = match role {
        Role::Silent(_) if unheard_since_restart => Role::Silent(Reason::Restart),
        Role::Controlled | Role::Silent(_) | Role::Passive(_) | Role::Shadow => role,
    };
    Seen {
        device_id,
        device_type,
        node,
        role,
        freshness,
        device,
        registered,
        power_w: power.0,
        floor_w: device.map_or(fallback.0, |device| floor(device, role, fallback, now)),
        fallback_w: fallback.0,
        want: device.map_or(
            Want {
                low_w: 0,
                high_w: 0,
                min_w: 0,
                rated_w: 0,
                weight_milli: 1_000,
                reason: Reason::Missing,
            },
            |device| want(device, registered, settings, now),
        ),
        override_w: registered
            .and_then(|registered| registered.override_w)
            .filter(|(_, until)| *until > now)
            .map(|(watts, _)| watts.0),
        // Ties change hands by the hour, so that nobody is first for ever and nothing flickers.
        tie: stable_hash(&[
            device_id.as_str().as_bytes(),
            &now.window_start(3_600_000).0.to_be_bytes(),
        ]),
    }
}

fn freshness(device: Option<&Device>, now: Timestamp, stale_ms: i64) -> Freshness {
    match device.and_then(|device| device.last_steering.map(|at| (device, at))) {
        None => Freshness::Missing,
        Some((device, _)) if device.offline => Freshness::Offline,
        Some((_, at)) if now.since(at) > stale_ms => Freshness::Stale,
        Some(_) => Freshness::Fresh,
    }
}

fn role(
    view: &View<'_>,
    node: usize,
    registered: Option<&registry::Device>,
    device_type: DeviceType,
    freshness: Freshness,
) -> Role {
    let mut modes = view.topology.path(node).map(|above| view.nodes[above].mode);
    let mut mode = FeederMode::Automatic;
    for above in &mut modes {
        // The most reserved mode on the way to the root holds.
        mode = match (mode, above) {
            (FeederMode::Disabled, _) | (_, FeederMode::Disabled) => FeederMode::Disabled,
            (FeederMode::Shadow, _) | (_, FeederMode::Shadow) => FeederMode::Shadow,
            (FeederMode::Manual, _) | (_, FeederMode::Manual) => FeederMode::Manual,
            (FeederMode::Automatic, FeederMode::Automatic) => FeederMode::Automatic,
        };
    }
    let Some(registered) = registered else {
        return Role::Passive(Reason::NotCommanded);
    };
    if registered.opted_out {
        return Role::Passive(Reason::OptedOut);
    }
    let limited_export =
        view.topology.path(node).any(|above| view.nodes[above].limits.export.is_some());
    let commanded = match device_type {
        DeviceType::Ev | DeviceType::Battery => true,
        DeviceType::Pv => limited_export,
        DeviceType::Meter | DeviceType::Other => false,
    };
    let overridden = registered.override_w.is_some();
    match mode {
        FeederMode::Disabled => Role::Passive(Reason::NotCommanded),
        _ if !commanded => Role::Passive(Reason::NotCommanded),
        FeederMode::Manual if !overridden => Role::Passive(Reason::NotCommanded),
        FeederMode::Shadow if freshness == Freshness::Fresh => Role::Shadow,
        FeederMode::Shadow => Role::Passive(Reason::NotCommanded),
        FeederMode::Automatic | FeederMode::Manual => match freshness {
            Freshness::Fresh => Role::Controlled,
            Freshness::Stale | Freshness::Offline => Role::Silent(Reason::Stale),
            Freshness::Missing => Role::Silent(Reason::Missing),
        },
    }
}

/// What the device may take whatever is decided now.
///
/// A live command counts until its lease is over or the device was seen or said to have left it; the fallback counts
/// because a lease can lapse; observed power counts while it is above what was commanded, or nothing was.
fn floor(device: &Device, role: Role, fallback: Watts, now: Timestamp) -> i64 {
    let live = device.live.iter().filter(|live| live.until > now);
    let commanded = live.map(|live| live.setpoint_w.max(live.fallback_w)).max();
    let observed =
        device.power_w.unwrap_or(Watts::ZERO).max(device.mean_w.unwrap_or(Watts(i64::MIN)));
    let Some(commanded) = commanded else {
        // A lease that has ended leaves the fallback, but only a device known to keep leases is trusted to be there.
        let keeps_leases = device.capabilities.fallback_w.is_some();
        return match role {
            Role::Silent(_) if keeps_leases && device.setpoint_w.is_some() => fallback.0,
            Role::Silent(_) | Role::Controlled | Role::Passive(_) | Role::Shadow => {
                observed.max(fallback).0
            }
        };
    };
    match role {
        Role::Silent(_) => commanded.max(observed).0,
        Role::Controlled | Role::Passive(_) | Role::Shadow => {
            if observed > commanded + tolerance(device) { observed.0 } else { commanded.0 }
        }
    }
}

/// Adds devices up to nodes, and nodes to their parents, head meters having the word where they are heard.
fn add_up(view: &mut View<'_>) {
    let count = view.nodes.len();
    let (mut controlled, mut passive) = (vec![0_i64; count], vec![0_i64; count]);
    let (mut held, mut silent_power) = (vec![0_i64; count], vec![0_i64; count]);
    let mut meters: Vec<Option<i64>> = vec![None; count];
    for seen in &view.devices {
        match seen.role {
            Role::Controlled if seen.device_type != DeviceType::Pv => {
                controlled[seen.node] += seen.power_w;
            }
            Role::Silent(_) => {
                held[seen.node] += seen.floor_w;
                silent_power[seen.node] += seen.power_w;
            }
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                if seen.freshness == Freshness::Fresh {
                    let reading = meters[seen.node].unwrap_or(0) + seen.power_w;
                    meters[seen.node] = Some(reading);
                }
            }
            // Generation under export control is seen from the import side as it is observed.
            Role::Controlled | Role::Passive(_) | Role::Shadow => {
                passive[seen.node] += seen.power_w;
            }
        }
    }
    let mut load = vec![0_i64; count];
    for index in (0..count).rev() {
        // Children stand after their parents: theirs have been added here already.
        let observed = controlled[index] + passive[index] + silent_power[index];
        load[index] = meters[index].unwrap_or(observed);
        if meters[index].is_some() {
            passive[index] = load[index] - controlled[index] - silent_power[index];
        }
        let node = &mut view.nodes[index];
        node.load_w = load[index];
        node.controlled_w = controlled[index];
        node.uncontrolled_w = passive[index] + held[index];
        node.reserved_w = (held[index] - silent_power[index]).max(0);
        if let Some(parent) = view.topology.nodes[index].parent {
            controlled[parent] += controlled[index];
            passive[parent] += passive[index];
            silent_power[parent] += silent_power[index];
            held[parent] += held[index];
        }
    }
}
